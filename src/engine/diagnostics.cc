// SEND DIAGNOSTIC: self-tests.
#include "scsi/diagnostics.h"

#include "base/core.h"
#include "engine/background.h"
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"

#include <array>

namespace targe::engine {

namespace {

using scsi::Diagnostic;
using scsi::SelfTestResult;

constexpr std::uint8_t kBackgroundShort = 1;
constexpr std::uint8_t kForegroundShort = 5;

SelfTestResult failed(SelfTestResult result, const device::IoFailure& failure) {
    result.ending = SelfTestResult::Ending::by_failed_segment;
    result.first_failure = failure.lba;
    const scsi::Outcome outcome = sense_from(failure);  // a status alone where the host was only busy
    if (const auto* const sense = std::get_if<scsi::Sense>(&outcome)) {
        result.sense = *sense;
    }
    return result;
}

/// Looks whether the store is there, and reads the first, the middle and the last block of the medium.
base::Task<SelfTestResult> self_test(base::CommandArena& arena, LogicalUnit& unit, base::Core& core,
                                     std::uint8_t code) {
    SelfTestResult result{.code = code, .unix_ms = core.unix_ms()};
    device::Device& disk = unit.device();
    const device::IoResult present = co_await disk.probe(arena);
    if (!present) {
        co_return failed(result, present.error());
    }
    const device::Geometry geometry = disk.geometry();
    const auto buffer = core.buffers().take(geometry.block_size);
    if (!buffer) {
        result.ending = SelfTestResult::Ending::by_unknown_error;
        co_return result;
    }
    const base::Segment into{buffer->bytes().data(), geometry.block_size};
    for (const std::uint64_t lba : {std::uint64_t{0}, geometry.blocks / 2, geometry.blocks - 1}) {
        const device::IoResult read = co_await disk.read(arena, lba, {&into, 1});
        if (!read) {
            co_return failed(result, read.error());
        }
    }
    co_return result;
}

/// From `here` to the unit's home and back: the result is then in the state of every lane.
base::Task<void> enter(base::CommandArena& /*arena*/, LogicalUnit& unit, base::Core& here,
                       SelfTestResult result) {
    UnitHome& home = unit.home();
    if (&home.core() != &here) {
        co_await base::hop_to(home.core());
    }
    Change change{home};
    co_await change.begin();
    auto& results = change.state().self_tests;
    results.insert(results.begin(), result);
    results.resize(std::min(results.size(), kSelfTests));
    co_await change.commit();
    if (&home.core() != &here) {
        co_await base::hop_to(here);
    }
}

Background test_in_background(std::shared_ptr<LogicalUnit> unit, base::Core& core) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 2048> block;
    base::CommandArena arena{block};
    const SelfTestResult result = co_await self_test(arena, *unit, core, kBackgroundShort);
    co_await enter(arena, *unit, core, result);
}

}  // namespace

Execution execute_send_diagnostic(base::CommandArena& arena, Command& command) {
    const auto plan = scsi::plan_send_diagnostic(command.cdb.first<scsi::SendDiagnosticCdb::kSize>());
    if (!plan) {
        co_return plan.error();
    }
    LogicalUnit& unit = *command.life.unit->unit;
    base::Core& core = command.life.nexus->core();
    if (*plan == Diagnostic::none) {
        const auto refusal =
            scsi::refuse_diagnostic_page({command.life.out_segment.data, command.life.out_segment.size});
        co_return refusal ? scsi::Outcome{*refusal} : scsi::Status::good;
    }
    if (*plan == Diagnostic::background_short) {
        test_in_background(command.life.unit->unit, core);
        co_return scsi::Status::good;
    }
    const SelfTestResult result = co_await self_test(arena, unit, core, kForegroundShort);
    // The default self-test is in no log, [SPC-4 r37].
    if (*plan == Diagnostic::foreground_short) {
        co_await enter(arena, unit, core, result);
    }
    if (result.ending != SelfTestResult::Ending::well) {
        co_return scsi::Sense{.key = scsi::SenseKey::hardware_error,
                              .asc = scsi::Asc::logical_unit_failed_self_test};
    }
    co_return scsi::Status::good;
}

}  // namespace targe::engine
