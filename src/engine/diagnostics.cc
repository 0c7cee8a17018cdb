// SEND DIAGNOSTIC: self-tests.
#include "scsi/diagnostics.h"

#include "base/core.h"
#include "engine/at_home.h"
#include "engine/background.h"
#include "engine/block_io.h"
#include "engine/exceptions.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/self_test.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace targe::engine {

namespace {

using scsi::Diagnostic;
using scsi::SelfTestResult;
using Ending = SelfTestResult::Ending;

SelfTestResult failed(const device::IoFailure& failure) {
    SelfTestResult result{.ending = Ending::by_failed_segment, .first_failure = failure.lba};
    const scsi::Outcome outcome = sense_from(failure);  // a status alone where the host was only busy
    if (const auto* const sense = std::get_if<scsi::Sense>(&outcome)) {
        result.sense = *sense;
    }
    return result;
}

/// Who carries a test out, where, and for which command if that waits for it.
struct Examiner {
    LogicalUnit& unit;
    base::Core& core;
    const Command* command;  ///< null: it goes on in the background
    SelfTestRun* run;        ///< null: the default self-test, which nobody is told of

    /// Whether it has to end now, and how.
    [[nodiscard]] std::optional<Ending> ends() const {
        if ((command != nullptr && was_aborted(*command)) || unit.stopping()) {
            return Ending::aborted_otherwise;
        }
        const Ending asked = run != nullptr ? run->stop.load(std::memory_order_relaxed) : Ending::in_progress;
        return asked != Ending::in_progress ? std::optional{asked} : std::nullopt;
    }
    void has_come_to(std::uint64_t lba, std::uint64_t blocks) const {
        constexpr std::uint64_t kWhole = 0x10000;
        const auto share = static_cast<double>(lba) / static_cast<double>(blocks);
        if (run != nullptr) {
            run->progress.store(static_cast<std::uint16_t>(share * (kWhole - 1)), std::memory_order_relaxed);
        }
    }
};

/// Whether the store is there.
base::Task<SelfTestResult> examine_store(base::CommandArena& arena, const Examiner& examiner) {
    const device::IoResult present = co_await examiner.unit.device().probe(arena);
    if (!present) {
        co_return failed(present.error());
    }
    co_return SelfTestResult{};
}

/// Reads the first, the middle and the last block of the medium.
base::Task<SelfTestResult> sample_medium(base::CommandArena& arena, const Examiner& examiner) {
    device::Device& disk = examiner.unit.device();
    const device::Geometry geometry = disk.geometry();
    const auto buffer = examiner.core.buffers().take(geometry.block_size);
    if (!buffer) {
        co_return SelfTestResult{.ending = Ending::by_unknown_error};
    }
    const base::Segment into{buffer->bytes().data(), geometry.block_size};
    for (const std::uint64_t lba : {std::uint64_t{0}, geometry.blocks / 2, geometry.blocks - 1}) {
        const device::IoResult read = co_await disk.read(arena, lba, {&into, 1});
        if (!read) {
            co_return failed(read.error());
        }
    }
    co_return SelfTestResult{};
}

/// Reads all of the medium, with a pause after each piece: commands come first.
base::Task<SelfTestResult> read_medium(base::CommandArena& arena, const Examiner& examiner) {
    constexpr std::chrono::milliseconds kPause{1};
    device::Device& disk = examiner.unit.device();
    const device::Geometry geometry = disk.geometry();
    const std::uint64_t piece = kPieceBytes / geometry.block_size;
    const auto buffer = examiner.core.buffers().take(kPieceBytes);
    if (!buffer) {
        co_return SelfTestResult{.ending = Ending::by_unknown_error};
    }
    for (std::uint64_t lba = 0; lba < geometry.blocks; lba += piece) {
        if (const auto ending = examiner.ends()) {
            co_return SelfTestResult{.ending = *ending};
        }
        const std::uint64_t now = std::min(piece, geometry.blocks - lba);
        const base::Segment into{buffer->bytes().data(), static_cast<std::size_t>(now * geometry.block_size)};
        const device::IoResult read = co_await disk.read(arena, lba, {&into, 1});
        if (!read) {
            co_return failed(read.error());
        }
        examiner.has_come_to(lba + now, geometry.blocks);
        co_await base::sleep_for(examiner.core, kPause);
    }
    co_return SelfTestResult{};
}

base::Task<SelfTestResult> examine(base::CommandArena& arena, const Examiner& examiner, bool extended) {
    SelfTestResult result = co_await examine_store(arena, examiner);
    if (result.ending == Ending::well) {
        if (extended) {
            result = co_await read_medium(arena, examiner);
        } else {
            result = co_await sample_medium(arena, examiner);
        }
    }
    const auto ending = examiner.ends();
    if (result.ending == Ending::well && ending) {
        result.ending = *ending;
    }
    co_return result;
}

/// From `here` to the unit's home and back: the result is then in the log, and the test no longer under way.
base::Task<void> enter(base::CommandArena& /*arena*/, LogicalUnit& unit, base::Core& here,
                       std::shared_ptr<SelfTestRun> run, SelfTestResult result) {
    UnitHome& home = unit.home();
    if (&home.core() != &here) {
        co_await base::hop_to(home.core());
    }
    Change change{home};
    co_await change.begin();
    UnitState& state = change.state();
    if (state.self_test == run) {
        state.self_test.reset();
    }
    // The log may have been reset meanwhile.
    const auto entry = std::ranges::find(state.self_tests, Ending::in_progress, &SelfTestResult::ending);
    if (entry != state.self_tests.end()) {
        result.code = run->code;
        result.unix_ms = home.core().unix_ms();
        *entry = result;
    }
    const bool failed_behind = !run->foreground && result.ending == Ending::by_failed_segment;
    if (failed_behind && state.pages.background_errors_reported) {
        report_exception(change, scsi::Asc::warning_background_self_test_failed);
    }
    co_await change.commit();
    if (&home.core() != &here) {
        co_await base::hop_to(here);
    }
}

Background test_in_background(std::shared_ptr<LogicalUnit> unit, base::Core& core,
                              std::shared_ptr<SelfTestRun> run, bool extended) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 4096> block;
    base::CommandArena arena{block};
    const Examiner examiner{.unit = *unit, .core = core, .command = nullptr, .run = run.get()};
    const SelfTestResult result = co_await examine(arena, examiner, extended);
    if (!unit->stopping()) {
        co_await enter(arena, *unit, core, run, result);
    }
}

