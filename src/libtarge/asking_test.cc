// What a handler says by itself, from any thread, against a targed of the test's own.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"
#include "libtarge/interrupted.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace targe {
namespace {

using testing::FakeTarged;
using testing::SocketFolder;

/// A handler that attaches anew, and the targed that it is at.
class Returning : public ::testing::Test {
protected:
    targe_device* come(std::uint64_t size = 0) {
        targe_attachment how = targed->attachment(ops_);
        how.reattach = 1;
        how.size = size;
        return targed->attach(how);
    }

    const SocketFolder folder;
    std::optional<FakeTarged> targed{std::in_place, folder};

private:
    const targe_block_ops ops_ = FakeTarged::reading([](void*, targe_io*) { return -EIO; });
};

TEST(Asking, IsNotCutOffByAnotherThreadThatLetsGoOfTarged) {
    const SocketFolder folder;
    FakeTarged targed(folder);
    targe_device* const device = targed.attach();
    ASSERT_NE(device, nullptr);
    int raised = -1;
    std::thread asks([&] { raised = targe_raise(device, 0x2a, 0x01, 0); });
    const targe_request request = targed.request();
    EXPECT_EQ(request.kind, std::uint32_t{TARGE_REQUEST_RAISE});
    // As targe_run() does when it finds targed gone. The number of the connection may be another file's
    // afterwards, so that who asks must be done with it before.
    std::thread lets_go([&] { targe_disconnect(device); });
    constexpr int kLongEnoughMs = 200;  // for a defect to show; without one it is only waited for
    EXPECT_FALSE(targed.is_left(kLongEnoughMs));
    targed.reply(request.id);
    asks.join();
    EXPECT_EQ(raised, 0);
    lets_go.join();
    EXPECT_TRUE(targed.is_left(-1));
    EXPECT_EQ(targe_raise(device, 0x2a, 0x01, 0), -ENOTCONN);
    targe_detach(device);
}

TEST(Asking, EndsWhenTargedGoes) {
    const SocketFolder folder;
    std::optional<FakeTarged> targed(std::in_place, folder);
    targe_device* const device = targed->attach();
    ASSERT_NE(device, nullptr);
    int raised = 0;
    std::thread asks([&] { raised = targe_raise(device, 0x2a, 0x01, 0); });
    static_cast<void>(targed->request());
    targed.reset();
    asks.join();
    EXPECT_EQ(raised, -ENOTCONN);
    EXPECT_EQ(targe_run(device), -ENOTCONN);
    targe_detach(device);
}

TEST(Asking, IsNotCutOffBySignals) {
    const SocketFolder folder;
    FakeTarged targed(folder);
    targe_device* const device = targed.attach();
    ASSERT_NE(device, nullptr);
    int raised = -1;
    testing::Interrupted asks([&] { raised = targe_raise(device, 0x2a, 0x01, 0); });
    const targe_request request = targed.request();
    asks.interrupt();
    targed.reply(request.id);
    asks.join();
    EXPECT_EQ(raised, 0);
    targe_detach(device);
}

TEST(Asking, ServesWhatATargedMayHaveTakenNoteOfThatHasNotAnswered) {
    constexpr std::uint64_t kSize = 1U << 20U;
    const SocketFolder folder;
    FakeTarged targed(folder);
    targe_device* const device = targed.attach();
    ASSERT_NE(device, nullptr);
    EXPECT_EQ(targe_resize(device, 2 * kSize), -ETIMEDOUT);
    EXPECT_EQ(targe_size(device), 2 * kSize);
    targe_detach(device);
}

TEST_F(Returning, TellsTheNextTargedWhatTheLastOneWasTold) {
    targe_device* const device = come();
    ASSERT_NE(device, nullptr);
    int deeper = -1;
    std::thread asks([&] { deeper = targe_set_depth(device, 3); });
    targed->reply(targed->request().id);
    asks.join();
    EXPECT_EQ(deeper, 0);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), 0); });
    targed.emplace(folder);
    targed->welcome();
    const targe_request again = targed->request();
    EXPECT_EQ(again.kind, std::uint32_t{TARGE_REQUEST_DEPTH});
    EXPECT_EQ(again.value, 3U);
    targed->reply(again.id);
    targe_stop(device);
    runs.join();
    targe_detach(device);
}

