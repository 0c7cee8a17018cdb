// ORWRITE, [SBC-3 r36]: what is on the medium, with the bits of the data-out set.
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <functional>
#include <span>

namespace targe::engine {

namespace {

base::Task<scsi::Outcome> read_or_write(base::CommandArena& arena, Command& command) {
    auto& life = command.life;
    device::Device& disk = life.unit->unit->device();
    const std::uint64_t block = block_size(command);
    const std::uint64_t blocks = life.out_segment.size / block;  // what the initiator has sent
    const std::uint64_t piece = std::min<std::uint64_t>(blocks, kPieceBytes / block);
    if (!life.nexus->take_buffer(life.in_buffer, static_cast<std::size_t>(piece * block))) {
        co_return no_room(command);
    }
    for (std::uint64_t done = 0; done < blocks && !was_aborted(command);) {
        const std::uint64_t now = std::min(piece, blocks - done);
        const base::Segment into{life.in_buffer.bytes().data(), static_cast<std::size_t>(now * block)};
        const device::IoResult read = co_await disk.read(arena, life.access.lba + done, {&into, 1});
        if (!read) {
            co_return sense_from(read.error());
        }
        if (was_aborted(command)) {
            break;
        }
        const std::span<const std::byte> sent{life.out_segment.data + done * block, into.size};
        std::ranges::transform(sent, std::span{into.data, into.size}, into.data, std::bit_or<>{});
        const base::ConstSegment from{into.data, into.size};
        const device::IoResult written =
            co_await disk.write(arena, life.access.lba + done, {&from, 1}, durability_of(command));
        if (!written) {
            co_return sense_from(written.error());
        }
        done += now;
    }
    co_return scsi::Status::good;
}

}  // namespace

Execution execute_or_write(base::CommandArena& arena, Command& command) {
    const scsi::Outcome outcome = co_await with_range_held(arena, command, read_or_write);
    co_return outcome;
}

}  // namespace targe::engine
