// SYNCHRONIZE CACHE and PRE-FETCH, [SBC-3 r36]: what goes on after IMMED was answered; and what the cache
// holds once WCE is cleared without MODE SELECT.
#include "engine/cache.h"

#include "base/log.h"
#include "engine/background.h"
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>

namespace targe::engine {

namespace {

using device::ReadCache;

/// For the next command of whoever was told GOOD, which promised too much.
scsi::Sense deferred_error(const device::IoFailure& failure) {
    scsi::Outcome outcome = sense_from(failure);
    if (!std::holds_alternative<scsi::Sense>(outcome)) {
        outcome = scsi::Sense{.key = scsi::SenseKey::hardware_error, .asc = scsi::Asc::write_error};
    }
    scsi::Sense sense = std::get<scsi::Sense>(outcome);
    sense.deferred = true;
    return sense;
}

/// Until every lane has heard what was told them before: behind it by way of the unit's home, as it goes.
base::Task<void> heard_everywhere(base::CommandArena& /*arena*/, LogicalUnit& unit, base::Core& here) {
    for (base::Core* const core : unit.cores()) {
        co_await base::hop_to(unit.home().core());
        co_await base::hop_to(*core);
    }
    co_await base::hop_to(here);
}

/// Whom it may have to tell stays on this core until then, if it is still there.
Background flush_later(NexusUnit& asked) {
    const std::shared_ptr<LogicalUnit> unit = asked.unit;
    Lane& lane = asked.lane;
    const NexusId nexus = asked.nexus.id();
    const std::uint16_t lun = asked.lun;
    ++asked.ties;
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 2048> block;
    base::CommandArena arena{block};
    const device::IoResult flushed = co_await unit->device().flush(arena);
    for (NexusUnit& each : lane.nexuses()) {
        if (each.nexus.id() == nexus && each.lun == lun && each.ties > 0) {
            --each.ties;
            if (!flushed) {
                each.deferred = deferred_error(flushed.error());
            }
            break;
        }
    }
}

/// By reading it: what was read is in the cache. Others take their turn between the pieces.
base::Task<device::IoResult> fetch(base::CommandArena& arena, LogicalUnit& unit, base::Core& core,
                                   BlockRange range) {
    device::Device& disk = unit.device();
    const std::uint32_t block = disk.geometry().block_size;
    const std::uint64_t piece = kPieceBytes / block;
    const auto buffer = core.buffers().take(kPieceBytes);
    if (!buffer) {
        co_return std::unexpected(device::IoFailure{device::IoError::no_resources, range.lba});
    }
    for (std::uint64_t done = 0; done < range.blocks && !unit.stopping(); done += piece) {
        const std::uint64_t now = std::min(piece, range.blocks - done);
        const base::Segment into{buffer->bytes().data(), static_cast<std::size_t>(now * block)};
        const device::IoResult read = co_await disk.read(arena, range.lba + done, {&into, 1});
        if (!read) {
            co_return read;
        }
        co_await base::hop_to(core);
    }
    co_return device::IoResult{};
}

/// Nobody is told of a failure: no data are lost by it, and a READ will meet it too.
Background fetch_later(std::shared_ptr<LogicalUnit> unit, base::Core& core, BlockRange range) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 2048> block;
    base::CommandArena arena{block};
    const device::IoResult fetched = co_await fetch(arena, *unit, core, range);
    static_cast<void>(fetched);
}

}  // namespace

base::Task<void> empty_cache(base::CommandArena& arena, LogicalUnit& unit, base::Core& here) {
    constexpr std::chrono::milliseconds kBetweenTries{50};
    device::IoResult flushed = co_await unit.device().flush(arena);
    while (!flushed && flushed.error().error == device::IoError::no_resources && !unit.stopping()) {
        co_await base::sleep_for(here, kBetweenTries);
        flushed = co_await unit.device().flush(arena);
    }
    if (!flushed && !unit.stopping()) {
        TARGE_LOG(error, "device",
                  "{}: its write cache was turned off by a reset or a start, and what it held could not all "
                  "be written: initiators that are logged in are told so by a deferred error",
                  unit.name());
        unit.defer_to_everybody(deferred_error(flushed.error()));
        co_await heard_everywhere(arena, unit, here);
    }
}

Background empty_cache_at_start(std::shared_ptr<LogicalUnit> unit) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 4096> block;
    base::CommandArena arena{block};
    co_await empty_cache(arena, *unit, unit->home().core());
}

Execution execute_synchronize_cache(base::CommandArena& arena, Command& command) {
    const auto& life = command.life;
    if (life.access.immediate) {
        flush_later(*life.unit);
        co_return scsi::Status::good;
    }
    const device::IoResult flushed = co_await life.unit->unit->device().flush(arena);
    if (!flushed) {
        co_return sense_from(flushed.error());
    }
    co_return scsi::Status::good;
}

/// CONDITION MET: all that was asked for is in the cache, or with IMMED has room there.
Execution execute_pre_fetch(base::CommandArena& arena, Command& command) {
    const auto& life = command.life;
    const UnitState& state = life.unit->lane.state();
    switch (state.capabilities.read_cache) {
        case ReadCache::none:
            co_return scsi::Status::good;
        case ReadCache::whole_medium:
            co_return scsi::Status::condition_met;
        case ReadCache::part_of_it:
            break;
    }
    const std::uint64_t most = state.description.limits.max_prefetch;
    const BlockRange range{.lba = life.access.lba, .blocks = std::min(life.access.blocks, most)};
    const scsi::Status met =
        range.blocks == life.access.blocks ? scsi::Status::condition_met : scsi::Status::good;
    base::Core& core = life.nexus->core();
    if (life.access.immediate) {
        fetch_later(life.unit->unit, core, range);
        co_return met;
    }
    const device::IoResult fetched = co_await fetch(arena, *life.unit->unit, core, range);
    if (!fetched) {
        co_return sense_from(fetched.error());
    }
    co_return met;
}

}  // namespace targe::engine
