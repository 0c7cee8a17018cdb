// WRITE ATOMIC, [SBC-4 r22]: with its range held nobody sees half of it, and by the unit's journal no crash
// leaves half of it.
#include "engine/atomic_journal.h"
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

namespace targe::engine {

namespace {

constexpr scsi::Sense kJournalFailed{.key = scsi::SenseKey::hardware_error,
                                     .asc = scsi::Asc::internal_target_failure};

base::Task<device::IoResult> write_blocks(base::CommandArena& arena, Command& command,
                                          base::ConstSegment from) {
    device::Device& disk = command.life.unit->unit->device();
    co_return co_await disk.write(arena, command.life.access.lba, {&from, 1}, device::Durability::durable);
}

scsi::Outcome outcome_of(const device::IoResult& result) {
    return result ? scsi::Outcome{scsi::Status::good} : sense_from(result.error());
}

/// What the range held before goes back to it when it cannot all be written.
base::Task<scsi::Outcome> read_before(base::CommandArena& arena, Command& command) {
    auto& life = command.life;
    if (!life.nexus->take_buffer(life.in_buffer, life.out_segment.size)) {
        co_return no_room(command);
    }
    const base::Segment into{life.in_buffer.bytes().data(), life.out_segment.size};
    const device::IoResult read = co_await life.unit->unit->device().read(arena, life.access.lba, {&into, 1});
    co_return outcome_of(read);
}

/// Whether the range holds what it held before, durably. A store that is full has no room to write that, and
/// need not have: what found none the first time is as it was. What is read goes where the write came from.
base::Task<bool> put_back(base::CommandArena& arena, Command& command) {
    auto& life = command.life;
    device::Device& disk = life.unit->unit->device();
    const std::span<const std::byte> before = life.in_buffer.bytes().first(life.out_segment.size);
    const device::IoResult written = co_await write_blocks(arena, command, {before.data(), before.size()});
    if (written || written.error().error != device::IoError::no_space) {
        co_return written.has_value();
    }
    const device::IoResult flushed = co_await disk.flush(arena);
    if (!flushed) {
        co_return false;
    }
    const base::Segment into = life.out_segment;
    const device::IoResult read = co_await disk.read(arena, life.access.lba, {&into, 1});
    co_return read&& std::ranges::equal(before, std::span<const std::byte>(into.data, into.size));
}

base::Task<bool> forget(base::CommandArena& arena, const LogicalUnit& unit) {
    co_return co_await unit.settings().store->keep(arena, Kept::atomic_write, {});
}

/// How the journal was left: as it was found, or with something that must be dealt with before it is used.
struct Journalled {
    scsi::Outcome outcome = scsi::Status::good;
    bool forgotten = true;
    bool undo = false;  ///< part of the range was written, and what was there before could not be put back
    std::uint64_t medium = 0;
};

/// What is kept, to the medium that is kept with it; or to none, when another one has taken its place.
base::Task<void> write_kept(base::CommandArena& arena, Command& command, base::ConstSegment after,
                            Journalled& ended) {
    device::Device& disk = command.life.unit->unit->device();
    if (!disk.pin(ended.medium)) {
        ended.outcome = sense_from({.error = device::IoError::gone, .lba = command.life.access.lba});
        co_return;
    }
    const device::IoResult written = co_await write_blocks(arena, command, after);
    disk.unpin();
    ended.outcome = outcome_of(written);
    if (written) {
        co_return;
    }
    ended.undo = true;
    if (disk.pin(ended.medium)) {
        const bool back = co_await put_back(arena, command);
        disk.unpin();
        ended.undo = !back;
    }
}

/// With its turn at the journal, at home.
base::Task<Journalled> keep_write_forget(base::CommandArena& arena, Command& command) {
    auto& life = command.life;
    const LogicalUnit& unit = *life.unit->unit;
    if (was_aborted(command)) {
        co_return Journalled{.outcome = scsi::Status::task_aborted};
    }
    const base::ConstSegment after{life.out_segment.data, life.out_segment.size};
    Journalled ended{.outcome = kJournalFailed, .medium = unit.device().medium()};
    const bool kept = co_await unit.settings().store->keep(
        arena, Kept::atomic_write,
        keep_image(life.access.lba, unit.device().geometry().block_size, {after.data, after.size}));
    if (kept) {
        co_await write_kept(arena, command, after, ended);
    }
    // Forgotten before anybody else may write the range: what is kept would be written over that.
    ended.forgotten = !ended.undo && co_await forget(arena, unit);
    co_return ended;
}

/// Nobody may use the range until what is kept is forgotten.
void break_off(Command& command, const Journalled& ended, std::unique_ptr<RangeHold> hold) {
    auto& life = command.life;
    const std::shared_ptr<LogicalUnit>& unit = life.unit->unit;
    AtomicImage image{.lba = life.access.lba, .bytes = {}};
    if (ended.undo) {
        image.bytes = text_of({life.in_buffer.bytes().data(), life.out_segment.size});
    }
    unit->home().journal().break_off(unit->home().core());
    base::post(unit->home().core(), [kept = std::shared_ptr<LogicalUnit>(unit), medium = ended.medium,
                                     image = std::move(image), held = std::move(hold)]() mutable {
        recover(std::move(kept), medium, std::move(image), std::move(held));
    });
}

base::Task<scsi::Outcome> write_by_journal(base::CommandArena& arena, Command& command,
                                           std::unique_ptr<RangeHold>& hold) {
    const scsi::Outcome read = co_await read_before(arena, command);
    if (read != scsi::Outcome{scsi::Status::good}) {
        co_return read;
    }
    base::Core& here = command.life.nexus->core();
    UnitHome& home = command.life.unit->unit->home();
    if (&home.core() != &here) {
        co_await base::hop_to(home.core());
    }
    scsi::Outcome outcome = scsi::Status::busy;
    const bool turn = co_await home.journal().turn();
    if (turn) {
        const Journalled ended = co_await keep_write_forget(arena, command);
        outcome = ended.outcome;
        if (ended.forgotten) {
            home.journal().pass(home.core());
        } else {
            break_off(command, ended, std::move(hold));
        }
    }
    if (&home.core() != &here) {
        co_await base::hop_to(here);
    }
    co_return outcome;
}

}  // namespace

Execution execute_write_atomic(base::CommandArena& arena, Command& command) {
    const auto& life = command.life;
    if (life.out_segment.size == 0) {
        co_return scsi::Status::good;
    }
    auto hold = std::make_unique<RangeHold>(*life.unit->unit, life.nexus->core(),
                                            BlockRange{life.access.lba, life.access.blocks});
    co_await hold->acquire();
    scsi::Outcome outcome = scsi::Status::task_aborted;
    if (was_aborted(command)) {
        // Nothing was written.
    } else if (life.unit->lane.state().capabilities.survives_crash) {
        outcome = co_await write_by_journal(arena, command, hold);
    } else {
        const device::IoResult written =
            co_await write_blocks(arena, command, {life.out_segment.data, life.out_segment.size});
        outcome = outcome_of(written);
    }
    if (hold) {
        hold->release();
    }
    co_return outcome;
}

}  // namespace targe::engine
