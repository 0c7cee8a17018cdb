// WRITE SAME, [SBC-3 r36].
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace targe::engine {

namespace {

bool all_zero(std::span<const std::byte> block) {
    return std::ranges::all_of(block, [](std::byte b) { return b == std::byte{0}; });
}

/// `block` over and over, as often as it fits.
void tile(std::span<std::byte> buffer, std::span<const std::byte> block) {
    for (std::size_t at = 0; at + block.size() <= buffer.size(); at += block.size()) {
        std::memcpy(buffer.data() + at, block.data(), block.size());
    }
}

base::Task<scsi::Outcome> write_pattern(base::CommandArena& arena, Command& command) {
    const auto& access = command.life.access;
    device::Device& disk = command.life.unit->unit->device();
    const std::uint64_t block = block_size(command);
    const std::uint64_t piece = std::min<std::uint64_t>(access.blocks, kPieceBytes / block);
    base::Buffer& buffer = command.life.in_buffer;
    if (!command.life.nexus->take_buffer(buffer, static_cast<std::size_t>(piece * block))) {
        co_return no_room(command);
    }
    tile(buffer.bytes(), {command.life.out_segment.data, static_cast<std::size_t>(block)});
    for (std::uint64_t done = 0; done < access.blocks && !was_aborted(command);) {
        const std::uint64_t now = std::min(piece, access.blocks - done);
        const base::ConstSegment from{buffer.bytes().data(), static_cast<std::size_t>(now * block)};
        const device::IoResult written =
            co_await disk.write(arena, access.lba + done, {&from, 1}, durability_of(command));
        if (!written) {
            co_return sense_from(written.error());
        }
        done += now;
    }
    co_return scsi::Status::good;
}

/// UNMAP with ANCHOR: as zeroes that have their space, [SBC-3 r36].
base::Task<device::IoResult> anchor(base::CommandArena& arena, Command& command) {
    device::Device& disk = command.life.unit->unit->device();
    const auto& access = command.life.access;
    const device::IoResult anchored = co_await disk.anchor(arena, access.lba, access.blocks);
    if (anchored && durability_of(command) == device::Durability::durable) {
        co_return co_await disk.flush(arena);
    }
    co_return anchored;
}

/// UNMAP asks for as much, [SBC-3 r36]: blocks given back must read as the pattern, so only zeroes
/// are given back.
bool writes_zeroes(const Command& command) {
    return command.life.access.no_data_out || command.data_out.size == 0 ||
           all_zero({command.life.out_segment.data, command.life.out_segment.size});
}

}  // namespace

Execution execute_write_same(base::CommandArena& arena, Command& command) {
    const auto& access = command.life.access;
    if (access.blocks == 0) {
        co_return scsi::Status::good;
    }
    if (writes_zeroes(command)) {
        const bool may_unmap = access.unmap && command.life.unit->lane.state().capabilities.unmap;
        device::IoResult written;
        if (access.anchor && may_unmap) {
            written = co_await anchor(arena, command);
        } else {
            written = co_await command.life.unit->unit->device().write_zeroes(
                arena, access.lba, access.blocks, may_unmap, durability_of(command));
        }
        if (!written) {
            co_return sense_from(written.error());
        }
        co_return scsi::Status::good;
    }
    const base::ConstSegment pattern{command.life.out_segment.data, block_size(command)};
    if (const auto written = co_await command.life.unit->unit->device().write_same(
            arena, access.lba, access.blocks, pattern, durability_of(command))) {
        if (!*written) {
            co_return sense_from(written->error());
        }
        co_return scsi::Status::good;
    }
    const scsi::Outcome outcome = co_await write_pattern(arena, command);
    co_return outcome;
}

}  // namespace targe::engine
