#include "device/user_memory.h"

#include "base/assert.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>

namespace targe::device {

std::expected<std::unique_ptr<UserMemory>, int> UserMemory::create(const UserLayout& layout) {
    reactor::FileDescriptor file{::memfd_create("targe-device", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    const auto size = static_cast<std::size_t>(layout.region_bytes());
    if (!file || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0 ||
        ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return std::unexpected(errno);
    }
    void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (at == MAP_FAILED) {
        return std::unexpected(errno);
    }
    return std::unique_ptr<UserMemory>(new UserMemory(layout, std::move(file), static_cast<std::byte*>(at)));
}

UserMemory::~UserMemory() {
    ::munmap(at_, static_cast<std::size_t>(layout_.region_bytes()));
}

targe_queue& UserMemory::queue(std::uint32_t index) const {
    TARGE_ASSERT(index < layout_.queues);
    return *reinterpret_cast<targe_queue*>(at_ + index * TARGE_QUEUE_STRIDE);
}

std::span<std::byte> UserMemory::arena(std::uint32_t index) const {
    TARGE_ASSERT(index < layout_.queues);
    return {at_ + layout_.queues * TARGE_QUEUE_STRIDE + index * layout_.arena_bytes,
            static_cast<std::size_t>(layout_.arena_bytes)};
}

std::expected<std::unique_ptr<LentMemory>, std::string> LentMemory::map(int descriptor, std::uint64_t limit) {
    struct stat facts{};
    struct statfs place{};
    const int seals = ::fcntl(descriptor, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || ::fstat(descriptor, &facts) != 0 ||
        ::fstatfs(descriptor, &place) != 0 || place.f_type != TMPFS_MAGIC) {
        return std::unexpected("the memory that it lends is no memfd in ordinary pages that cannot shrink");
    }
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    if (size == 0 || size > limit) {
        return std::unexpected(
            fmt::format("the memory that it lends has {} bytes, of at most {}", size, limit));
    }
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
    if (at == MAP_FAILED) {
        return std::unexpected("the memory that it lends cannot be mapped");
    }
    return std::unique_ptr<LentMemory>(
        new LentMemory({static_cast<const std::byte*>(at), static_cast<std::size_t>(size)}));
}

LentMemory::~LentMemory() {
    ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

targe_completion completion_at(targe_queue& queue, std::uint32_t position) {
    using Words = std::array<std::uint64_t, sizeof(targe_completion) / sizeof(std::uint64_t)>;
    auto* const words = reinterpret_cast<std::uint64_t*>(&queue.completions[position % TARGE_MAX_SLOTS]);
    Words copy;
    for (std::size_t i = 0; i < copy.size(); ++i) {
        copy[i] = std::atomic_ref(words[i]).load(std::memory_order_relaxed);
    }
    return std::bit_cast<targe_completion>(copy);
}

namespace {

constexpr std::uint64_t whole_pages(std::uint64_t bytes) {
    return (bytes + TARGE_PAGE - 1) / TARGE_PAGE * TARGE_PAGE;
}

}  // namespace

UserArena::UserArena(std::uint64_t bytes, std::uint32_t slots)
    : behind_slots_(std::uint64_t{slots} * TARGE_SLOT_BYTES), end_(bytes) {
    TARGE_ASSERT(behind_slots_ < end_);
    free_.push_back({behind_slots_, end_ - behind_slots_});
}

std::optional<std::uint32_t> UserArena::take(std::uint32_t slot, std::uint64_t bytes) {
    if (bytes <= TARGE_SLOT_BYTES) {
        return slot * TARGE_SLOT_BYTES;
    }
    bytes = whole_pages(bytes);
    const auto found = std::ranges::find_if(free_, [&](const Extent& e) { return e.bytes >= bytes; });
    if (found == free_.end()) {
        return std::nullopt;
    }
    const std::uint64_t offset = found->offset;
    found->offset += bytes;
    found->bytes -= bytes;
    if (found->bytes == 0) {
        free_.erase(found);
    }
    return static_cast<std::uint32_t>(offset);
}

void UserArena::give_back(std::uint32_t offset, std::uint64_t bytes) {
    if (bytes <= TARGE_SLOT_BYTES) {
        return;
    }
    bytes = whole_pages(bytes);
    auto next = std::ranges::find_if(free_, [&](const Extent& e) { return e.offset > offset; });
    TARGE_ASSERT(next == free_.end() || offset + bytes <= next->offset);
    next = free_.insert(next, Extent{offset, bytes});
    if (const auto after = next + 1; after != free_.end() && next->offset + next->bytes == after->offset) {
        next->bytes += after->bytes;
        free_.erase(after);
    }
    if (next != free_.begin()) {
        const auto before = next - 1;
        if (before->offset + before->bytes == next->offset) {
            before->bytes += next->bytes;
            free_.erase(next);
        }
    }
}

void UserArenaOwners::hand_over(std::uint64_t nexus, std::span<std::byte> arena, Piece piece, Piece room) {
    const auto end = static_cast<std::size_t>(whole_pages(piece.end()) / TARGE_PAGE);
    if (pages_.size() < end) {
        pages_.resize(end, kNobody);
    }
    for (std::size_t page = piece.offset / TARGE_PAGE; page < end; ++page) {
        std::uint64_t& owner = pages_[page];
        if (owner == nexus || owner == kNobody) {
            owner = nexus;
            continue;
        }
        const std::uint64_t from = std::max<std::uint64_t>(page * TARGE_PAGE, room.offset);
        const std::uint64_t to = std::min<std::uint64_t>((page + 1) * TARGE_PAGE, room.end());
        if (from < to) {
            std::ranges::fill(arena.subspan(from, to - from), std::byte{0});
        }
        owner = from < to && to - from == TARGE_PAGE ? nexus : kSeveral;
    }
}

}  // namespace targe::device
