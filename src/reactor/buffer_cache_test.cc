#include "reactor/buffer_cache.h"

#include "reactor/timer_queue.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <random>
#include <span>
#include <vector>

namespace targe::reactor {
namespace {
using namespace std::chrono_literals;

/// A core that is only time.
class Clockwork final : public base::Core {
public:
    [[nodiscard]] base::CoreId id() const override { return {}; }
    [[nodiscard]] base::Time now() const override { return now_; }
    [[nodiscard]] base::Time clock() const override { return now_; }
    [[nodiscard]] std::uint64_t unix_ms() const override { return 0; }
    void random(std::span<std::byte> /*out*/) override {}
    void post(base::Message& /*message*/) override { FAIL(); }
    void arm(base::Timer& timer, base::Time deadline) override { timers_.arm(timer, deadline); }
    void disarm(base::Timer& timer) override { timers_.disarm(timer); }
    [[nodiscard]] base::BufferPool& buffers() override { std::abort(); }

    void pass(base::Duration time) {
        now_ += time;
        while (base::Timer* const timer = timers_.take_expired(now_)) {
            timer->expired();
        }
    }
    [[nodiscard]] bool idle() const { return timers_.size() == 0; }

private:
    base::Time now_{};
    TimerQueue timers_;
};

/// Notes what the kernel would know.
class Registrar final : public BufferRegistrar {
public:
    int set(unsigned slot, std::span<std::byte> memory) override {
        if (error != 0) {
            return error;
        }
        if (memory.empty()) {
            slots.erase(slot);
        } else {
            slots[slot] = memory;
        }
        return 0;
    }
    [[nodiscard]] bool holds(const std::byte* data) const {
        return std::ranges::any_of(slots, [data](const auto& entry) {
            return data >= entry.second.data() && data < entry.second.data() + entry.second.size();
        });
    }

    std::map<unsigned, std::span<std::byte>> slots;
    int error = 0;
};

constexpr std::uint64_t kMiB = 1U << 20U;

TEST(BufferCache, LendsPageAlignedMemoryOfTheClass) {
    Clockwork core;
    Registrar registrar;
    BufferCache cache(core, 64 * kMiB, registrar);
    const std::map<std::size_t, std::size_t> capacities = {{1, 4096},
                                                           {4096, 4096},
                                                           {4097, 8192},
                                                           {65536, 65536},
                                                           {65537, 131072},
                                                           {kMiB, kMiB},
                                                           {kMiB + 1, 2 * kMiB},
                                                           {8 * kMiB, 8 * kMiB},
                                                           {8 * kMiB + 1, 8 * kMiB + 4096}};
    for (const auto& [size, capacity] : capacities) {
        const auto buffer = cache.take(size);
        ASSERT_TRUE(buffer) << size;
        EXPECT_EQ(buffer->size(), size);
        EXPECT_EQ(buffer->capacity(), capacity) << size;
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->bytes().data()) % 4096, 0U);
        std::memset(buffer->bytes().data(), 0xA5, size);
    }
    EXPECT_EQ(cache.loans(), 0U);
}

TEST(BufferCache, RecyclesTheBufferUsedLast) {
    Clockwork core;
    Registrar registrar;
    BufferCache cache(core, kMiB, registrar);
    const std::byte* const first = cache.take(4096)->bytes().data();
    EXPECT_EQ(cache.take(3000)->bytes().data(), first);
    EXPECT_EQ(cache.stats().hits, 1U);
    EXPECT_EQ(cache.stats().misses, 1U);
    EXPECT_EQ(cache.stats().bytes_held, 4096U);
    EXPECT_EQ(cache.stats().bytes_on_loan, 0U);
}

TEST(BufferCache, RefusesBeyondItsLimit) {
    Clockwork core;
    Registrar registrar;
    BufferCache cache(core, 16384, registrar);
    auto a = cache.take(8192);
    auto b = cache.take(8192);
    ASSERT_TRUE(a && b);
    EXPECT_FALSE(cache.take(1));
    EXPECT_FALSE(cache.take(std::size_t{1} << 62U));
    EXPECT_FALSE(cache.take(~std::size_t{0}));
    EXPECT_EQ(cache.stats().refused, 3U);
    a.reset();
    EXPECT_TRUE(cache.take(4096)) << "cached memory of another class makes room";
    EXPECT_LE(cache.stats().bytes_held, 16384U);
}

TEST(BufferCache, GivesUnusedMemoryBackAndThenNeedsNoTimer) {
    Clockwork core;
    Registrar registrar;
    BufferCache cache(core, 64 * kMiB, registrar);
    EXPECT_TRUE(core.idle());
    static_cast<void>(cache.take(kMiB));
    EXPECT_FALSE(core.idle());
    core.pass(BufferCache::kIdle);
    core.pass(BufferCache::kIdle);
    EXPECT_EQ(cache.stats().bytes_held, 0U);
    EXPECT_TRUE(core.idle());
}

TEST(BufferCache, KeepsWhatIsInUse) {
    Clockwork core;
    Registrar registrar;
    BufferCache cache(core, 64 * kMiB, registrar);
    {
        auto a = cache.take(4096);
        auto b = cache.take(4096);
    }
    for (int minute = 0; minute < 5; ++minute) {
        static_cast<void>(cache.take(4096));
        core.pass(BufferCache::kIdle);
    }
    EXPECT_EQ(cache.stats().bytes_held, 4096U) << "one of the two is used each minute";
}

