// Registered memory with the kernel's own ring.
#include "reactor/fixed_buffers.h"

#include "base/task.h"
#include "reactor/buffer_cache.h"
#include "reactor/file_descriptor.h"
#include "reactor/plug.h"
#include "reactor/reactors.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace targe::reactor {
namespace {

constexpr std::size_t kSize = 16384;
constexpr PlugLimits kLimits;

/// Writes `rounds` buffers that say which they are to the file, each to its own place, and reads them back
/// into other buffers. Between rounds all that is cached goes back to the system when `releasing`. How many
/// were read back wrong.
base::Task<unsigned> write_and_read(base::CommandArena& /*arena*/, int fd, unsigned rounds, bool releasing) {
    Reactor& reactor = *Reactor::current();
    unsigned wrong = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        for (const PlugDirection direction : {PlugDirection::write, PlugDirection::read}) {
            auto other = reactor.buffers().take(kSize);
            auto buffer = reactor.buffers().take(kSize);
            const auto bytes = buffer->bytes();
            std::memset(bytes.data(),
                        direction == PlugDirection::write ? static_cast<int>(round % 251 + 1) : 0, kSize);
            const iovec piece{.iov_base = bytes.data(), .iov_len = kSize};
            const PlugRange range{.direction = direction,
                                  .fd = fd,
                                  .pieces = {&piece, 1},
                                  .offset = round * kSize,
                                  .size = kSize,
                                  .rw_flags = 0,
                                  .limits = &kLimits};
            const PluggedTransfer::Result result = co_await PluggedTransfer(range);
            const auto expected = std::byte(round % 251 + 1);
            wrong += result.bytes != kSize || bytes.front() != expected || bytes.back() != expected ? 1U : 0U;
        }
        if (releasing && round % 16 == 15) {
            reactor.buffer_cache().release_cached();
        }
    }
    co_return wrong;
}

struct Outcome {
    unsigned wrong = 0;
    PlugStats stats;
};

base::Detached drive(base::CommandArena& arena, int fd, unsigned rounds, bool releasing,
                     std::promise<Outcome>& done) {
    const unsigned wrong = co_await write_and_read(arena, fd, rounds, releasing);
    done.set_value({.wrong = wrong, .stats = Reactor::current()->plug().stats()});
}

Outcome run(Reactors& reactors, unsigned rounds, bool releasing) {
    const FileDescriptor file(::memfd_create("fixed", MFD_CLOEXEC));
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 8192> block;
    base::CommandArena arena{block};
    std::promise<Outcome> done;
    base::post(reactors[0], [&] { drive(arena, file.get(), rounds, releasing, done); });
    const Outcome outcome = done.get_future().get();
    std::promise<void> next_turn;
    base::post(reactors[0], [&] { next_turn.set_value(); });
    next_turn.get_future().wait();
    return outcome;
}

TEST(RegisteredBuffers, CarryWhatIsWrittenAndRead) {
    auto reactors = Reactors::start({.count = 1, .pin = false, .each = {}});
    ASSERT_TRUE(reactors);
    const Outcome outcome = run(**reactors, 100, false);
    EXPECT_EQ(outcome.wrong, 0U);
    EXPECT_EQ(outcome.stats.operations, 200U);
    EXPECT_GE(outcome.stats.fixed, 200U - 2 * FixedBuffers::kUses);
    (*reactors)->stop();
    EXPECT_EQ((*reactors)->leaks(), std::vector<std::string>{});
}

// Memory that goes back to the system and comes again is other memory: the kernel must not use what it knew.
TEST(RegisteredBuffers, AreForgottenBeforeTheirMemoryGoes) {
    auto reactors = Reactors::start({.count = 1, .pin = false, .each = {}});
    ASSERT_TRUE(reactors);
    const Outcome outcome = run(**reactors, 200, true);
    EXPECT_EQ(outcome.wrong, 0U);
    EXPECT_GT(outcome.stats.fixed, 100U);
    (*reactors)->stop();
}

/// At the end of a turn, behind what the plug does there: needs memory that only the cache has.
class NeedsMemory final : public TurnEnd {
public:
    NeedsMemory() { did_much_ = true; }
    void turn_ended() override {
        BufferCache& cache = Reactor::current()->buffer_cache();
        cache.set_limit(cache.stats().bytes_held);
        had_ = cache.take(4 * kSize).has_value();
    }
    [[nodiscard]] bool had() const { return had_; }

private:
    bool had_ = false;
};

/// Reads into a buffer whose neighbour goes back to the system in the same turn.
base::Detached read_beside_what_goes(base::CommandArena& /*arena*/, int fd, NeedsMemory& need,
                                     std::promise<PluggedTransfer::Result>& done) {
    Reactor& reactor = *Reactor::current();
    auto buffer = reactor.buffers().take(kSize);
    reactor.buffers().take(kSize).reset();
    const iovec piece{.iov_base = buffer->bytes().data(), .iov_len = kSize};
    const PlugRange range{.direction = PlugDirection::read,
                          .fd = fd,
                          .pieces = {&piece, 1},
                          .offset = 0,
                          .size = kSize,
                          .rw_flags = 0,
                          .limits = &kLimits};
    for (unsigned use = 0; use < FixedBuffers::kUses; ++use) {
        static_cast<void>(co_await PluggedTransfer(range));
    }
    EXPECT_EQ(reactor.plug().stats().fixed, 1U);
    reactor.at_turn_end(need);
    const PluggedTransfer::Result result = co_await PluggedTransfer(range);
    EXPECT_EQ(reactor.plug().stats().fixed, 2U);
    buffer->reset();
    done.set_value(result);
}

TEST(RegisteredBuffers, AreForgottenBehindWhatWasPrepared) {
    auto reactors = Reactors::start({.count = 1, .pin = false, .each = {}});
    ASSERT_TRUE(reactors);
    const FileDescriptor file(::memfd_create("fixed", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(file.get(), kSize), 0);
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 2048> block;
    base::CommandArena arena{block};
    NeedsMemory need;
    std::promise<PluggedTransfer::Result> done;
    base::post((**reactors)[0], [&] { read_beside_what_goes(arena, file.get(), need, done); });
    EXPECT_EQ(done.get_future().get(), PluggedTransfer::Result{.bytes = kSize});
    (*reactors)->stop();
    EXPECT_TRUE(need.had());
    EXPECT_EQ((*reactors)->leaks(), std::vector<std::string>{});
}

/// A process without CAP_IPC_LOCK, as far as this thread is concerned.
void drop_memory_lock_capability() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, 2> data{};
    ASSERT_EQ(::syscall(SYS_capget, &header, data.data()), 0);
    data[0].effective &= ~(1U << CAP_IPC_LOCK);
    ASSERT_EQ(::syscall(SYS_capset, &header, data.data()), 0);
}

TEST(RegisteredBuffers, AreDoneWithoutWhereMemoryMayNotBeLocked) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &before), 0);
    std::unique_ptr<Reactors> reactors;
    std::thread([&reactors] {
        drop_memory_lock_capability();
        auto made = Reactors::start({.count = 1, .pin = false, .each = {}});
        ASSERT_TRUE(made);
        reactors = std::move(*made);
    }).join();
    const rlimit little{.rlim_cur = 65536, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &little), 0);
    const Outcome outcome = run(*reactors, 50, false);
    ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &before), 0);
    EXPECT_EQ(outcome.wrong, 0U);
    EXPECT_EQ(outcome.stats.fixed, 0U);
    reactors->stop();
}

}  // namespace
}  // namespace targe::reactor