// Whoever asks while targed is away is told so, and must not put back the size of before.
TEST_F(Returning, LeavesTheSizeAloneThatTheNextTargedAgreesOn) {
    constexpr std::uint64_t kSize = 1U << 20U;
    targe_device* const device = come();
    ASSERT_NE(device, nullptr);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), 0); });
    for (std::uint64_t round = 0; round < 30; ++round) {
        targe_welcome welcome = targed->good_welcome();
        welcome.size = (2 + round % 2) * kSize;
        targed.emplace(folder);
        int resized = -ENOTCONN;
        std::thread asks([&] {
            while (resized == -ENOTCONN) {
                resized = targe_resize(device, 8 * kSize);
            }
        });
        targed->await_hello();
        targed->answer(welcome, targed->descriptors());
        targed->reply(targed->request().id, EINVAL);
        asks.join();
        EXPECT_EQ(resized, -EINVAL);
        ASSERT_EQ(targe_size(device), welcome.size) << "round " << round;
    }
    targe_stop(device);
    runs.join();
    targe_detach(device);
}

TEST(ComingBack, FindsTheUnitAsAfterTheResetThatInitiatorsAreToldOf) {
    const SocketFolder folder;
    std::optional<FakeTarged> targed(std::in_place, folder);
    std::vector<targe_task_management> told;
    targe_command_ops ops{};
    ops.struct_size = sizeof ops;
    ops.execute = [](void*, targe_command*) -> int { return TARGE_DONE; };
    ops.task_management = [](void* context, const targe_task_management* function) {
        static_cast<std::vector<targe_task_management>*>(context)->push_back(*function);
    };
    targe_attachment how = targed->attachment({});
    how.level = TARGE_COMMANDS;
    how.block_ops = nullptr;
    how.command_ops = &ops;
    how.context = &told;
    how.peripheral_type = 0x01;
    how.reattach = 1;
    targe_device* const device = targed->attach(how);
    ASSERT_NE(device, nullptr);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), 0); });
    targed.emplace(folder);
    targed->welcome();
    targe_stop(device);
    runs.join();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].function, std::uint32_t{TARGE_LOGICAL_UNIT_RESET});
    EXPECT_EQ(told[0].done, 1U);
    EXPECT_EQ(told[0].session, 0U);
    targe_detach(device);
}

// Only what targed has taken, of each page the latest, and nothing else before what comes behind them.
TEST_F(Returning, TellsTheNextTargedWhichLogPagesThereAre) {
    targe_device* const device = come();
    ASSERT_NE(device, nullptr);
    const auto set = [&](std::uint8_t code, std::size_t size, int error) {
        int result = 1;
        std::thread asks([&] {
            const std::vector<std::byte> parameters(size, std::byte{code});
            result = targe_set_log_page(device, code, parameters.data(), size);
        });
        std::size_t sent = 0;
        const targe_request request = targed->request(&sent);
        EXPECT_EQ(request.value, code);
        EXPECT_EQ(sent, size);
        targed->reply(request.id, error);
        asks.join();
        return result;
    };
    std::thread asks([&] { EXPECT_EQ(targe_set_depth(device, 3), 0); });
    targed->reply(targed->request().id);
    asks.join();
    EXPECT_EQ(set(0x30, 8, 0), 0);
    EXPECT_EQ(set(0x31, 4, 0), 0);
    EXPECT_EQ(set(0x32, 4, ENOSPC), -ENOSPC);
    EXPECT_EQ(set(0x30, 4, 0), 0);
    EXPECT_EQ(set(0x31, 8, EINVAL), -EINVAL) << "the one before stays";
    EXPECT_EQ(set(0x33, TARGE_MAX_LOG_BYTES, 0), 0);
    const std::vector<std::byte> too_large(TARGE_MAX_LOG_BYTES + 1);
    EXPECT_EQ(targe_set_log_page(device, 0x34, too_large.data(), too_large.size()), -EINVAL);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), 0); });
    targed.emplace(folder);
    targed->welcome();
    std::vector<std::pair<std::uint64_t, std::size_t>> told;
    for (int i = 0; i < 3; ++i) {
        std::size_t size = 0;
        const targe_request again = targed->request(&size);
        EXPECT_EQ(again.kind, std::uint32_t{TARGE_REQUEST_LOG_PAGE});
        told.emplace_back(again.value, size);
        targed->reply(again.id);
    }
    std::ranges::sort(told);
    EXPECT_EQ(told, (std::vector<std::pair<std::uint64_t, std::size_t>>{
                        {0x30, 4}, {0x31, 4}, {0x33, TARGE_MAX_LOG_BYTES}}));
    const targe_request behind = targed->request();
    EXPECT_EQ(behind.kind, std::uint32_t{TARGE_REQUEST_DEPTH});
    targed->reply(behind.id);
    targe_stop(device);
    runs.join();
    targe_detach(device);
}

