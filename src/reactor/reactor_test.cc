#include "reactor/reactor.h"

#include "base/task.h"
#include "reactor/file_descriptor.h"
#include "reactor/io.h"
#include "reactor/plug.h"
#include "reactor/reactors.h"
#include "reactor/testing_reactors.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <future>
#include <string>
#include <vector>

namespace targe::reactor {
namespace {
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::on;
using testing::start;

/// A coroutine's arena, and the way to know from another thread that it ended.
struct Running {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 8192> block;
    base::CommandArena arena{block};
    std::promise<void> ended;
};

TEST(Reactor, RunsWhatIsPostedOnItsOwnThread) {
    const auto reactors = start(2);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(on((*reactors)[i], [] { return Reactor::current(); }), &(*reactors)[i]);
        EXPECT_EQ((*reactors)[i].id().value, i);
    }
    EXPECT_EQ(Reactor::current(), nullptr);
    reactors->stop();
    EXPECT_THAT(reactors->leaks(), ElementsAre());
}

std::uint64_t context_switches(pid_t thread) {
    std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("voluntary_ctxt_switches:")) {
            return std::stoull(line.substr(line.find(':') + 1));
        }
    }
    ADD_FAILURE() << "no such thread";
    return 0;
}

TEST(Reactor, IsNotWokenWhileIdle) {
    const auto reactors = start(1);
    const pid_t thread = on((*reactors)[0], [] { return gettid(); });
    std::this_thread::sleep_for(50ms);
    const std::uint64_t before = context_switches(thread);
    std::this_thread::sleep_for(1s);
    EXPECT_EQ(context_switches(thread), before);
}

/// What the reactor has done when a read of `fd` through the plug ends.
base::Detached read_through_plug(base::CommandArena& /*arena*/, int fd, std::promise<ReactorStats>& done) {
    std::byte byte{};
    const PlugLimits limits;
    const iovec piece{.iov_base = &byte, .iov_len = 1};
    const PlugRange range{.direction = PlugDirection::read,
                          .fd = fd,
                          .pieces = {&piece, 1},
                          .offset = 0,
                          .size = 1,
                          .rw_flags = 0,
                          .limits = &limits};
    const PluggedTransfer::Result result = co_await PluggedTransfer(range);
    EXPECT_EQ(result.bytes, 1U);
    done.set_value(Reactor::current()->stats());
}

TEST(Reactor, WaitsAsleepForADisk) {
    auto reactors = Reactors::start({.count = 1, .pin = false, .each = {.cpu = {}, .longest_spin = 10s}});
    ASSERT_TRUE(reactors);
    base::Core& core = (**reactors)[0];
    const auto look = [&core] { return on(core, [] { return Reactor::current()->stats(); }); };
    // Work that comes after a while teaches it to spin for twice as long.
    look();
    std::this_thread::sleep_for(200ms);
    look();
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const FileDescriptor reading(ends[0]);
    const FileDescriptor writing(ends[1]);
    Running running;
    std::promise<ReactorStats> done;
    ReactorStats before;  // not earlier: until the read comes it spins
    base::post(core, [&] {
        before = Reactor::current()->stats();
        read_through_plug(running.arena, reading.get(), done);
    });
    std::this_thread::sleep_for(100ms);
    ASSERT_EQ(::write(writing.get(), "x", 1), 1);
    const ReactorStats after = done.get_future().get();
    EXPECT_LT(after.turns - before.turns, 1000U) << "100 ms of spinning are many more";
    EXPECT_GT(after.sleeps, before.sleeps);
    (*reactors)->stop();
}

struct Ball final : base::Message {
    void run() override {
        if (--left == 0) {
            done.set_value();
        } else {
            cores[static_cast<std::size_t>(left) % 2]->post(*this);
        }
    }
    base::Cores cores;
    int left = 100'000;
    std::promise<void> done;
};

