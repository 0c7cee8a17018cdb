// How long targe_attach() waits, and for what.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <future>
#include <optional>
#include <string>

namespace targe {
namespace {

using namespace std::chrono_literals;
using testing::FakeTarged;
using testing::SocketFolder;

class WaitingForTarged : public ::testing::Test {
protected:
    /// As long as it takes, if it takes long: false when it was not let in.
    std::future<bool> attach_later() {
        return std::async(std::launch::async, [this] {
            constexpr int kVeryLongMs = 3'600'000;
            const targe_block_ops ops = FakeTarged::reading([](void*, targe_io*) { return -EIO; });
            const std::string path = folder_.socket();
            targe_attachment how{};
            how.struct_size = sizeof how;
            how.socket = path.c_str();
            how.block_ops = &ops;
            targe_device* const made = targe_attach(&how, kVeryLongMs, nullptr, 0);
            if (made != nullptr) {
                targe_detach(made);
            }
            return made != nullptr;
        });
    }

    const SocketFolder folder_;
};

TEST_F(WaitingForTarged, GoesOnWhileItIsNotThere) {
    auto attached = attach_later();
    EXPECT_EQ(attached.wait_for(50ms), std::future_status::timeout) << "there is no socket";
    std::optional<FakeTarged> targed(std::in_place, folder_);
    targed->turn_away();
    targed.reset();
    EXPECT_EQ(attached.wait_for(50ms), std::future_status::timeout) << "nobody listens there any more";
    targed.emplace(folder_);
    targed->welcome();
    EXPECT_TRUE(attached.get());
}

TEST_F(WaitingForTarged, GoesOnWhenItEndsBeforeItHasAnswered) {
    std::optional<FakeTarged> targed(std::in_place, folder_);
    auto attached = attach_later();
    targed->await_hello();
    targed.emplace(folder_);
    targed->welcome();
    EXPECT_TRUE(attached.get());
}

TEST_F(WaitingForTarged, GoesOnWhileAnotherHandlerIsThereOrInitiatorsAreTold) {
    FakeTarged targed(folder_);
    auto attached = attach_later();
    targed.refuse(EBUSY);
    targed.refuse(EAGAIN);
    targed.welcome();
    EXPECT_TRUE(attached.get());
}

TEST_F(WaitingForTarged, EndsWithARefusalThatWaitingDoesNotChange) {
    FakeTarged targed(folder_);
    for (const int error : {EACCES, EINVAL, EPROTONOSUPPORT}) {
        auto attached = attach_later();
        targed.refuse(error);
        EXPECT_FALSE(attached.get());
    }
}

}  // namespace
}  // namespace targe
