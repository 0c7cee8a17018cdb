// COMPARE AND WRITE, [SBC-3 r36 5.2].
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <span>

namespace targe::engine {

namespace {

base::Task<scsi::Outcome> compare_then_write(base::CommandArena& arena, Command& command) {
    auto& life = command.life;
    device::Device& disk = life.unit->unit->device();
    const std::size_t size = life.out_segment.size / 2;
    const std::span<const std::byte> compare{life.out_segment.data, size};
    if (!life.nexus->take_buffer(life.in_buffer, size)) {
        co_return no_room(command);
    }
    const base::Segment into{life.in_buffer.bytes().data(), size};
    const device::IoResult read = co_await disk.read(arena, life.access.lba, {&into, 1});
    if (!read) {
        co_return sense_from(read.error());
    }
    const auto differs = std::ranges::mismatch(compare, life.in_buffer.bytes()).in1;
    if (differs != compare.end()) {
        co_return scsi::miscompare(static_cast<std::uint64_t>(differs - compare.begin()));
    }
    if (was_aborted(command)) {
        co_return scsi::Status::task_aborted;
    }
    const base::ConstSegment from{life.out_segment.data + size, size};
    const device::IoResult written =
        co_await disk.write(arena, life.access.lba, {&from, 1}, durability_of(command));
    if (!written) {
        co_return sense_from(written.error());
    }
    co_return scsi::Status::good;
}

}  // namespace

Execution execute_compare_and_write(base::CommandArena& arena, Command& command) {
    const scsi::Outcome outcome = co_await with_range_held(arena, command, compare_then_write);
    co_return outcome;
}

}  // namespace targe::engine
