// SYNCHRONIZE CACHE and PRE-FETCH, [SBC-3 r36]: what goes on after IMMED was answered.
#include "engine/background.h"
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <array>

namespace targe::engine {

namespace {

using device::ReadCache;

/// The next command of the nexus is told: its GOOD promised too much.
void defer(NexusUnit& asked, const device::IoFailure& failure) {
    scsi::Outcome outcome = sense_from(failure);
    if (!std::holds_alternative<scsi::Sense>(outcome)) {
        outcome = scsi::Sense{.key = scsi::SenseKey::hardware_error, .asc = scsi::Asc::write_error};
    }
    asked.deferred = std::get<scsi::Sense>(outcome);
    asked.deferred->deferred = true;
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
                defer(each, flushed.error());
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
