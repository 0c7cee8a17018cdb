// What a handler says by itself, from any thread, against a targed of the test's own.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"
#include "libtarge/interrupted.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <thread>

namespace targe {
namespace {

using testing::FakeTarged;
using testing::SocketFolder;

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

TEST(Asking, TellsTheNextTargedWhatTheLastOneWasTold) {
    const SocketFolder folder;
    std::optional<FakeTarged> targed(std::in_place, folder);
    const targe_block_ops ops = FakeTarged::reading([](void*, targe_io*) { return -EIO; });
    targe_attachment how = targed->attachment(ops);
    how.reattach = 1;
    targe_device* const device = targed->attach(how);
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

}  // namespace
}  // namespace targe
