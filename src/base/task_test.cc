#include "base/task.h"

#include <gtest/gtest.h>

#include <array>

namespace targe::base {
namespace {

struct Gate {
    std::coroutine_handle<> waiting;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) noexcept { waiting = self; }
    void await_resume() const noexcept {}
};

Task<int> doubled(CommandArena& /*arena*/, Gate& gate, int value) {
    co_await gate;
    co_return value * 2;
}
Task<int> sum(CommandArena& arena, Gate& gate) {
    const int a = co_await doubled(arena, gate, 1);
    const int b = co_await doubled(arena, gate, 2);
    co_return a + b;
}
Task<int> at_once(CommandArena& /*arena*/) {
    co_return 1;
}
Task<int> many(CommandArena& arena) {
    int total = 0;
    for (int i = 0; i < 100000; ++i) {
        total += co_await at_once(arena);
    }
    co_return total;
}

TEST(Task, RunsInTheArenaAndLeavesItEmpty) {
    alignas(16) std::array<std::byte, 1024> block{};
    CommandArena arena(block);
    Gate gate;
    {
        auto task = sum(arena, gate);
        task.start();
        EXPECT_FALSE(task.done());
        gate.waiting.resume();
        EXPECT_FALSE(task.done());
        gate.waiting.resume();
        ASSERT_TRUE(task.done());
        EXPECT_EQ(task.result(), 6);
    }
    EXPECT_EQ(arena.heap_allocations(), 0U);
    EXPECT_EQ(arena.in_use(), 0U);
}

TEST(Task, AwaitsThatEndAtOnceNeitherGrowTheArenaNorTheStack) {
    alignas(16) std::array<std::byte, 1024> block{};
    CommandArena arena(block);
    auto task = many(arena);
    task.start();
    ASSERT_TRUE(task.done());
    EXPECT_EQ(task.result(), 100000);
    EXPECT_EQ(arena.heap_allocations(), 0U);
}

}  // namespace
}  // namespace targe::base