TEST(Reactor, PassesAMessageToAndFroAHundredThousandTimes) {
    const auto reactors = start(2);
    Ball ball;
    ball.cores = reactors->cores();
    ball.cores[0]->post(ball);
    ball.done.get_future().get();
    std::uint64_t messages = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        messages += on((*reactors)[i], [&, i] { return (*reactors)[i].stats().messages; });
    }
    EXPECT_EQ(messages, 100'000U + 2U) << "and the questions";
    reactors->stop();
    EXPECT_THAT(reactors->leaks(), ElementsAre());
}

base::Detached sleep_in_order(Running& run, base::CommandArena& /*arena*/, std::vector<int>& order,
                              int number, base::Duration time) {
    Reactor& core = *Reactor::current();
    const base::Time before = core.now();
    co_await base::sleep_for(core, time);
    EXPECT_GE(core.now() - before, time);
    order.push_back(number);
    run.ended.set_value();
}

TEST(Reactor, WakesSleepersInTheOrderOfTheirDeadlines) {
    const auto reactors = start(1);
    std::array<Running, 3> runs;
    std::vector<int> order;
    on((*reactors)[0], [&] {
        sleep_in_order(runs[0], runs[0].arena, order, 30, 30ms);
        sleep_in_order(runs[1], runs[1].arena, order, 10, 10ms);
        sleep_in_order(runs[2], runs[2].arena, order, 20, 20ms);
    });
    for (auto& run : runs) {
        run.ended.get_future().get();
    }
    reactors->stop();
    EXPECT_THAT(order, ElementsAre(10, 20, 30));
    EXPECT_THAT(reactors->leaks(), ElementsAre());
    EXPECT_LT((*reactors)[0].stats().turns, 5000U) << "it slept between the deadlines";
}