/// One at a time, of which the log tells from the beginning, [SPC-4 r37 5.15.4.3].
scsi::Outcome begin(Change& change, const std::shared_ptr<SelfTestRun>& run) {
    UnitState& state = change.state();
    if (const auto other = self_test_in_progress(state)) {
        return *other;
    }
    if (run) {
        state.self_test = run;
        state.self_tests.insert(state.self_tests.begin(), {.code = run->code, .ending = Ending::in_progress});
        state.self_tests.resize(std::min(state.self_tests.size(), kSelfTests));
    }
    return scsi::Status::good;
}

scsi::Outcome abort_test(const Command& /*command*/, Change& change) {
    const auto& run = change.state().self_test;
    if (!run) {
        return scsi::invalid_field(scsi::SendDiagnosticCdb::kSelfTestCode);
    }
    run->abort(Ending::aborted_by_command);
    return scsi::Status::good;
}

/// Its end is in the log when this is answered.
base::Task<void> await_end(base::CommandArena& /*arena*/, Command& command) {
    constexpr std::chrono::milliseconds kBetweenLooks{1};
    while (command.life.unit->lane.state().self_test && !was_aborted(command)) {
        co_await base::sleep_for(command.life.nexus->core(), kBetweenLooks);
    }
}

base::Task<scsi::Outcome> test(base::CommandArena& arena, Command& command, const scsi::SelfTest& asked) {
    LogicalUnit& unit = *command.life.unit->unit;
    base::Core& core = command.life.nexus->core();
    const auto run = asked.code != 0 ? std::make_shared<SelfTestRun>(asked.code, asked.foreground) : nullptr;
    const Apply apply = [&run](const Command& /*command*/, Change& change) { return begin(change, run); };
    const scsi::Outcome begun = co_await at_home(arena, command, apply);
    if (begun != scsi::Outcome{scsi::Status::good}) {
        co_return begun;
    }
    if (!asked.foreground) {
        test_in_background(command.life.unit->unit, core, run, asked.extended);
        co_return scsi::Status::good;
    }
    const Examiner examiner{.unit = unit, .core = core, .command = &command, .run = run.get()};
    const SelfTestResult result = co_await examine(arena, examiner, asked.extended);
    if (run) {
        co_await enter(arena, unit, core, run, result);
    }
    if (result.ending != Ending::well) {
        co_return scsi::Sense{.key = scsi::SenseKey::hardware_error,
                              .asc = scsi::Asc::logical_unit_failed_self_test};
    }
    co_return scsi::Status::good;
}

}  // namespace

Execution execute_send_diagnostic(base::CommandArena& arena, Command& command) {
    const auto plan = scsi::plan_send_diagnostic(command.cdb.first<scsi::SendDiagnosticCdb::kSize>());
    if (!plan) {
        co_return plan.error();
    }
    if (plan->what == Diagnostic::page) {
        const auto refusal =
            scsi::refuse_diagnostic_page({command.life.out_segment.data, command.life.out_segment.size});
        co_return refusal ? scsi::Outcome{*refusal} : scsi::Status::good;
    }
    if (plan->what == Diagnostic::abort_background) {
        const scsi::Outcome aborted = co_await at_home(arena, command, abort_test);
        if (aborted == scsi::Outcome{scsi::Status::good}) {
            co_await await_end(arena, command);
        }
        co_return aborted;
    }
    const scsi::Outcome outcome = co_await test(arena, command, plan->test);
    co_return outcome;
}

}  // namespace targe::engine
