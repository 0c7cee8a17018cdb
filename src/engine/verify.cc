// VERIFY, and the second half of WRITE AND VERIFY, [SBC-3 r36].
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <span>

namespace targe::engine {

using scsi::ByteCheck;

namespace {

/// The offset of the first byte of `have`, which is at `offset` of the range, that differs from what the
/// initiator sent; nothing when none does.
std::optional<std::uint64_t> first_difference(const Command& command, std::span<const std::byte> have,
                                              std::uint64_t offset) {
    const ByteCheck check = command.life.access.byte_check;
    if (check == ByteCheck::medium_only) {
        return std::nullopt;
    }
    const std::span<const std::byte> sent{command.life.out_segment.data, command.life.out_segment.size};
    const std::size_t step = check == ByteCheck::every_block ? have.size() : block_size(command);
    for (std::size_t at = 0; at < have.size(); at += step) {
        const auto want = check == ByteCheck::every_block
                              ? sent.subspan(static_cast<std::size_t>(offset), step)
                              : sent.first(step);
        const auto piece = have.subspan(at, step);
        const auto differs = std::ranges::mismatch(piece, want).in1;
        if (differs != piece.end()) {
            return offset + at + static_cast<std::uint64_t>(differs - piece.begin());
        }
    }
    return std::nullopt;
}

}  // namespace

bool verifies(const Command& command) {
    switch (command.life.info->id) {
        case scsi::CommandId::write_and_verify_10:
        case scsi::CommandId::write_and_verify_12:
        case scsi::CommandId::write_and_verify_16:
            return true;
        default:
            return false;
    }
}

base::Task<scsi::Outcome> verify_blocks(base::CommandArena& arena, Command& command, std::uint64_t lba,
                                        std::uint64_t blocks) {
    device::Device& disk = command.life.unit->unit->device();
    const std::uint64_t block = block_size(command);
    const std::uint64_t piece = std::min<std::uint64_t>(blocks, kPieceBytes / block);
    base::Buffer& buffer = command.life.in_buffer;
    if (!command.life.nexus->take_buffer(buffer, static_cast<std::size_t>(piece * block))) {
        co_return no_room(command);
    }
    for (std::uint64_t done = 0; done < blocks;) {
        const std::uint64_t now = std::min(piece, blocks - done);
        const base::Segment into{buffer.bytes().data(), static_cast<std::size_t>(now * block)};
        const device::IoResult read = co_await disk.read(arena, lba + done, {&into, 1});
        if (!read) {
            co_return sense_from(read.error());
        }
        if (was_aborted(command)) {
            break;
        }
        const auto differs = first_difference(command, {into.data, into.size}, done * block);
        if (differs) {
            co_return scsi::miscompare(*differs);
        }
        done += now;
    }
    co_return scsi::Status::good;
}

Execution execute_verify(base::CommandArena& arena, Command& command) {
    const auto& access = command.life.access;
    if (access.blocks == 0) {
        co_return scsi::Status::good;
    }
    const scsi::Outcome outcome = co_await verify_blocks(arena, command, access.lba, access.blocks);
    co_return outcome;
}

}  // namespace targe::engine
