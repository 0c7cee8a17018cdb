// How a copy moves its data: in pieces, each read and written as the nexus that asked for it may.
#include "engine/block_io.h"
#include "engine/copy_work.h"
#include "engine/logical_unit.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <atomic>

namespace targe::engine {

namespace {

device::Durability durability_at(const NexusUnit& unit) {
    return unit.lane.state().pages.write_cache_enabled ? device::Durability::cached
                                                       : device::Durability::durable;
}

scsi::Outcome outcome_of(const device::IoResult& result) {
    return result ? scsi::Outcome{scsi::Status::good} : sense_from(result.error());
}

base::Task<scsi::Outcome> read_piece(base::CommandArena& arena, Visit& visit, std::uint64_t lba,
                                     base::Segment into) {
    NexusUnit& unit = visit.unit();
    const std::uint64_t blocks = into.size / unit.lane.state().description.block_size;
    if (const auto refused = co_await visit.enter(arena, {.reads = BlockRange{lba, blocks}})) {
        co_return *refused;
    }
    const device::IoResult read = co_await unit.unit->device().read(arena, lba, {&into, 1});
    visit.leave();
    co_return outcome_of(read);
}

base::Task<scsi::Outcome> write_piece(base::CommandArena& arena, Visit& visit, std::uint64_t lba,
                                      base::ConstSegment from) {
    NexusUnit& unit = visit.unit();
    const std::uint64_t blocks = from.size / unit.lane.state().description.block_size;
    if (const auto refused = co_await visit.enter(arena, {.writes = BlockRange{lba, blocks}})) {
        co_return *refused;
    }
    const device::IoResult written =
        co_await unit.unit->device().write(arena, lba, {&from, 1}, durability_at(unit));
    visit.leave();
    co_return outcome_of(written);
}

/// Asked once a piece was read: it is what the token stands for only if nobody had begun to write it.
std::optional<scsi::Sense> lost_token(const CopyWork& work) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return work.token == nullptr ? std::nullopt : work.token->ended();
}

/// Whether the beginning of the source would be overwritten before its end was read.
bool goes_backwards(const NexusUnit& source, const NexusUnit& destination, const scsi::CopyExtent& extent) {
    const std::uint64_t blocks = extent.bytes / source.lane.state().description.block_size;
    return source.unit == destination.unit && extent.destination_lba > extent.source_lba &&
           extent.destination_lba - extent.source_lba < blocks;
}

}  // namespace

base::Task<scsi::Outcome> copy_extent(base::CommandArena& arena, CopyWork& work, NexusUnit& source,
                                      NexusUnit& destination, scsi::CopyExtent extent) {
    const std::uint64_t piece = std::min<std::uint64_t>(extent.bytes, kPieceBytes);
    if (!work.buffer.take(kPieceBytes)) {
        co_return scsi::Status::busy;
    }
    const std::uint32_t source_block = source.lane.state().description.block_size;
    const std::uint32_t destination_block = destination.lane.state().description.block_size;
    const bool backwards = goes_backwards(source, destination, extent);
    Visit& reading = work.visitor.at(source);
    Visit& writing = work.visitor.at(destination);
    for (std::uint64_t done = 0; done < extent.bytes;) {
        const std::uint64_t now = std::min(piece, extent.bytes - done);
        const std::uint64_t at = backwards ? extent.bytes - done - now : done;
        const auto bytes = work.buffer.bytes().first(static_cast<std::size_t>(now));
        scsi::Outcome outcome = co_await read_piece(arena, reading, extent.source_lba + at / source_block,
                                                    {bytes.data(), bytes.size()});
        if (outcome != scsi::Outcome{scsi::Status::good}) {
            work.failed_at_source = true;
        } else if (const auto lost = lost_token(work)) {
            outcome = *lost;
        } else {
            outcome = co_await write_piece(arena, writing, extent.destination_lba + at / destination_block,
                                           {bytes.data(), bytes.size()});
        }
        if (outcome != scsi::Outcome{scsi::Status::good}) {
            co_return outcome;
        }
        done += now;
        work.record.progress.bytes += now;
    }
    co_return scsi::Status::good;
}

base::Task<scsi::Outcome> zero_extent(base::CommandArena& arena, CopyWork& work, NexusUnit& destination,
                                      BlockRange range) {
    constexpr std::uint64_t kZeroedAtOnce = std::uint64_t{64} << 20U;
    const UnitState& state = destination.lane.state();
    const std::uint64_t block = state.description.block_size;
    const std::uint64_t piece = kZeroedAtOnce / block;
    const bool may_unmap = state.traits.thin;
    Visit& visit = work.visitor.at(destination);
    for (std::uint64_t done = 0; done < range.blocks;) {
        const BlockRange now{range.lba + done, std::min(piece, range.blocks - done)};
        if (const auto refused = co_await visit.enter(arena, {.writes = now})) {
            co_return *refused;
        }
        const device::IoResult zeroed = co_await destination.unit->device().write_zeroes(
            arena, now.lba, now.blocks, may_unmap, durability_at(destination));
        visit.leave();
        if (!zeroed) {
            co_return sense_from(zeroed.error());
        }
        done += now.blocks;
        work.record.progress.bytes += now.blocks * block;
    }
    co_return scsi::Status::good;
}

}  // namespace targe::engine
