// What programs pass along with what they say to the socket of a device, and how long it takes to close that.
#include "device/testing_served_file.h"
#include "device/user_fixture.h"
#include "reactor/short_waits.h"
#include "reactor/testing_slow_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>

namespace targe::device {
namespace {

using reactor::testing::send_with;
using reactor::testing::SlowToClose;

targe_hello good_hello() {
    targe_hello hello{};
    hello.magic = TARGE_MAGIC;
    hello.protocol = TARGE_PROTOCOL;
    hello.size = 1U << 20U;
    return hello;
}

constexpr targe_request kRequest{.kind = TARGE_REQUEST_DEPTH, .id = 1, .value = 1, .session = 0};

targe_hello bad_hello() {
    return {};
}

class PassedFiles : public testing::WithHandlerHere {
protected:
    [[nodiscard]] reactor::FileDescriptor connect() const {
        reactor::FileDescriptor made{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        settings_.socket.copy(where.sun_path, sizeof where.sun_path - 1);
        EXPECT_EQ(::connect(made.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
        return made;
    }
    /// The error of the welcome.
    [[nodiscard]] static int answer_on(const reactor::FileDescriptor& connection) {
        targe_welcome welcome{};
        return ::recv(connection.get(), &welcome, sizeof welcome, 0) == ssize_t{sizeof welcome}
                   ? welcome.error
                   : -1;
    }
    /// `message`, with a file that the receiver alone has then. Unless it is done with it already, or hears
    /// no more: then this side waits, as short as the other one does.
    template <class Message>
    void say_with_slow_file(const reactor::FileDescriptor& connection, const Message& message) {
        reactor::FileDescriptor file = slow_.make();
        send_with(connection.get(), message, file.get());
        waits_.begin();
        file.reset();
        waits_.end();
    }
    /// A handler is let in, and is let go.
    void expect_in_service() {
        const reactor::FileDescriptor handler = attach();
        EXPECT_EQ(answer_on(handler), 0);
    }
    [[nodiscard]] reactor::FileDescriptor attach() {
        reactor::FileDescriptor handler;
        for (bool in = false; !in;) {
            handler = connect();
            const targe_hello hello = good_hello();
            ::send(handler.get(), &hello, sizeof hello, MSG_NOSIGNAL);
            // The one before may be there for a moment.
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
            targe_welcome welcome{};
            in = ::recv(handler.get(), &welcome, sizeof welcome, MSG_PEEK) == ssize_t{sizeof welcome} &&
                 welcome.error == 0;
        }
        await([&] { return !device().away(); });
        return handler;
    }
    bool core_is_awake() {
        return on_.ask([] { return true; });
    }

    SlowToClose slow_;
    reactor::ShortWaits waits_;
};

TEST_F(PassedFiles, OfWhoIsNoHandlerKeepNobodyOut) {
    open(settings_);
    {
        const reactor::FileDescriptor caller = connect();
        say_with_slow_file(caller, bad_hello());
    }
    expect_in_service();
}

TEST_F(PassedFiles, OfWhoIsRefusedKeepNobodyOut) {
    open(settings_);
    reactor::FileDescriptor handler = attach();
    say_with_slow_file(handler, kRequest);  // it takes a while to be read
    const reactor::FileDescriptor second = connect();
    say_with_slow_file(second, bad_hello());  // else it may be let in, in time
    handler.reset();
    expect_in_service();
}

TEST_F(PassedFiles, AreOfNoInterestFromHandlers) {
    open(settings_);
    const reactor::FileDescriptor handler = attach();
    EXPECT_EQ(answer_on(handler), 0);
    say_with_slow_file(handler, kRequest);
    struct targe_reply reply{};
    EXPECT_EQ(::recv(handler.get(), &reply, sizeof reply, 0), ssize_t{sizeof reply});
    EXPECT_EQ(reply.error, 0);
}

// A core may be the last to have to do with a handler that is gone: it must not be the one that waits.
TEST_F(PassedFiles, ThatNobodyHasReadBlockNoCore) {
    open(settings_);
    for (const bool says_end : {false, true}) {
        SCOPED_TRACE(says_end);
        reactor::FileDescriptor handler = attach();
        ASSERT_TRUE(on_.probe(device()));       // the core knows of it
        say_with_slow_file(handler, kRequest);  // it takes a while to be read
        if (says_end) {
            ::send(handler.get(), nullptr, 0, MSG_NOSIGNAL);
            ::send(handler.get(), nullptr, 0, MSG_NOSIGNAL);
        }
        say_with_slow_file(handler, kRequest);
        if (!says_end) {
            handler.reset();  // its welcome is unread: that is an error, which comes before what it said
        }
        await([&] { return device().away(); });
        EXPECT_TRUE(core_is_awake());
        expect_in_service();
        EXPECT_TRUE(core_is_awake());
    }
}

// To close one waits for its server, which may never answer, and that cannot be broken off.
TEST_F(PassedFiles, OfFileSystemsOfTheirOwnAreNotClosedHere) {
    testing::ServedFile served{testing::Bytes(512)};
    if (!served) {
        GTEST_SKIP() << served.why_not();
    }
    open(settings_);
    targe_hello hello = good_hello();
    hello.can = TARGE_LENDS;
    for (int i = 0; i < 3; ++i) {
        const reactor::FileDescriptor caller = connect();
        const reactor::FileDescriptor file{::open(served.path().c_str(), O_RDWR | O_CLOEXEC)};
        ASSERT_TRUE(file);
        ASSERT_TRUE(send_with(caller.get(), hello, file.get()));
        EXPECT_EQ(answer_on(caller), EINVAL);
    }
    expect_in_service();
    EXPECT_EQ(served.closed_by_others_here(), 0U);
    stopped_.reset();
}

TEST_F(PassedFiles, DelayNoStop) {
    open(settings_);
    const reactor::FileDescriptor handler = attach();
    const reactor::FileDescriptor waits = connect();
    for (int i = 0; i < 4; ++i) {
        say_with_slow_file(handler, kRequest);
        say_with_slow_file(waits, good_hello());
    }
    stopped_.reset();
}

}  // namespace
}  // namespace targe::device
