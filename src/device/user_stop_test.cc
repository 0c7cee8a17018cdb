// What becomes of a handler's work when the daemon ends.
#include "device/user_block_fixture.h"
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "device/user_raw_handler.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace targe::device {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::failure;
using testing::of_blocks;
using testing::RawHandler;

class WhenTheDaemonEnds : public testing::WithHandlerHere {
protected:
    std::future<IoResult> read_later(Bytes& into) {
        return std::async(std::launch::async, [&] { return on_.read(device(), 3, into); });
    }
    /// Of what ends reactors: whether nothing is left that could keep this one from it. Waits for that.
    bool core_may_end() {
        const auto leaks = [] { return reactor::Reactor::current()->leaks(); };
        for (int looks = 0; looks < 5000 && !on_.ask(leaks).empty(); ++looks) {
            std::this_thread::sleep_for(1ms);
        }
        return on_.ask(leaks).empty();
    }

    Bytes data_ = Bytes(512);
};

TEST_F(WhenTheDaemonEnds, AHandlerMayEndWhatItHasInHand) {
    settings_.deadline = 1h;
    open(settings_);
    RawHandler handler(settings_.socket, of_blocks());
    ASSERT_TRUE(on_.probe(device()));
    auto read = read_later(data_);
    const targe_completion taken = handler.take();
    device().stop();
    static_cast<void>(on_.refresh(device()));
    EXPECT_EQ(read.wait_for(0ms), std::future_status::timeout);
    handler.complete(taken);
    EXPECT_TRUE(read.get());
}

// However long it may take otherwise, and though it ended something a moment ago.
TEST_F(WhenTheDaemonEnds, NoHandlerKeepsItFromThat) {
    settings_.deadline = 1h;
    open(settings_);
    RawHandler handler(settings_.socket, of_blocks());
    ASSERT_TRUE(on_.probe(device()));
    auto before = read_later(data_);
    handler.complete(handler.take());
    EXPECT_TRUE(before.get());
    auto read = read_later(data_);
    static_cast<void>(handler.take());
    device().stop();
    EXPECT_EQ(read.get(), failure(IoError::gone, 3));
    EXPECT_TRUE(core_may_end());
}

// Of reads whose handlers all do nothing, the one that has the least time ends first, and the one that has no
// handler does. Once is enough: a machine may stand still meanwhile.
TEST_F(WhenTheDaemonEnds, NoHandlerGetsMoreTimeThanItHas) {
    const std::array<testing::ScratchDirectory, 2> folders;
    settings_.deadline = settings_.hold = 1h;
    UserSettings hurried = settings_;
    hurried.socket = folders[0] / "disk.sock";
    hurried.deadline = 100ms;
    UserSettings unserved = settings_;
    unserved.socket = folders[1] / "disk.sock";
    bool first = false;
    for (int i = 0; i < 3 && !first; ++i) {
        open(settings_);
        const testing::Stopped quick(testing::open_user(hurried), on_);
        const testing::Stopped away(testing::open_user(unserved), on_);
        RawHandler patient_handler(settings_.socket, of_blocks());
        RawHandler quick_handler(hurried.socket, of_blocks());
        auto patient = read_later(data_);
        static_cast<void>(patient_handler.take());
        std::array<Bytes, 2> into{Bytes(512), Bytes(512)};
        auto in_a_hurry = std::async(std::launch::async, [&] { return on_.read(*quick, 3, into[0]); });
        static_cast<void>(quick_handler.take());
        auto waiting = std::async(std::launch::async, [&] { return on_.read(*away, 3, into[1]); });
        for (UserDevice* const each : {&device(), &*quick, &*away}) {
            each->stop();
        }
        EXPECT_EQ(in_a_hurry.get(), failure(IoError::gone, 3));
        EXPECT_EQ(waiting.get(), failure(IoError::gone, 3));
        first = patient.wait_for(1s) == std::future_status::timeout;
        patient.wait();
        stopped_.reset();
    }
    EXPECT_TRUE(first);
}

