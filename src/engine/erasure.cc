#include "engine/erasure.h"

#include "base/core.h"
#include "base/log.h"
#include "engine/at_home.h"
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/own_medium.h"
#include "engine/rod_tokens.h"
#include "engine/self_test.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace targe::engine {

namespace {

using scsi::Erasure;

constexpr scsi::Sense kSanitizeFailed{.key = scsi::SenseKey::medium_error,
                                      .asc = scsi::Asc::sanitize_command_failed};
constexpr scsi::Sense kFormatFailed{.key = scsi::SenseKey::medium_error,
                                    .asc = scsi::Asc::format_command_failed};

/// Zeroes are written in pieces too, so that it can stop, and so that there is progress to tell.
constexpr std::uint64_t kZeroedAtOnce = std::uint64_t{64} << 20U;

/// How far it has come, over all passes.
class Progress {
public:
    Progress(const UnitState& state, std::uint64_t total) : told_(state.progress), total_(total) {}
    void add(std::uint64_t blocks) {
        done_ += blocks;
        constexpr std::uint64_t kWhole = 0x10000;
        told_->store(static_cast<std::uint16_t>(std::min(kWhole - 1, done_ * kWhole / total_)),
                     std::memory_order_relaxed);
    }

private:
    std::shared_ptr<std::atomic<std::uint16_t>> told_;
    std::uint64_t total_;
    std::uint64_t done_ = 0;
};

constexpr device::IoFailure kStopped{.error = device::IoError::no_resources, .lba = 0};

/// What the host is short of for now it has again later: an erasure that has begun does not fail for that.
constexpr std::chrono::milliseconds kBetweenTries{50};

template <class Operation>
base::Task<device::IoResult> patiently(base::CommandArena& arena, LogicalUnit& unit, OwnMedium& own,
                                       Operation operation) {
    for (;;) {
        const device::IoResult result = co_await on_own_medium(arena, unit, own, operation);
        if (result || result.error().error != device::IoError::no_resources || unit.stopping()) {
            co_return result;
        }
        co_await base::sleep_for(unit.home().core(), kBetweenTries);
    }
}

base::Task<device::IoResult> flush(base::CommandArena& arena, LogicalUnit& unit, OwnMedium& own) {
    co_return co_await patiently(arena, unit, own,
                                 [&unit](base::CommandArena& frames) { return unit.device().flush(frames); });
}

base::Task<device::IoResult> zero(base::CommandArena& arena, LogicalUnit& unit, OwnMedium& own,
                                  bool may_unmap) {
    device::Device& disk = unit.device();
    const device::Geometry geometry = disk.geometry();
    const std::uint64_t piece = kZeroedAtOnce / geometry.block_size;
    Progress progress(unit.home().state(), geometry.blocks);
    for (std::uint64_t lba = 0; lba < geometry.blocks; lba += piece) {
        if (unit.stopping()) {
            co_return std::unexpected(kStopped);
        }
        const std::uint64_t now = std::min(piece, geometry.blocks - lba);
        const device::IoResult written =
            co_await patiently(arena, unit, own, [&](base::CommandArena& frames) {
                return disk.write_zeroes(frames, lba, now, may_unmap, device::Durability::cached);
            });
        if (!written) {
            co_return written;
        }
        progress.add(now);
    }
    co_return co_await flush(arena, unit, own);
}

/// A buffer filled for one pass, a whole number of blocks long.
std::optional<base::Buffer> filled(base::Core& core, const Erasure& what, std::uint8_t pass,
                                   std::uint32_t block_size) {
    auto buffer = core.buffers().take(kPieceBytes);
    if (buffer) {
        const auto bytes = buffer->bytes();
        for (std::size_t at = 0; at + block_size <= bytes.size(); at += block_size) {
            what.fill(bytes.subspan(at, block_size), pass);
        }
    }
    return buffer;
}

/// Each pass has reached the medium before the next begins: a cache would drop all but the last.
base::Task<device::IoResult> overwrite(base::CommandArena& arena, LogicalUnit& unit, OwnMedium& own,
                                       const Erasure& what) {
    device::Device& disk = unit.device();
    const device::Geometry geometry = disk.geometry();
    Progress progress(unit.home().state(), geometry.blocks * what.passes);
    for (std::uint8_t pass = 0; pass < what.passes; ++pass) {
        auto buffer = filled(unit.home().core(), what, pass, geometry.block_size);
        while (!buffer && !unit.stopping()) {
            co_await base::sleep_for(unit.home().core(), kBetweenTries);
            buffer = filled(unit.home().core(), what, pass, geometry.block_size);
        }
        if (!buffer) {
            co_return std::unexpected(kStopped);
        }
        const std::uint64_t piece = kPieceBytes / geometry.block_size;
        for (std::uint64_t lba = 0; lba < geometry.blocks; lba += piece) {
            if (unit.stopping()) {
                co_return std::unexpected(kStopped);
            }
            const std::uint64_t now = std::min(piece, geometry.blocks - lba);
            const base::ConstSegment from{buffer->bytes().data(),
                                          static_cast<std::size_t>(now * geometry.block_size)};
            const device::IoResult written =
                co_await patiently(arena, unit, own, [&](base::CommandArena& frames) {
                    return disk.write(frames, lba, {&from, 1}, device::Durability::cached);
                });
            if (!written) {
                co_return written;
            }
            progress.add(now);
        }
        const device::IoResult flushed = co_await flush(arena, unit, own);
        if (!flushed) {
            co_return flushed;
        }
    }
    co_return device::IoResult{};
}

base::Task<device::IoResult> carry_out(base::CommandArena& arena, LogicalUnit& unit, OwnMedium& own,
                                       const Erasure& what) {
    if (what.kind == Erasure::Kind::overwrite) {
        co_return co_await overwrite(arena, unit, own, what);
    }
    co_return co_await zero(arena, unit, own, unit.device().capabilities().unmap);
}

/// That it goes on is kept until it has ended well, and only then the medium is used again: else a restart
/// would erase what was written since.
base::Task<bool> forget(base::CommandArena& arena, const LogicalUnit& unit) {
    UnitStore* const store = unit.settings().store.get();
    if (store == nullptr) {
        co_return true;
    }
    // A write that was interrupted as the erasure began: the next start would bring it to its end.
    if (!store->kept(Kept::atomic_write).value_or("").empty() &&
        !co_await store->keep(arena, Kept::atomic_write, {})) {
        co_return false;
    }
    co_return co_await store->keep(arena, Kept::sanitize, {});
}

/// A WRITE ATOMIC that could not be brought to its end yet would put back what is erased: it does so no more,
/// and is forgotten. False: it is not, because the state directory fails.
base::Task<bool> end_recovery(base::CommandArena& /*arena*/, LogicalUnit& unit) {
    constexpr std::chrono::seconds kLongest{30};
    base::Core& home = unit.home().core();
    const base::Time until = home.now() + kLongest;
    while (home.now() < until && !unit.stopping()) {
        if (co_await unit.home().journal().turn()) {
            unit.home().journal().pass(home);
            co_return true;
        }
        co_await base::sleep_for(home, kBetweenTries);
    }
    co_return false;
}

MediumWork failure_of(const Erasure& what) {
    return what.kind == Erasure::Kind::format ? MediumWork::format_failed : MediumWork::sanitize_failed;
}

/// Written at home, read on the command's core.
struct Ending {
    scsi::Outcome outcome = scsi::Status::good;
    std::atomic<bool> known = false;
};

void start(std::shared_ptr<LogicalUnit> unit, std::uint64_t medium, Erasure what,
           std::shared_ptr<Ending> ending) {
    base::Core& home = unit->home().core();
    base::post(
        home, [unit = std::move(unit), medium, what = std::move(what), ending = std::move(ending)]() mutable {
            erase(std::move(unit), medium, std::move(what), [ending](const scsi::Outcome& outcome) {
                ending->outcome = outcome;
                ending->known.store(true, std::memory_order_release);
            });
        });
}

/// Looks now and then, so that an abort ends the command although the erasure goes on, [SBC-3 r36].
base::Task<scsi::Outcome> await_ending(base::CommandArena& /*arena*/, Command& command,
                                       std::shared_ptr<Ending> ending) {
    constexpr std::chrono::milliseconds kBetweenLooks{20};
    while (!ending->known.load(std::memory_order_acquire)) {
        if (was_aborted(command)) {
            co_return scsi::Status::task_aborted;
        }
        co_await base::sleep_for(command.life.nexus->core(), kBetweenLooks);
    }
    co_return ending->outcome;
}

std::expected<scsi::ErasureRequest, scsi::Sense> request_of(const Command& command) {
    return scsi::plan_erasure(command.life.info->id, command.cdb.bytes(),
                              {command.life.out_segment.data, command.life.out_segment.size},
                              block_size(command));
}

/// A restart might begin it: nobody writes what it would erase.
void fail(UnitState& state) {
    state.work =
        state.work == MediumWork::formatting ? MediumWork::format_failed : MediumWork::sanitize_failed;
}

scsi::Outcome begin_erasure(const Command& command, Change& change) {
    const auto request = request_of(command);
    if (!request) {
        return request.error();
    }
    UnitState& state = change.state();
    state.work =
        request->what.kind == Erasure::Kind::format ? MediumWork::formatting : MediumWork::sanitizing;
    state.unrestricted_exit = request->what.unrestricted_exit;
    revoke_all_tokens(state);
    end_self_test(state);
    state.progress = std::make_shared<std::atomic<std::uint16_t>>(std::uint16_t{0});
    if (state.keeps) {
        change.keep = Keep{.what = Kept::sanitize, .content = scsi::keep(request->what), .in_doubt = fail};
    }
    return scsi::Status::good;
}

/// The one fault that begins nothing: it could not be kept.
void tell_of_doubt(const Command& command, const scsi::Outcome& outcome) {
    const auto* const sense = std::get_if<scsi::Sense>(&outcome);
    if (sense != nullptr && sense->key == scsi::SenseKey::hardware_error) {
        TARGE_LOG(
            error, "device",
            "{}: an erasure was refused, because the state directory fails, and a restart might begin it "
            "all the same: nobody may use the unit until an initiator has it erased again",
            command.life.unit->unit->name());
    }
}

/// [SBC-3 r36]: only where AUSE had allowed it.
scsi::Outcome exit_failure_mode(const Command& /*command*/, Change& change) {
    UnitState& state = change.state();
    if (state.work == MediumWork::sanitize_failed) {
        if (!state.unrestricted_exit) {
            return scsi::invalid_field(scsi::SanitizeCdb::kServiceAction);
        }
        state.work = MediumWork::none;
        if (state.keeps) {
            change.keep = Keep{.what = Kept::sanitize, .content = {}};
        }
    }
    return scsi::Status::good;
}

}  // namespace

