// Memory of one command in flight: coroutine frames and scratch, without malloc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::base {

/// Hands out pieces of one fixed block, newest freed first; what does not fit comes from the heap and is
/// counted, so that a test can hold the command path to zero heap allocations.
///
/// Not thread-safe: it follows its command, which is on one core at a time. The block belongs to the caller
/// and must be aligned to kAlignment. Everything taken must be given back before the arena ends.
class CommandArena {
public:
    static constexpr std::size_t kAlignment = 16;

    explicit CommandArena(std::span<std::byte> block) : block_(block) {}
    CommandArena(const CommandArena&) = delete;
    CommandArena& operator=(const CommandArena&) = delete;
    ~CommandArena();

    /// `size` bytes aligned to kAlignment. Never null: falls back to the heap.
    [[nodiscard]] void* allocate(std::size_t size);
    /// Gives back what allocate() returned for `size`. Memory is reused once everything newer has come back
    /// too.
    void release(void* memory, std::size_t size) noexcept;

    /// Allocations that went to the heap since the arena was made.
    [[nodiscard]] std::uint64_t heap_allocations() const { return heap_allocations_; }
    [[nodiscard]] std::size_t in_use() const { return live_; }

private:
    [[nodiscard]] bool owns(const void* memory) const;

    std::span<std::byte> block_;
    std::size_t top_ = 0;
    std::size_t live_ = 0;  ///< pieces handed out and not yet back, heap included
    std::uint64_t heap_allocations_ = 0;
};

}  // namespace targe::base
