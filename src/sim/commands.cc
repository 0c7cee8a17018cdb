#include "sim/commands.h"

#include "base/assert.h"

#include <algorithm>
#include <initializer_list>

namespace targe::sim {

namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<unsigned> values) {
    Bytes out;
    for (const unsigned value : values) {
        out.push_back(static_cast<std::byte>(value));
    }
    return out;
}

void put(Bytes& into, std::size_t at, std::size_t size, std::uint64_t value) {
    for (std::size_t i = 0; i < size; ++i) {
        into[at + size - 1 - i] = static_cast<std::byte>(value >> (8U * i));
    }
}

/// READ (16), WRITE (16) and their like.
void block_command(Task& task, unsigned opcode) {
    task.cdb.assign(16, std::byte{0});
    put(task.cdb, 0, 1, opcode);
    put(task.cdb, 1, 1, task.fua ? 8 : 0);
    put(task.cdb, 2, 8, task.lba);
    put(task.cdb, 10, 4, task.blocks);
}

void append_block(Bytes& out, Stamp stamp) {
    const std::size_t at = out.size();
    out.resize(at + kBlockSize);
    fill(std::span{out}.subspan(at), stamp);
}

void compare_and_write(Task& task) {
    block_command(task, 0x89);
    put(task.cdb, 10, 4, 0);
    put(task.cdb, 13, 1, task.blocks);
    append_block(task.out, task.compared);
    append_block(task.out, task.stamp(0));
}

void unmap(Task& task) {
    task.cdb = bytes({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0});
    task.out.assign(24, std::byte{0});
    put(task.out, 0, 2, 22);
    put(task.out, 2, 2, 16);
    put(task.out, 8, 8, task.lba);
    put(task.out, 16, 4, task.blocks);
}

void persistent_reserve_out(Task& task) {
    const ReservationAsk& ask = task.reservation;
    task.cdb = bytes({0x5f, ask.action, ask.type, 0, 0, 0, 0, 0, 24, 0});
    task.out.assign(24, std::byte{0});
    put(task.out, 0, 8, ask.key);
    put(task.out, 8, 8, ask.action_key);
    put(task.out, 20, 1, ask.aptpl ? 1 : 0);
}

void mode_select(Task& task) {
    const unsigned order = (task.mode_value & kModeRestrictedOrder) != 0 ? 0x00 : 0x10;
    const unsigned aborted = (task.mode_value & kModeTaskAborted) != 0 ? 0x40 : 0x00;
    task.cdb = bytes({0x15, task.saves ? 0x11U : 0x10U, 0, 0, 16, 0});
    const unsigned type = task.shared_set ? 0x00 : 0x20;
    task.out = bytes({0, 0, 0, 0, 0x0a, 0x0a, type, order, 0, aborted, 0, 0, 0, 0, 0, 0});
}

void prepare_blocks(Task& task) {
    switch (task.kind) {
        case Kind::read:
            block_command(task, 0x88);
            task.in_size = task.blocks * kBlockSize;
            return;
        case Kind::write:
            block_command(task, 0x8a);
            for (std::uint64_t i = 0; i < task.blocks; ++i) {
                append_block(task.out, task.stamp(i));
            }
            return;
        case Kind::write_same:
            block_command(task, 0x93);
            append_block(task.out, task.stamp(0));
            return;
        case Kind::unmap:
            return unmap(task);
        default:
            return compare_and_write(task);
    }
}

}  // namespace

std::optional<std::uint8_t> mode_value_of(const std::vector<std::byte>& data) {
    if (data.size() < 16) {
        return std::nullopt;
    }
    const bool restricted = (data[7] & std::byte{0xf0}) == std::byte{0};
    const bool aborted = (data[9] & std::byte{0x40}) != std::byte{0};
    return static_cast<std::uint8_t>((restricted ? kModeRestrictedOrder : 0) |
                                     (aborted ? kModeTaskAborted : 0));
}

void prepare(Task& task) {
    if (task.writes() || task.kind == Kind::read) {
        prepare_blocks(task);
        return;
    }
    const auto asks = [&task](std::initializer_list<unsigned> cdb, std::uint32_t in_size = 0) {
        task.cdb = bytes(cdb);
        task.in_size = in_size;
    };
    switch (task.kind) {
        case Kind::test_unit_ready:
            return asks({0, 0, 0, 0, 0, 0});
        case Kind::inquiry:
            return asks({0x12, 0, 0, 0, 36, 0}, 36);
        case Kind::request_sense:
            return asks({0x03, 0, 0, 0, 252, 0}, 252);
        case Kind::report_luns:
            return asks({0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, 256);
        case Kind::read_capacity:
            return asks({0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0}, 32);
        case Kind::synchronize_cache:
            return asks({0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0});
        case Kind::mode_sense:
            return asks({0x1a, 0x08, 0x0a, 0, 64, 0}, 64);
        case Kind::mode_select:
            return mode_select(task);
        case Kind::reserve:
            return asks({0x16, 0, 0, 0, 0, 0});
        case Kind::release:
            return asks({0x17, 0, 0, 0, 0, 0});
        case Kind::persistent_reserve_in:
            return asks({0x5e, task.reservation.action, 0, 0, 0, 0, 0, 1, 0, 0}, 256);
        case Kind::persistent_reserve_out:
            return persistent_reserve_out(task);
        default:
            TARGE_ASSERT(false);
    }
}

}  // namespace targe::sim
