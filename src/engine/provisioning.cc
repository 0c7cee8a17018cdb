// UNMAP and GET LBA STATUS, [SBC-3 r36].
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/rod_tokens.h"
#include "engine/sense_from.h"
#include "scsi/lba_status.h"
#include "scsi/parameter_cdbs.h"
#include "scsi/parameter_requests.h"
#include "scsi/unmap_parameters.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

namespace targe::engine {

Execution execute_unmap(base::CommandArena& arena, Command& command) {
    using L = scsi::UnmapCdb;
    const auto& life = command.life;
    const bool anchor = wire::get<L::kAnchor>(command.cdb.first<L::kSize>()) != 0;
    device::Device& disk = life.unit->unit->device();
    const auto ranges = scsi::parse_unmap({life.out_segment.data, life.out_segment.size},
                                          life.unit->lane.state().description);
    if (!ranges) {
        co_return ranges.error();
    }
    for (std::size_t i = 0; i < ranges->size() && !was_aborted(command); ++i) {
        const scsi::UnmapRange range = (*ranges)[i];
        if (range.blocks == 0) {
            continue;
        }
        revoke_tokens(*life.unit, {range.lba, range.blocks});
        device::IoResult done;
        if (anchor) {
            done = co_await disk.anchor(arena, range.lba, range.blocks);
        } else {
            done = co_await disk.unmap(arena, range.lba, range.blocks);
        }
        if (!done) {
            co_return sense_from(done.error());
        }
    }
    if (durability_of(command) == device::Durability::durable) {
        // No cache: blocks that read as zeroes now must not read as what they held before, whatever happens.
        const device::IoResult flushed = co_await life.unit->unit->device().flush(arena);
        if (!flushed) {
            co_return sense_from(flushed.error());
        }
    }
    co_return scsi::Status::good;
}

namespace {

constexpr std::size_t kMostRuns = 32;

struct Runs {
    std::array<scsi::LbaStatus, kMostRuns> runs{};
    std::size_t count = 0;
};

scsi::ProvisioningStatus status_of(const device::Extent& extent) {
    if (extent.mapped) {
        return scsi::ProvisioningStatus::mapped;
    }
    return extent.anchored ? scsi::ProvisioningStatus::anchored : scsi::ProvisioningStatus::deallocated;
}

/// The device's extents from `lba` on, at most `limit` of them.
base::Task<std::expected<void, device::IoFailure>> find_runs(base::CommandArena& arena, Command& command,
                                                             std::uint64_t lba, std::size_t limit,
                                                             Runs& found) {
    const std::uint64_t end = command.life.unit->lane.state().description.blocks;
    constexpr std::uint64_t kLongest = std::numeric_limits<std::uint32_t>::max();
    while (lba < end && found.count < std::min(limit, kMostRuns)) {
        if (!command.life.unit->lane.state().capabilities.block_status) {
            // A device that cannot tell: every block may hold data.
            const auto all = static_cast<std::uint32_t>(std::min(end - lba, kLongest));
            found.runs[found.count++] = {lba, all, scsi::ProvisioningStatus::mapped};
            break;
        }
        const auto extent = co_await command.life.unit->unit->device().block_status(
            arena, lba, std::min(end - lba, kLongest));
        if (!extent) {
            co_return std::unexpected{extent.error()};
        }
        const scsi::ProvisioningStatus status = status_of(*extent);
        found.runs[found.count++] = {lba, static_cast<std::uint32_t>(extent->blocks), status};
        lba += std::max<std::uint64_t>(extent->blocks, 1);
    }
    co_return std::expected<void, device::IoFailure>{};
}

}  // namespace

Execution execute_get_lba_status(base::CommandArena& arena, Command& command) {
    const wire::Bytes cdb = command.cdb.bytes();
    const auto lba = scsi::starting_lba(cdb, command.life.unit->lane.state().description);
    if (!lba) {
        co_return lba.error();
    }
    const std::size_t allocation = scsi::allocation_length(*command.life.info, cdb);
    Runs found;
    const auto searched =
        co_await find_runs(arena, command, *lba, scsi::lba_status_descriptors(allocation), found);
    if (!searched) {
        co_return sense_from(searched.error());
    }
    const auto room = parameter_room(command, std::min<std::size_t>(allocation, 8 + 16 * kMostRuns));
    if (!room) {
        co_return no_room(command);
    }
    scsi::ParameterWriter out{*room};
    scsi::lba_status(std::span{found.runs}.first(found.count), out);
    send_parameters(command, out.written());
    co_return scsi::Status::good;
}

}  // namespace targe::engine
