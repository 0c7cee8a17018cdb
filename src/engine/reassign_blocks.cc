// REASSIGN BLOCKS, [SBC-3 r36]. Where a block lies is the store's affair: one that is written anew it puts
// where that works.
#include "scsi/reassign_blocks.h"

#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/rod_tokens.h"
#include "engine/sense_from.h"

#include <algorithm>

namespace targe::engine {

namespace {

/// With the block held: what it holds is written again, or zeroes when that cannot be read any more.
base::Task<device::IoResult> write_again(base::CommandArena& arena, Command& command, std::uint64_t lba,
                                         base::Segment block) {
    device::Device& disk = command.life.unit->unit->device();
    const device::IoResult read = co_await disk.read(arena, lba, {&block, 1});
    if (!read && read.error().error != device::IoError::unreadable) {
        co_return read;
    }
    if (!read) {
        std::fill_n(block.data, block.size, std::byte{0});
        revoke_tokens(*command.life.unit, {lba, 1});
    }
    const base::ConstSegment from{block.data, block.size};
    const device::IoResult written = co_await disk.write(arena, lba, {&from, 1}, device::Durability::durable);
    co_return written;
}

base::Task<device::IoResult> reassign(base::CommandArena& arena, Command& command, std::uint64_t lba,
                                      base::Segment block) {
    RangeHold hold{*command.life.unit->unit, command.life.nexus->core(), {lba, 1}};
    co_await hold.acquire();
    device::IoResult result;
    if (!was_aborted(command)) {
        result = co_await write_again(arena, command, lba, block);
    }
    hold.release();
    co_return result;
}

scsi::Outcome stopped_at(const device::IoFailure& failure, std::uint64_t lba) {
    scsi::Outcome outcome = sense_from(failure);
    if (auto* const sense = std::get_if<scsi::Sense>(&outcome)) {
        sense->command_specific = lba;  // the first not reassigned
    }
    return outcome;
}

}  // namespace

Execution execute_reassign_blocks(base::CommandArena& arena, Command& command) {
    auto& life = command.life;
    const auto blocks =
        scsi::reassigned_blocks(command.cdb.bytes(), {life.out_segment.data, life.out_segment.size},
                                life.unit->lane.state().description);
    if (!blocks) {
        co_return blocks.error();
    }
    const std::size_t size = block_size(command);
    if (!life.nexus->take_buffer(life.in_buffer, size)) {
        co_return no_room(command);
    }
    const base::Segment block{life.in_buffer.bytes().data(), size};
    for (const std::uint64_t lba : *blocks) {
        const device::IoResult done = co_await reassign(arena, command, lba, block);
        if (!done) {
            co_return stopped_at(done.error(), lba);
        }
        if (was_aborted(command)) {
            co_return scsi::Status::task_aborted;
        }
    }
    co_return scsi::Status::good;
}

}  // namespace targe::engine
