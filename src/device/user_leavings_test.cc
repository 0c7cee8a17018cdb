// Where attachments end.
#include "device/user_leavings.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <thread>
#include <utility>

namespace targe::device {
namespace {

/// An attachment, and the other end of its connection, which says when it has ended.
struct Attached {
    explicit Attached(UserLeavings& leavings) : attachment(leavings.make_attachment()) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        attachment->connection = reactor::FileDescriptor{ends[0]};
        peer = reactor::FileDescriptor{ends[1]};
    }
    void let_go_elsewhere() {
        std::thread([last = std::move(attachment)]() mutable { last.reset(); }).join();
    }
    [[nodiscard]] bool ended() const {
        char none = 0;
        return ::recv(peer.get(), &none, sizeof none, MSG_DONTWAIT) == 0;
    }

    std::shared_ptr<UserAttachment> attachment;
    reactor::FileDescriptor peer;
};

bool can_be_read(int descriptor) {
    pollfd wanted{.fd = descriptor, .events = POLLIN, .revents = 0};
    return ::poll(&wanted, 1, 0) == 1;
}

TEST(UserLeavings, EndWhereTheyAreCleared) {
    const auto leavings = UserLeavings::create();
    ASSERT_TRUE(leavings);
    Attached one(*leavings);
    Attached two(*leavings);
    leavings->clear();
    EXPECT_FALSE(can_be_read(leavings->descriptor()));
    one.let_go_elsewhere();
    EXPECT_FALSE(one.ended());
    EXPECT_TRUE(can_be_read(leavings->descriptor()));
    leavings->clear();
    EXPECT_TRUE(one.ended());
    EXPECT_FALSE(two.ended());
    EXPECT_FALSE(can_be_read(leavings->descriptor()));
}

TEST(UserLeavings, EndByThemselvesOnceNobodyClearsThem) {
    auto leavings = UserLeavings::create();
    ASSERT_TRUE(leavings);
    Attached before(*leavings);
    Attached after(*leavings);
    before.let_go_elsewhere();
    leavings->close();
    EXPECT_TRUE(before.ended());
    leavings.reset();
    EXPECT_FALSE(after.ended());
    after.let_go_elsewhere();
    EXPECT_TRUE(after.ended());
}

}  // namespace
}  // namespace targe::device