TEST(BufferCache, AccountsForEveryByteOfARandomLoad) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    Clockwork core;
    Registrar registrar;
    BufferCache cache(core, 24 * kMiB, registrar);
    std::vector<base::Buffer> held;
    for (int step = 0; step < 3000; ++step) {
        if (!held.empty() && random() % 2 == 0) {
            std::swap(held[random() % held.size()], held.back());
            held.pop_back();
        } else if (auto buffer =
                       cache.take(std::size_t{1} + random() % (std::size_t{1} << (random() % 24U)))) {
            buffer->bytes().front() = buffer->bytes().back() = std::byte{1};
            held.push_back(std::move(*buffer));
        }
        if (random() % 100 == 0) {
            core.pass(30s);
        }
        std::uint64_t on_loan = 0;
        for (const auto& buffer : held) {
            on_loan += buffer.capacity();
        }
        ASSERT_EQ(cache.stats().bytes_on_loan, on_loan);
        ASSERT_LE(cache.stats().bytes_held, cache.stats().limit_bytes);
        ASSERT_GE(cache.stats().bytes_held, on_loan);
        ASSERT_EQ(cache.loans(), held.size());
    }
    held.clear();
    cache.release_cached();
    EXPECT_EQ(cache.stats().bytes_held, 0U);
}

/// Uses the buffer as often as it takes to have it registered.
std::optional<std::uint16_t> used_often(BufferCache& cache, const base::Buffer& buffer) {
    std::optional<std::uint16_t> slot;
    for (unsigned i = 0; i < FixedBuffers::kUses; ++i) {
        slot = cache.slot_of(buffer.bytes().data(), buffer.size());
    }
    return slot;
}

TEST(BufferCache, RegistersMemoryThatIsUsedOften) {
    Clockwork core;
    Registrar registrar;
    BufferCache cache(core, 64 * kMiB, registrar);
    for (const std::size_t size : {std::size_t{4096}, std::size_t{262144}, BufferCache::kLargest}) {
        const auto buffer = cache.take(size);
        ASSERT_TRUE(buffer);
        EXPECT_FALSE(cache.slot_of(buffer->bytes().data(), size));
        const auto slot = used_often(cache, *buffer);
        ASSERT_TRUE(slot) << size;
        EXPECT_TRUE(registrar.holds(buffer->bytes().data()));
        EXPECT_TRUE(registrar.holds(buffer->bytes().data() + size - 1));
        EXPECT_EQ(cache.slot_of(buffer->bytes().data() + size / 2, size / 2), slot);
    }
    std::vector<std::byte> elsewhere(4096);
    EXPECT_FALSE(cache.slot_of(elsewhere.data(), elsewhere.size()));
}

TEST(BufferCache, CountsRegisteredMemoryAsHeld) {
    Clockwork core;
    Registrar registrar;
    BufferCache cache(core, 64 * kMiB, registrar);
    const auto buffer = cache.take(4096);
    EXPECT_EQ(cache.stats().bytes_held, 4096U);
    ASSERT_TRUE(used_often(cache, *buffer));
    EXPECT_EQ(cache.stats().bytes_held, FixedBuffers::kSmallestGranule) << "all of it is pinned";
    EXPECT_EQ(cache.stats().bytes_on_loan, 4096U);
}

TEST(BufferCache, RegistersNothingThatItsLimitForbids) {
    Clockwork core;
    Registrar registrar;
    BufferCache cache(core, 64 << 10U, registrar);
    const auto buffer = cache.take(4096);
    EXPECT_FALSE(used_often(cache, *buffer));
    EXPECT_TRUE(registrar.slots.empty());
}

TEST(BufferCache, GivesNoMemoryBackThatTheKernelStillKnows) {
    Clockwork core;
    Registrar registrar;
    BufferCache cache(core, 64 * kMiB, registrar);
    {
        const auto used = cache.take(65536);
        ASSERT_TRUE(used_often(cache, *used));
    }
    // What was used goes back after two trims, and with it everything that the kernel knows.
    core.pass(BufferCache::kIdle);
    core.pass(BufferCache::kIdle);
    EXPECT_EQ(cache.stats().bytes_held, 0U);
    EXPECT_TRUE(registrar.slots.empty());
    const auto again = cache.take(65536);
    EXPECT_TRUE(used_often(cache, *again)) << "and is registered anew";
    EXPECT_EQ(registrar.slots.size(), 1U);
}

TEST(BufferCache, DoesWithoutWhereTheKernelRefuses) {
    Clockwork core;
    Registrar registrar;
    registrar.error = ENOMEM;
    BufferCache cache(core, 64 * kMiB, registrar);
    const auto buffer = cache.take(4096);
    EXPECT_FALSE(used_often(cache, *buffer));
    registrar.error = 0;
    EXPECT_FALSE(used_often(cache, *buffer)) << "it is not asked again and again";
    EXPECT_TRUE(cache.take(4096));
}

}  // namespace
}  // namespace targe::reactor
