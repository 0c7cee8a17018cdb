// Blocks to and from a store: copied here and now where that is a copy of memory, by the ring where it may
// wait.
#include "device/stored_device.h"
#include "reactor/large_turn.h"
#include "reactor/page_pipes.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>

namespace targe::device {
namespace {

/// Longer transfers are given to the ring even where a call would be a copy: a copy of this size takes as
/// long as other commands can be expected to wait.
constexpr std::uint64_t kLongestInline = 1ULL << 20U;
/// Reads up to this share a call with others of their turn. Beside the copy of a longer one the call costs
/// nothing.
constexpr std::uint64_t kLongestCollected = 16ULL << 10U;
/// Reads from this on are lent in pages: what that costs is less than the copy of so much.
constexpr std::uint64_t kShortestLent = 64ULL << 10U;

}  // namespace

Moved StoredDevice::start(const Transfer& transfer, Durability durability) {
    const bool memory = settings_.data_path == DataPath::memory;
    if (settings_.data_path == DataPath::direct || transfer.size > kLongestInline ||
        (durability == Durability::durable && !memory)) {
        return {};
    }
    std::atomic<bool>& need_not_wait =
        transfer.attempt == Attempt::read ? reads_need_not_wait_ : writes_need_not_wait_;
    if (need_not_wait.load(std::memory_order_relaxed)) {
        if (is_small_read(transfer) && reactor::Reactor::current()->plug().collects()) {
            return {};
        }
        const Moved moved = move_now(transfer, RWF_NOWAIT);
        if (moved.error == EOPNOTSUPP) {
            need_not_wait.store(false, std::memory_order_relaxed);
        }
        return moved;
    }
    if (transfer.attempt == Attempt::read && !memory) {
        return {};
    }
    if (!settings_.local) {
        return {};  // its server may never answer, and everybody else here would wait for it
    }
    const base::Time began = base::Clock::now();
    if (!budget_.allows(began)) {
        return {};
    }
    const Moved moved = move_now(transfer, 0);
    budget_.record(began, base::Clock::now());
    return moved;
}

bool StoredDevice::takes_turns(const Transfer& transfer) const {
    return settings_.data_path != DataPath::direct && transfer.pieces.size() == 1 &&
           reactor::takes_turns(transfer.size);
}

base::Task<Moved> StoredDevice::start_in_turns(base::CommandArena& /*arena*/, Transfer transfer,
                                               Durability durability) {
    Moved moved;
    while (moved.bytes < transfer.size) {
        co_await reactor::LargeTurn();
        const iovec piece{.iov_base = static_cast<std::byte*>(transfer.pieces[0].iov_base) + moved.bytes,
                          .iov_len = std::min(transfer.size - moved.bytes, reactor::kLargePiece)};
        Transfer part = transfer;
        part.pieces = {&piece, 1};
        part.offset += moved.bytes;
        part.size = piece.iov_len;
        const Moved some = start(part, durability);
        moved.bytes += some.bytes;
        if (some.bytes != part.size) {
            break;
        }
    }
    co_return moved;
}

bool StoredDevice::is_small_read(const Transfer& transfer) const {
    return settings_.data_path == DataPath::page_cache && settings_.local &&
           transfer.attempt == Attempt::read && transfer.size <= kLongestCollected &&
           reactor::Reactor::current() != nullptr;
}

base::Task<Moved> StoredDevice::finish(base::CommandArena& arena, Transfer transfer, Moved moved) {
    transfer.off_core = off_core_.get();
    if (settings_.data_path == DataPath::direct) {
        return aligned(transfer, settings_.memory_alignment)
                   ? move_direct(arena, transfer, settings_.limits)
                   : move_bounced(arena, transfer, settings_.limits);
    }
    if (is_small_read(transfer) && moved.bytes == 0) {
        transfer.in_memory = true;
        return move_direct(arena, transfer, settings_.limits);
    }
    // An error of the first call says at most that it would have had to wait, or will come again.
    return move(arena, transfer, Moved{.bytes = moved.bytes});
}

IoResult StoredDevice::outcome(const Transfer& transfer, const Moved& moved, std::uint64_t lba) {
    if (moved.bytes == transfer.size) {
        return {};
    }
    const std::uint64_t at = lba + moved.bytes / settings_.geometry.block_size;
    if (moved.error != 0) {
        return failed(io_error_of(moved.error, transfer.attempt), at);
    }
    // The store ends too early. Zeroes would be an invention.
    return failed(transfer.attempt == Attempt::read ? IoError::gone : IoError::unwritable, at);
}

base::Task<IoResult> StoredDevice::read(base::CommandArena& arena, std::uint64_t lba, base::Segments into) {
    const Transfer transfer = reading(fd(), into, byte_of(lba));
    if (look_due()) {
        const bool usable = co_await look(arena);
        if (!usable) {
            co_return std::unexpected(IoFailure{.error = IoError::gone, .lba = lba});
        }
    }
    if (!reachable(lba, transfer.size / settings_.geometry.block_size)) {
        co_return std::unexpected(IoFailure{.error = IoError::gone, .lba = lba});
    }
    Moved moved = takes_turns(transfer) ? co_await start_in_turns(arena, transfer, Durability::cached)
                                        : start(transfer, Durability::cached);
    if (moved.bytes != transfer.size) {
        moved = co_await finish(arena, transfer, moved);
    }
    co_return outcome(transfer, moved, lba);
}

base::Task<IoResult> StoredDevice::write(base::CommandArena& arena, std::uint64_t lba,
                                         base::ConstSegments from, Durability durability) {
    const bool durable = durability == Durability::durable;
    const Transfer transfer = writing(fd(), from, byte_of(lba), durable ? RWF_DSYNC : 0);
    const IoResult fit = co_await ready_to_write(arena, lba, transfer.size / settings_.geometry.block_size);
    if (!fit) {
        co_return fit;
    }
    std::optional<WriteBack::Owing> owed;
    if (!durable) {
        owed.emplace(write_back_);
    }
    Moved moved = takes_turns(transfer) ? co_await start_in_turns(arena, transfer, durability)
                                        : start(transfer, durability);
    if (moved.bytes != transfer.size) {
        moved = co_await finish(arena, transfer, moved);
    }
    const IoResult written = outcome(transfer, moved, lba);
    if (durable && written) {
        // What was written to a deleted file is durable only until it is closed.
        const bool well = co_await still_there(arena);
        if (!well) {
            co_return failed(IoError::gone, lba);
        }
    }
    co_return written;
}

std::optional<IoResult> StoredDevice::at_once(const Transfer& transfer, std::uint64_t lba,
                                              Durability durability) {
    if (takes_turns(transfer) || look_due() ||
        !reachable(lba, transfer.size / settings_.geometry.block_size) ||
        start(transfer, durability).bytes != transfer.size) {
        return std::nullopt;
    }
    return IoResult{};
}

std::optional<IoResult> StoredDevice::read_at_once(std::uint64_t lba, base::Segment into) {
    return at_once(reading(fd(), {&into, 1}, byte_of(lba)), lba, Durability::cached);
}

std::optional<base::Pages> StoredDevice::lend_pages(std::uint64_t lba, std::uint64_t bytes) {
    if (bytes < kShortestLent || look_due() || !reachable(lba, bytes / settings_.geometry.block_size) ||
        !resident_.hold(byte_of(lba), bytes)) {
        return std::nullopt;
    }
    return reactor::Reactor::current()->page_pipes().lend(fd(), byte_of(lba), bytes);
}

std::optional<IoResult> StoredDevice::write_at_once(std::uint64_t lba, base::ConstSegment from,
                                                    Durability durability) {
    if (settings_.capabilities.read_only || durability == Durability::durable ||
        up_to_the_end(lba, from.size / settings_.geometry.block_size)) {
        return std::nullopt;
    }
    const auto owed = owing();
    return at_once(writing(fd(), {&from, 1}, byte_of(lba), 0), lba, durability);
}

}  // namespace targe::device
