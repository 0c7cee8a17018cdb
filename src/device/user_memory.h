// The memory shared with a handler in another program, and how its arenas are given out.
#pragma once

#include "base/buffer.h"
#include "gateway/region.h"
#include "reactor/file_descriptor.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace targe::device {

/// How the memory is divided; what targe_welcome says of it.
struct UserLayout {
    std::uint32_t queues;
    std::uint32_t slots;
    std::uint64_t arena_bytes;  ///< of each queue, in whole pages

    [[nodiscard]] std::uint64_t region_bytes() const { return queues * (TARGE_QUEUE_STRIDE + arena_bytes); }
};

/// A memfd that can neither grow nor shrink, so that touching it never fails, mapped here. Whatever is read
/// from it may be garbage, and another thing the next time: it is read once.
class UserMemory {
public:
    /// Or an errno. May block.
    [[nodiscard]] static std::expected<std::unique_ptr<UserMemory>, int> create(const UserLayout& layout);
    UserMemory(const UserMemory&) = delete;
    UserMemory& operator=(const UserMemory&) = delete;
    ~UserMemory();

    [[nodiscard]] const UserLayout& layout() const { return layout_; }
    [[nodiscard]] int descriptor() const { return descriptor_.get(); }
    [[nodiscard]] targe_queue& queue(std::uint32_t index) const;
    [[nodiscard]] std::span<std::byte> arena(std::uint32_t index) const;

private:
    UserMemory(const UserLayout& layout, reactor::FileDescriptor descriptor, std::byte* at)
        : layout_(layout), descriptor_(std::move(descriptor)), at_(at) {}

    UserLayout layout_;
    reactor::FileDescriptor descriptor_;
    std::byte* at_;
};

/// Memory of a handler's own, mapped here to be read. It changes as its owner likes.
class LentMemory {
public:
    /// Of a memfd in ordinary pages that cannot shrink, so that looking at it never fails; at most `limit`
    /// bytes. Or what is wrong with it, in a sentence. May block.
    [[nodiscard]] static std::expected<std::unique_ptr<LentMemory>, std::string> map(int descriptor,
                                                                                     std::uint64_t limit);
    LentMemory(const LentMemory&) = delete;
    LentMemory& operator=(const LentMemory&) = delete;
    ~LentMemory();

    [[nodiscard]] bool holds(std::uint64_t offset, std::uint64_t bytes) const {
        return offset <= bytes_.size() && bytes <= bytes_.size() - offset;
    }
    /// What holds() was asked about.
    [[nodiscard]] base::ConstSegment part(std::uint64_t offset, std::uint64_t bytes) const {
        return {bytes_.data() + offset, static_cast<std::size_t>(bytes)};
    }

private:
    explicit LentMemory(std::span<const std::byte> bytes) : bytes_(bytes) {}
    std::span<const std::byte> bytes_;
};

/// The completion at `position`, copied once.
[[nodiscard]] targe_completion completion_at(targe_queue& queue, std::uint32_t position);

/// What a slot has in the arena, a long CDB, data-out, and then data-in or the list of a remap, begins at a
/// cache line each: so much of it do `bytes` take.
[[nodiscard]] constexpr std::uint32_t in_lines(std::size_t bytes) {
    constexpr std::uint32_t kCacheLine = 64;
    return static_cast<std::uint32_t>((bytes + kCacheLine - 1) / kCacheLine * kCacheLine);
}

/// Gives out an arena: to each slot its own piece, and what is larger from what lies behind those, lowest
/// first, so that little memory is touched. Pure bookkeeping; nothing of it is shared.
class UserArena {
public:
    UserArena(std::uint64_t bytes, std::uint32_t slots);

    /// Where `bytes` are to lie for `slot`, which has nothing yet. Nothing when there is no room.
    [[nodiscard]] std::optional<std::uint32_t> take(std::uint32_t slot, std::uint64_t bytes);
    /// What take() gave.
    void give_back(std::uint32_t offset, std::uint64_t bytes);
    /// The most that can ever be taken at once.
    [[nodiscard]] std::uint64_t largest() const { return end_ - behind_slots_; }

private:
    struct Extent {
        std::uint64_t offset;
        std::uint64_t bytes;
    };

    std::uint64_t behind_slots_;
    std::uint64_t end_;
    std::vector<Extent> free_;  ///< by offset, never adjacent
};

/// Whose data lie in an arena, page by page. Pure bookkeeping but for what it clears.
class UserArenaOwners {
public:
    struct Piece {
        std::uint32_t offset;
        std::uint32_t bytes;
        [[nodiscard]] std::uint64_t end() const { return std::uint64_t{offset} + bytes; }
    };

    /// `piece` is to hold data of `nexus`. Clears what of `room`, a part of it that is to be written to
    /// before `nexus` is shown it, may hold those of others.
    void hand_over(std::uint64_t nexus, std::span<std::byte> arena, Piece piece, Piece room);

private:
    /// Neither is the number of a nexus.
    static constexpr std::uint64_t kNobody = UINT64_MAX;
    static constexpr std::uint64_t kSeveral = UINT64_MAX - 1;

    std::vector<std::uint64_t> pages_;  ///< the owner of each, as far as any has had one
};

}  // namespace targe::device