Background erase(std::shared_ptr<LogicalUnit> unit, std::uint64_t medium, Erasure what,
                 std::function<void(const scsi::Outcome&)> done) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 4096> block;
    base::CommandArena arena{block};
    OwnMedium own{.number = medium};
    device::IoResult ended = std::unexpected(kStopped);
    if (co_await end_recovery(arena, *unit)) {
        ended = co_await carry_out(arena, *unit, own, what);
    }
    if (unit->stopping()) {
        if (done) {
            done(scsi::Status::busy);  // it goes on after the restart
        }
        co_return;
    }
    if (own.is_another) {
        co_await hold_back(arena, *unit, unit->home().state().progress);
        if (done) {
            done(*medium_not_ready(unit->home().state()));
        }
        co_return;
    }
    const bool well = ended.has_value() && co_await forget(arena, *unit);
    if (!well) {
        TARGE_LOG(error, "device",
                  "{}: an erasure has failed, because the store or the state directory does: nobody may use "
                  "the unit until an initiator has it erased again",
                  unit->name());
    }
    Change change{unit->home()};
    co_await change.begin();
    change.state().work = well ? MediumWork::none : failure_of(what);
    co_await change.commit();
    if (done) {
        done(well                                 ? scsi::Outcome{scsi::Status::good}
             : what.kind == Erasure::Kind::format ? kFormatFailed
                                                  : kSanitizeFailed);
    }
}

