// Who is added to the plug although it could be read at once.
#include "base/task.h"
#include "reactor/file_descriptor.h"
#include "reactor/plug.h"
#include "reactor/reactors.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <deque>
#include <future>
#include <memory>
#include <utility>
#include <vector>

namespace targe::reactor {
namespace {

constexpr PlugLimits kLimits{};

/// A read of a byte, which is added or not.
struct One {
    std::byte byte{};
    iovec piece{.iov_base = &byte, .iov_len = 1};
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 1024> block{};
    base::CommandArena arena{block};
};

class PlugCollects : public ::testing::Test {
protected:
    PlugCollects() : file_(::memfd_create("plug", MFD_CLOEXEC)) {
        EXPECT_EQ(::pwrite(file_.get(), "x", 1, 0), 1);
        auto made = Reactors::start({.count = 1, .pin = false, .each = {}});
        EXPECT_TRUE(made);
        reactors_ = std::move(*made);
    }
    ~PlugCollects() override {
        reactors_->stop();
        EXPECT_EQ(reactors_->leaks(), std::vector<std::string>{});
    }
    /// In one turn of their own, what each of `count` is told.
    std::vector<bool> asked(std::size_t count) {
        std::deque<One> ones(count);
        std::vector<bool> told;
        std::promise<void> done;
        std::size_t left = count;
        base::post(core(), [&] {
            for (std::size_t i = 0; i < count; ++i) {
                told.push_back(Reactor::current()->plug().collects());
            }
            for (std::size_t i = 0; i < count; ++i) {
                drive(ones[i].arena, ones[i], told[i], left, done);
            }
        });
        done.get_future().wait();
        // Until the frame that told us has gone.
        std::promise<void> next_turn;
        base::post(core(), [&] { next_turn.set_value(); });
        next_turn.get_future().wait();
        return told;
    }

private:
    base::Core& core() { return (*reactors_)[0]; }
    base::Detached drive(base::CommandArena& /*arena*/, One& one, bool added, std::size_t& left,
                         std::promise<void>& done) {
        if (added) {
            const PlugRange range{.direction = PlugDirection::read,
                                  .fd = file_.get(),
                                  .pieces = {&one.piece, 1},
                                  .offset = 0,
                                  .size = 1,
                                  .rw_flags = 0,
                                  .limits = &kLimits,
                                  .in_memory = true};
            EXPECT_EQ(co_await PluggedTransfer(range), (PluggedTransfer::Result{.bytes = 1}));
            EXPECT_EQ(one.byte, std::byte{'x'});
        }
        if (--left == 0) {
            done.set_value();
        }
    }

    FileDescriptor file_;
    std::unique_ptr<Reactors> reactors_;
};

TEST_F(PlugCollects, AllOnceOthersCameBehindTheFirst) {
    using Told = std::vector<bool>;
    EXPECT_EQ(asked(1), Told{false});
    EXPECT_EQ(asked(1), Told{false});
    EXPECT_EQ(asked(3), (Told{false, true, true}));
    EXPECT_EQ(asked(3), (Told{true, true, true}));
    EXPECT_EQ(asked(1), Told{true}) << "it might have had company, as the one before";
    EXPECT_EQ(asked(1), Told{false});
    EXPECT_EQ(asked(2), (Told{false, true}));
    EXPECT_EQ(asked(2), (Told{true, true})) << "two are company";
}

}  // namespace
}  // namespace targe::reactor