FileDescriptor temporary_file() {
    return FileDescriptor(open(::testing::TempDir().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

base::Detached write_and_read_back(Running& run, base::CommandArena& /*arena*/, int fd,
                                   std::string& read_back) {
    std::string one = "one ";
    std::string two = "two";
    const std::array<base::ConstSegment, 2> from = {{{reinterpret_cast<std::byte*>(one.data()), one.size()},
                                                     {reinterpret_cast<std::byte*>(two.data()), two.size()}}};
    const int written = co_await writev(fd, from, 4096);
    EXPECT_EQ(written, 7);
    const int synced = co_await fdatasync(fd);
    EXPECT_EQ(synced, 0);
    const int punched = co_await fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
    EXPECT_TRUE(punched == 0 || punched == -EOPNOTSUPP);
    read_back.resize(7);
    const std::array<base::Segment, 1> into = {{{reinterpret_cast<std::byte*>(read_back.data()), 7}}};
    const int got = co_await readv(fd, into, 4096);
    EXPECT_EQ(got, 7);
    const int failed = co_await fsync(-1);
    EXPECT_EQ(failed, -EBADF);
    run.ended.set_value();
}

TEST(Reactor, AwaitsOperationsOfTheRingWithoutTheHeap) {
    const auto reactors = start(1);
    const FileDescriptor file = temporary_file();
    ASSERT_TRUE(file);
    Running run;
    std::string read_back;
    on((*reactors)[0], [&] { write_and_read_back(run, run.arena, file.get(), read_back); });
    run.ended.get_future().get();
    reactors->stop();
    EXPECT_EQ(read_back, "one two");
    EXPECT_EQ(run.arena.heap_allocations(), 0U);
    EXPECT_THAT(reactors->leaks(), ElementsAre());
}

struct Counter final : Completion {
    void completed(int result, unsigned /*flags*/) override {
        last = result;
        if (--left == 0) {
            done.set_value();
        }
    }
    int left = 1;
    int last = 0;
    std::promise<void> done;
};

TEST(Reactor, TakesMoreOperationsThanTheRingHolds) {
    const auto reactors = start(1);
    Counter counter;
    counter.left = 10'000;
    on((*reactors)[0], [&] {
        for (int i = 0; i < 10'000; ++i) {
            io_uring_prep_nop(&Reactor::current()->prepare(counter));
        }
    });
    counter.done.get_future().get();
    reactors->stop();
    EXPECT_THAT(reactors->leaks(), ElementsAre());
}

class Pipe {
public:
    Pipe() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close(ends_[0]);
        close(ends_[1]);
    }
    [[nodiscard]] int out() const { return ends_[0]; }
    [[nodiscard]] int in() const { return ends_[1]; }

private:
    std::array<int, 2> ends_{};
};

TEST(Reactor, EndsACancelledOperationWithItsOwnCompletion) {
    const auto reactors = start(1);
    const Pipe pipe;
    Counter counter;
    Reactor& reactor = (*reactors)[0];
    on(reactor, [&] { io_uring_prep_poll_add(&reactor.prepare(counter), pipe.out(), POLLIN); });
    on(reactor, [&] { reactor.cancel(counter); });
    counter.done.get_future().get();
    EXPECT_EQ(counter.last, -ECANCELED);
    reactors->stop();
    EXPECT_THAT(reactors->leaks(), ElementsAre());
}

TEST(Reactor, WaitsAtItsEndForWhatIsInFlight) {
    const auto reactors = start(1);
    const Pipe pipe;
    Counter counter;
    Reactor& reactor = (*reactors)[0];
    on(reactor, [&] { io_uring_prep_poll_add(&reactor.prepare(counter), pipe.out(), POLLIN); });
    std::thread writer([&] {
        std::this_thread::sleep_for(50ms);
        EXPECT_EQ(::write(pipe.in(), "x", 1), 1);
    });
    reactors->stop();
    writer.join();
    EXPECT_EQ(counter.last, POLLIN);
    EXPECT_THAT(reactors->leaks(), ElementsAre());
}

TEST(Reactor, SaysWhatItStillHoldsWhenTheLimitHasPassed) {
    const auto reactor = Reactor::create(base::CoreId(0), {});
    ASSERT_TRUE(reactor);
    Reactor& core = **reactor;
    const Pipe pipe;
    Counter counter;
    base::Buffer buffer;
    std::thread thread([&] { core.run(); });
    on(core, [&] {
        io_uring_prep_poll_add(&core.prepare(counter), pipe.out(), POLLIN);
        buffer = *core.buffers().take(5000);
    });
    core.stop(20ms);
    thread.join();
    EXPECT_THAT(core.leaks(), ElementsAre("1 operations in flight", "1 buffers on loan, 8192 bytes"));
    buffer.reset();
}

struct Recorder final : TurnEnd {
    explicit Recorder(std::string& into) : text(into) {}
    void turn_ended() override {
        text += "end ";
        if (again) {
            again = false;
            Reactor::current()->at_turn_end(*this);
        }
    }
    std::string& text;
    bool again = true;
};

TEST(Reactor, EndsATurnAfterAllThatArrivedInIt) {
    const auto reactors = start(1);
    Reactor& reactor = (*reactors)[0];
    std::string text;
    Recorder recorder(text);
    std::promise<void> both;
    on(reactor, [&] {
        base::post(reactor, [&] {
            text += "a ";
            reactor.at_turn_end(recorder);
            reactor.at_turn_end(recorder);
        });
        base::post(reactor, [&] { text += "b "; });
    });
    std::this_thread::sleep_for(20ms);
    reactors->stop();
    EXPECT_EQ(text, "a b end end ");
}

struct Asked final : Poller {
    bool poll() override {
        ++polls;
        return false;
    }
    void park() override { parked.set_value(); }
    int polls = 0;
    std::promise<void> parked;
};

TEST(Reactor, ParksPollersBeforeItSleeps) {
    const auto reactors = start(1);
    Asked asked;
    on((*reactors)[0], [&] { (*reactors)[0].add_poller(asked); });
    asked.parked.get_future().get();
    reactors->stop();
    EXPECT_FALSE(asked.linked());
}

}  // namespace
}  // namespace targe::reactor