// It gave up waiting for them, or targed answers twice.
TEST(Asking, TakesNoOtherReplyForItsOwn) {
    const SocketFolder folder;
    FakeTarged targed(folder);
    targe_device* const device = targed.attach();
    ASSERT_NE(device, nullptr);
    std::uint32_t last = 0;
    for (const int error : {EINVAL, 0}) {
        int raised = 1;
        std::thread asks([&] { raised = targe_raise(device, 0x2a, 0x01, 7); });
        const targe_request request = targed.request();
        EXPECT_EQ(request.value, 0x2a01U);
        EXPECT_EQ(request.session, 7U);
        EXPECT_NE(request.id, last);
        targed.reply(request.id - 1, EIO);
        targed.reply(last, EIO);
        targed.reply(request.id, EIO, 1);
        targed.reply(request.id, error);
        last = request.id;
        asks.join();
        EXPECT_EQ(raised, -error);
    }
    targe_detach(device);
}

// Larger before targed asks for what is new, smaller when it knows, and as before when it refuses.
TEST(Asking, ServesTheSizeThatTargedGoesBy) {
    constexpr std::uint64_t kSize = 1U << 20U;
    const SocketFolder folder;
    FakeTarged targed(folder);
    targe_device* const device = targed.attach();
    ASSERT_NE(device, nullptr);
    struct Case {
        std::uint64_t size;
        int error;
        std::uint64_t meanwhile;
        std::uint64_t then;
    };
    for (const Case& each : {Case{2 * kSize, EINVAL, 2 * kSize, kSize}, Case{kSize / 2, EINVAL, kSize, kSize},
                             Case{2 * kSize, 0, 2 * kSize, 2 * kSize}, Case{kSize, 0, 2 * kSize, kSize}}) {
        int resized = 1;
        std::thread asks([&] { resized = targe_resize(device, each.size); });
        const targe_request request = targed.request();
        EXPECT_EQ(request.kind, std::uint32_t{TARGE_REQUEST_RESIZE});
        EXPECT_EQ(request.value, each.size);
        EXPECT_EQ(targe_size(device), each.meanwhile);
        targed.reply(request.id, each.error);
        asks.join();
        EXPECT_EQ(resized, -each.error);
        EXPECT_EQ(targe_size(device), each.then);
    }
    targe_detach(device);
}

TEST_F(Returning, SaysTheSizeAndDepthThatTargedWasToldOf) {
    targe_device* const device = come(1U << 20U);
    ASSERT_NE(device, nullptr);
    const auto told = [&](auto ask, int error) {
        std::thread asks([&] { EXPECT_EQ(ask(), -error); });
        targed->reply(targed->request().id, error);
        asks.join();
    };
    told([&] { return targe_resize(device, 3U << 20U); }, 0);
    told([&] { return targe_resize(device, 4U << 20U); }, EINVAL);
    told([&] { return targe_set_depth(device, 3); }, 0);
    told([&] { return targe_set_depth(device, 4); }, EINVAL);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), 0); });
    targed.emplace(folder);
    EXPECT_EQ(targed->await_hello().size, 3U << 20U);
    targed->answer(targed->good_welcome(), targed->descriptors());
    const targe_request again = targed->request();
    EXPECT_EQ(again.kind, std::uint32_t{TARGE_REQUEST_DEPTH});
    EXPECT_EQ(again.value, 3U);
    targed->reply(again.id);
    targe_stop(device);
    runs.join();
    targe_detach(device);
}

TEST_F(Returning, GoesOnWhateverItIsRefusedFor) {
    targe_device* const device = come();
    ASSERT_NE(device, nullptr);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), 0); });
    targed.emplace(folder);
    targed->refuse(EACCES);
    targed->refuse(EINVAL);
    targed->welcome();
    targed->offer_read();
    EXPECT_EQ(targed->take().error, EIO);
    targe_stop(device);
    runs.join();
    targe_detach(device);
}

TEST(Stopping, LeavesTheErrnoOfWhatASignalInterrupts) {
    const SocketFolder folder;
    FakeTarged targed(folder);
    targe_device* const device = targed.attach();
    ASSERT_NE(device, nullptr);
    constexpr std::uint64_t kFull = UINT64_MAX - 1;
    EXPECT_EQ(::eventfd_write(device->stop_event, kFull), 0);
    errno = ENOENT;
    targe_stop(device);
    EXPECT_EQ(errno, ENOENT);
    EXPECT_EQ(targe_run(device), 0);
    targe_detach(device);
}

}  // namespace
}  // namespace targe