TEST_F(WhenTheDaemonEnds, OneThatIsTakenAwayMayEndBeforeItsCore) {
    settings_.deadline = 1h;
    open(settings_);
    RawHandler handler(settings_.socket, of_blocks());
    ASSERT_TRUE(on_.probe(device()));
    const auto leave = [&] { return on_.ask([&] { return device().leave_core(); }); };
    EXPECT_FALSE(leave()) << "nobody has stopped it";
    auto read = read_later(data_);
    const targe_completion taken = handler.take();
    device().stop();
    EXPECT_FALSE(leave()) << "it has a read in hand";
    handler.complete(taken);
    EXPECT_TRUE(read.get());
    await(leave);
    stopped_->device.reset();  // here, and not on its core
    EXPECT_TRUE(core_may_end());
}

/// Wants to hear of all that there is.
constexpr targe_command_ops kHears{
    .struct_size = sizeof(targe_command_ops),
    .reserved = 0,
    .execute = [](void*, targe_command*) { return int{TARGE_DONE}; },
    .session_attach = [](void*, const targe_session*) { return 0; },
    .session_detach = [](void*, std::uint64_t) {},
    .task_management = [](void*, const targe_task_management*) {},
    .reservations_changed = [](void*, const targe_reservations*) {},
    .delivered = [](void*, std::uint64_t, std::uint64_t, int) {},
    .batch_ended = nullptr,
    .goes_on = 0,
    .remaps = 0,
};

class TellingAtTheEnd : public WhenTheDaemonEnds {
protected:
    void SetUp() override {
        WhenTheDaemonEnds::SetUp();
        settings_.type = 0x01;
        settings_.deadline = 1h;
        open(settings_);
    }
    [[nodiscard]] static targe_attachment unit() {
        targe_attachment how{};
        how.level = TARGE_COMMANDS;
        how.peripheral_type = 0x01;
        how.command_ops = &kHears;
        return how;
    }
    void join(std::uint64_t nexus) {
        on_.ask([&] {
            return device().server()->join(
                {.nexus = nexus, .lun = 0, .read_only = false, .initiator = "iqn.one", .target = "iqn.two"});
        });
    }
};

// Its sessions end after that, of which nobody would take note.
TEST_F(TellingAtTheEnd, TellsNothingAnyMore) {
    RawHandler handler(settings_.socket, unit());
    ASSERT_TRUE(on_.probe(device()));
    join(7);
    handler.complete(handler.take());
    device().stop();
    ASSERT_TRUE(core_may_end());
    on_.ask([&] {
        CommandServer& server = *device().server();
        EXPECT_FALSE(server.join(
            {.nexus = 8, .lun = 0, .read_only = false, .initiator = "iqn.two", .target = "iqn.two"}))
            << "nobody would say whether it may use the unit";
        server.leave(7);
        server.tell(ServerEvent::logical_unit_reset, true, 0);
        server.delivered(7, 99, false);
        device().reservations_changed({.kind = ReservationFacts::Kind::reserve, .nexus = 7});
        return true;
    });
    EXPECT_TRUE(core_may_end());
    EXPECT_FALSE(handler.has_more());
}

// Neither what it has in hand nor what it had no room for.
TEST_F(TellingAtTheEnd, WaitsForNobodyToTakeNote) {
    targe_attachment how = unit();
    how.depth = 1;
    RawHandler handler(settings_.socket, how);
    ASSERT_TRUE(on_.probe(device()));
    join(7);
    join(8);
    const targe_completion taken = handler.take();
    device().stop();
    EXPECT_TRUE(core_may_end());
    handler.complete(taken);  // late, and of nobody
    static_cast<void>(on_.refresh(device()));
    EXPECT_TRUE(core_may_end());
}

}  // namespace
}  // namespace targe::device
