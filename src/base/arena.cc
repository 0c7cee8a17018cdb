#include "base/arena.h"

#include "base/assert.h"

#include <new>

namespace targe::base {
namespace {

constexpr std::size_t rounded(std::size_t size) {
    return (size + CommandArena::kAlignment - 1) & ~(CommandArena::kAlignment - 1);
}

}  // namespace

CommandArena::~CommandArena() {
    TARGE_ASSERT(live_ == 0);
}

bool CommandArena::owns(const void* memory) const {
    const auto* at = static_cast<const std::byte*>(memory);
    return at >= block_.data() && at < block_.data() + block_.size();
}

void* CommandArena::allocate(std::size_t size) {
    const std::size_t take = rounded(size);
    ++live_;
    if (take > block_.size() - top_) {
        ++heap_allocations_;
        return ::operator new(size);
    }
    void* const at = block_.data() + top_;
    top_ += take;
    return at;
}

void CommandArena::release(void* memory, std::size_t size) noexcept {
    TARGE_ASSERT(live_ > 0);
    --live_;
    if (!owns(memory)) {
        ::operator delete(memory);
        return;
    }
    const auto at = static_cast<std::size_t>(static_cast<std::byte*>(memory) - block_.data());
    // Frames nest, so the newest piece is nearly always the one that comes back; any other waits for the
    // last.
    if (at + rounded(size) == top_) {
        top_ = at;
    }
    if (live_ == 0) {
        top_ = 0;
    }
}

}  // namespace targe::base
