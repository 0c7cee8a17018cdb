// How a copy moves its data: in pieces, each read and written as the nexus that asked for it may.
#include "engine/block_io.h"
#include "engine/copy_work.h"
#include "engine/logical_unit.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <atomic>
#include <optional>

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

/// How far apart the two ranges of a copy within one unit begin; as far as can be between two units.
struct Distance {
    bool overlaps = false;
    bool backwards = false;  ///< the beginning of the source would be overwritten before its end was read
};

Distance distance_of(const NexusUnit& source, const NexusUnit& destination, const scsi::CopyExtent& extent) {
    if (source.unit != destination.unit) {
        return {};
    }
    const std::uint64_t blocks = extent.bytes / source.lane.state().description.block_size;
    const BlockRange from{extent.source_lba, blocks};
    const BlockRange to{extent.destination_lba, blocks};
    return {.overlaps = from.overlaps(to),
            .backwards = from.overlaps(to) && extent.destination_lba > extent.source_lba};
}

std::uint32_t block_bytes(const NexusUnit& unit) {
    return unit.lane.state().description.block_size;
}

/// The part of a copy that begins after `skipped` bytes.
scsi::CopyExtent part_of(const scsi::CopyExtent& extent, const NexusUnit& source,
                         const NexusUnit& destination, std::uint64_t skipped, std::uint64_t bytes) {
    return {.source_lba = extent.source_lba + skipped / block_bytes(source),
            .destination_lba = extent.destination_lba + skipped / block_bytes(destination),
            .bytes = bytes};
}

/// By way of the copy's buffer.
base::Task<scsi::Outcome> move_piece(base::CommandArena& arena, CopyWork& work, Visit& reading,
                                     Visit& writing, scsi::CopyExtent piece) {
    if (!work.buffer.take(kPieceBytes)) {
        co_return scsi::Status::busy;
    }
    const auto bytes = work.buffer.bytes().first(static_cast<std::size_t>(piece.bytes));
    const scsi::Outcome read =
        co_await read_piece(arena, reading, piece.source_lba, {bytes.data(), bytes.size()});
    if (read != scsi::Outcome{scsi::Status::good}) {
        work.failed_at_source = true;
        co_return read;
    }
    if (const auto lost = lost_token(work)) {
        co_return *lost;
    }
    co_return co_await write_piece(arena, writing, piece.destination_lba, {bytes.data(), bytes.size()});
}

/// Inside both units at once. Whoever is inside one never waits for the other: two copies and two changes of
/// state could wait for one another in a circle. Nothing: inside; an outcome: refused; or not now.
struct Entry {
    std::optional<scsi::Outcome> refused = {};
    bool inside = false;
};

base::Task<Entry> enter_both(base::CommandArena& arena, CopyWork& work, Visit& reading, Visit& writing,
                             scsi::CopyExtent piece) {
    const BlockRange from{piece.source_lba, piece.bytes / block_bytes(reading.unit())};
    const BlockRange to{piece.destination_lba, piece.bytes / block_bytes(writing.unit())};
    if (&reading == &writing) {
        const auto refused = co_await reading.enter(arena, {.reads = from, .writes = to});
        co_return Entry{.refused = refused, .inside = !refused};
    }
    if (const auto refused = co_await reading.enter(arena, {.reads = from})) {
        work.failed_at_source = true;
        co_return Entry{.refused = refused};
    }
    if (!writing.may_enter_at_once({.writes = to})) {
        reading.leave();
        co_return Entry{};
    }
    const auto refused = co_await writing.enter(arena, {.writes = to});
    if (refused) {
        reading.leave();
    }
    co_return Entry{.refused = refused, .inside = !refused};
}

/// By the destination itself, without moving the data through here. Nothing: it was not done so.
base::Task<std::optional<scsi::Outcome>> offload_piece(base::CommandArena& arena, CopyWork& work,
                                                       Visit& reading, Visit& writing,
                                                       scsi::CopyExtent piece) {
    const Entry entry = co_await enter_both(arena, work, reading, writing, piece);
    if (!entry.inside) {
        co_return entry.refused;
    }
    NexusUnit& to = writing.unit();
    const auto copied =
        co_await to.unit->device().copy_from(arena, piece.destination_lba, reading.unit().unit->device(),
                                             piece.source_lba, piece.bytes, durability_at(to));
    const auto lost = lost_token(work);
    if (&reading != &writing) {
        writing.leave();
    }
    reading.leave();
    if (!copied) {
        co_return sense_from(copied.error());
    }
    if (*copied == device::CopyPath::none) {
        work.may_offload = false;
        co_return std::nullopt;
    }
    if (lost) {
        co_return *lost;
    }
    to.lane.counters().offloaded_bytes += piece.bytes;
    co_return scsi::Status::good;
}

}  // namespace

base::Task<scsi::Outcome> copy_extent(base::CommandArena& arena, CopyWork& work, NexusUnit& source,
                                      NexusUnit& destination, scsi::CopyExtent extent) {
    /// Bounds how long a function waits that ends the copy.
    constexpr std::uint64_t kOffloadedAtOnce = std::uint64_t{16} << 20U;
    const Distance distance = distance_of(source, destination, extent);
    Visit& reading = work.visitor.at(source);
    Visit& writing = work.visitor.at(destination);
    for (std::uint64_t done = 0; done < extent.bytes;) {
        std::uint64_t now = std::min(extent.bytes - done, kOffloadedAtOnce);
        std::optional<scsi::Outcome> outcome;
        if (work.may_offload && !distance.overlaps) {
            outcome = co_await offload_piece(arena, work, reading, writing,
                                             part_of(extent, source, destination, done, now));
        }
        if (!outcome) {
            now = std::min<std::uint64_t>(now, kPieceBytes);
            const std::uint64_t at = distance.backwards ? extent.bytes - done - now : done;
            outcome = co_await move_piece(arena, work, reading, writing,
                                          part_of(extent, source, destination, at, now));
        }
        if (*outcome != scsi::Outcome{scsi::Status::good}) {
            co_return *outcome;
        }
        done += now;
        work.record.progress.bytes += now;
        destination.lane.counters().copied_bytes += now;
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
