#include "base/arena.h"

#include <gtest/gtest.h>

#include <array>

namespace targe::base {
namespace {

TEST(CommandArena, ReusesThePieceThatCameBackLast) {
    alignas(16) std::array<std::byte, 256> block{};
    CommandArena arena(block);
    void* const first = arena.allocate(100);
    for (int i = 0; i < 1000; ++i) {
        void* const piece = arena.allocate(50);
        arena.release(piece, 50);
    }
    arena.release(first, 100);
    EXPECT_EQ(arena.heap_allocations(), 0U);
}

TEST(CommandArena, CountsWhatDidNotFit) {
    alignas(16) std::array<std::byte, 64> block{};
    CommandArena arena(block);
    void* const big = arena.allocate(65);
    void* const small = arena.allocate(64);
    EXPECT_EQ(arena.heap_allocations(), 1U);
    EXPECT_EQ(small, block.data());
    arena.release(big, 65);
    arena.release(small, 64);
    EXPECT_EQ(arena.in_use(), 0U);
}

TEST(CommandArena, StartsAfreshOnceEverythingIsBackInAnyOrder) {
    alignas(16) std::array<std::byte, 64> block{};
    CommandArena arena(block);
    void* const a = arena.allocate(32);
    void* const b = arena.allocate(32);
    arena.release(a, 32);
    arena.release(b, 32);
    void* const again = arena.allocate(64);
    EXPECT_EQ(again, block.data());
    arena.release(again, 64);
}

}  // namespace
}  // namespace targe::base
