#include "reactor/short_waits.h"

#include "reactor/file_descriptor.h"
#include "reactor/testing_slow_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace targe::reactor {
namespace {

TEST(ShortWaits, AreThoseForWhatIsSlowToClose) {
    testing::SlowToClose slow;
    FileDescriptor closed = slow.make();
    ShortWaits waits;
    waits.begin();
    closed.reset();  // else it takes an hour
    waits.end();
}

TEST(ShortWaits, AreThoseForWhatWasPassedAlongAndNeverTaken) {
    testing::SlowToClose slow;
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    const FileDescriptor from{ends[0]};
    FileDescriptor to{ends[1]};
    ASSERT_TRUE(testing::send_with(from.get(), 'x', slow.make().get()));
    ShortWaits waits;
    waits.begin();
    to.reset();
    waits.end();
}

}  // namespace
}  // namespace targe::reactor