std::optional<scsi::Sense> medium_not_ready(const UnitState& state) {
    const auto in_progress = [&](scsi::Asc asc) {
        return scsi::Sense{.key = scsi::SenseKey::not_ready,
                           .asc = asc,
                           .progress = state.progress->load(std::memory_order_relaxed)};
    };
    switch (state.work) {
        case MediumWork::none:
            break;
        case MediumWork::formatting:
            return in_progress(scsi::Asc::logical_unit_not_ready_format_in_progress);
        case MediumWork::sanitizing:
            return in_progress(scsi::Asc::logical_unit_not_ready_sanitize_in_progress);
        case MediumWork::format_failed:
            return kFormatFailed;
        case MediumWork::sanitize_failed:
            return kSanitizeFailed;
        case MediumWork::recovering:
            return scsi::Sense{.key = scsi::SenseKey::not_ready,
                               .asc = scsi::Asc::logical_unit_is_in_process_of_becoming_ready};
        case MediumWork::begun_elsewhere:
            return scsi::Sense{.key = scsi::SenseKey::not_ready,
                               .asc = scsi::Asc::logical_unit_not_ready_manual_intervention_required};
    }
    if (!state.medium_loaded) {
        return state.no_medium();
    }
    if (state.description.blocks == 0 && state.is_disk) {  // nobody has said yet how large it is
        return scsi::Sense{.key = scsi::SenseKey::not_ready,
                           .asc = scsi::Asc::logical_unit_not_ready_cause_not_reportable};
    }
    return std::nullopt;
}

Execution execute_erasure(base::CommandArena& arena, Command& command) {
    const scsi::CommandId id = command.life.info->id;
    if (id != scsi::CommandId::format_unit) {
        const auto refusal = scsi::refuse_sanitize(id, command.cdb.bytes(), block_size(command));
        if (refusal) {
            co_return *refusal;
        }
    }
    // Before the marks of its store are kept: whatever takes its place afterwards is another.
    const std::uint64_t medium = command.life.unit->unit->device().medium();
    const scsi::Outcome begun = co_await at_home(arena, command, begin_erasure);
    if (begun != scsi::Outcome{scsi::Status::good}) {
        tell_of_doubt(command, begun);
        co_return begun;
    }
    auto request = request_of(command);
    const auto ending = std::make_shared<Ending>();
    start(command.life.unit->unit, medium, std::move(request->what), ending);
    if (request->immediate) {
        co_return scsi::Status::good;
    }
    const scsi::Outcome ended = co_await await_ending(arena, command, ending);
    co_return ended;
}

Execution execute_sanitize_exit_failure_mode(base::CommandArena& arena, Command& command) {
    const auto refusal =
        scsi::refuse_sanitize(command.life.info->id, command.cdb.bytes(), block_size(command));
    if (refusal) {
        co_return *refusal;
    }
    const scsi::Outcome outcome = co_await at_home(arena, command, exit_failure_mode);
    co_return outcome;
}

}  // namespace targe::engine
