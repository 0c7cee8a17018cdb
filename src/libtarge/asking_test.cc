// What a handler says by itself, from any thread, against a targed of the test's own.
#include "libtarge/internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

namespace {

/// Lets one handler in, and answers nothing by itself.
class FakeTarged {
public:
    FakeTarged() {
        EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
        path_ = folder_ + "/handler.sock";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_, 1), 0);
    }
    FakeTarged(const FakeTarged&) = delete;
    FakeTarged& operator=(const FakeTarged&) = delete;
    ~FakeTarged() {
        for (const int each : {listener_, connection_, memory_, handler_event_, queue_event_}) {
            ::close(each);
        }
        std::filesystem::remove_all(folder_);
    }

    [[nodiscard]] targe_device* attach() {
        std::thread welcoming([this] { welcome(); });
        targe_block_ops ops{};
        ops.struct_size = sizeof ops;
        ops.read = [](void*, targe_io*) { return -EIO; };
        targe_attachment how{};
        how.struct_size = sizeof how;
        how.level = TARGE_BLOCKS;
        how.socket = path_.c_str();
        how.block_ops = &ops;
        targe_device* const made = targe_attach(&how, 0, nullptr, 0);
        welcoming.join();
        return made;
    }
    /// The next one of the handler.
    [[nodiscard]] targe_request request() const {
        targe_request request{};
        EXPECT_EQ(::recv(connection_, &request, sizeof request, 0), ssize_t{sizeof request});
        return request;
    }
    void reply(std::uint32_t id) const {
        const struct targe_reply reply{.id = id, .error = 0};
        ::send(connection_, &reply, sizeof reply, MSG_NOSIGNAL);
    }
    /// Whether the handler has closed its end; waits for that.
    [[nodiscard]] bool is_left(int wait_ms) const {
        pollfd wanted{.fd = connection_, .events = POLLRDHUP, .revents = 0};
        return ::poll(&wanted, 1, wait_ms) > 0;
    }

private:
    void welcome() {
        constexpr std::uint64_t kArena = TARGE_PAGE;
        constexpr std::uint64_t kRegion = TARGE_QUEUE_STRIDE + kArena;
        EXPECT_EQ(::ftruncate(memory_, kRegion), 0);
        connection_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        targe_hello hello{};
        EXPECT_EQ(::recv(connection_, &hello, sizeof hello, 0), ssize_t{sizeof hello});
        targe_welcome welcome{};
        welcome.magic = TARGE_MAGIC;
        welcome.protocol = TARGE_PROTOCOL;
        welcome.queues = 1;
        welcome.slots = 1;
        welcome.block_size = 512;
        welcome.size = 1U << 20U;
        welcome.arena_bytes = kArena;
        welcome.region_bytes = kRegion;
        const std::array<int, 3> descriptors{memory_, handler_event_, queue_event_};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptors)> control{};
        iovec part{.iov_base = &welcome, .iov_len = sizeof welcome};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof descriptors);
        std::memcpy(CMSG_DATA(rights), descriptors.data(), sizeof descriptors);
        EXPECT_EQ(::sendmsg(connection_, &message, MSG_NOSIGNAL), ssize_t{sizeof welcome});
    }

    std::string folder_ = (std::filesystem::temp_directory_path() / "targe-XXXXXX").string();
    std::string path_;
    int listener_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int connection_ = -1;
    int memory_ = ::memfd_create("targe", MFD_CLOEXEC);
    int handler_event_ = ::eventfd(0, EFD_CLOEXEC);
    int queue_event_ = ::eventfd(0, EFD_CLOEXEC);
};

TEST(Asking, IsNotCutOffByAnotherThreadThatLetsGoOfTarged) {
    FakeTarged targed;
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

TEST(Attaching, SaysWhyNobodyIsThere) {
    const std::string path = "/tmp/targe-attaching-" + std::to_string(::getpid());
    targe_block_ops ops{};
    ops.struct_size = sizeof ops;
    ops.read = [](void*, targe_io*) { return -EIO; };
    targe_attachment how{};
    how.struct_size = sizeof how;
    how.socket = path.c_str();
    how.name = "test";
    how.block_ops = &ops;
    const auto error_of = [&] {
        std::array<char, 256> error{};
        EXPECT_EQ(targe_attach(&how, 0, error.data(), error.size()), nullptr);
        return std::string(error.data());
    };
    EXPECT_EQ(error_of(), "nobody can be reached at " + path +
                              ": No such file or directory; targed does not run, or none of its devices has "
                              "this socket");
    // Whoever names the control socket of targed meets a socket of another kind.
    const int control = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(control, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(control, 1), 0);
    EXPECT_THAT(error_of(), ::testing::HasSubstr("that is the socket of something else"));
    ::close(control);
    EXPECT_THAT(error_of(), ::testing::HasSubstr("targed has ended"));
    ::unlink(path.c_str());
}

TEST(Asking, EndsWhenTargedGoes) {
    std::optional<FakeTarged> targed(std::in_place);
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

}  // namespace
