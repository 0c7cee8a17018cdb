// What comes to the socket of a device from programs that are no handlers, or no good ones.
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace targe::device {
namespace {

using testing::Bytes;

constexpr std::uint64_t kSize = 1U << 20U;

targe_hello good_hello() {
    targe_hello hello{};
    hello.magic = TARGE_MAGIC;
    hello.protocol = TARGE_PROTOCOL;
    hello.size = kSize;
    return hello;
}

const targe_welcome kNothing = [] {
    targe_welcome none{};
    none.error = -1;
    return none;
}();

/// Asks for a log page with one parameter, of no bytes.
struct FilledPage {
    targe_request request{.kind = TARGE_REQUEST_LOG_PAGE, .id = 5, .value = 0x30, .session = 0};
    std::array<std::byte, 4> parameter{};
    static constexpr std::size_t kBytes = sizeof(targe_request) + 4;
};

/// A program that says on the socket what it likes. It maps nothing.
class Caller {
public:
    explicit Caller(const std::string& path) {
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        path.copy(where.sun_path, sizeof where.sun_path - 1);
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
            error_ = errno;
        }
    }
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    ~Caller() { ::close(socket_); }

    /// Of connecting.
    [[nodiscard]] int error() const { return error_; }
    /// The message, with zeroes behind it, or less than all of it. Whoever refuses may not want to hear it.
    template <class Message>
    void say(const Message& message, std::size_t size = sizeof(Message)) const {
        Bytes bytes(std::max(size, sizeof message));
        std::memcpy(bytes.data(), &message, sizeof message);
        ::send(socket_, bytes.data(), size, MSG_NOSIGNAL);
    }
    /// Waits for it. Nothing: targed has closed its end, or says no more.
    template <class Message>
    [[nodiscard]] std::optional<Message> hear() const {
        Message message{};
        ssize_t got = ::recv(socket_, &message, sizeof message, 0);
        if (got < 0 && errno == ECONNRESET) {  // closed without having read all that was said
            got = ::recv(socket_, &message, sizeof message, 0);
        }
        return got == ssize_t{sizeof message} ? std::optional{message} : std::nullopt;
    }
    /// The error of the reply; -1: there is none.
    [[nodiscard]] int ask(const targe_request& request, std::size_t size = sizeof(targe_request)) const {
        say(request, size);
        const auto reply = hear<struct targe_reply>();
        return reply ? reply->error : -1;
    }

private:
    int socket_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int error_ = 0;
};

class Callers : public testing::WithHandlerHere {
protected:
    /// What is answered to a hello of that size.
    targe_welcome answer_to(const targe_hello& hello, std::size_t size = sizeof(targe_hello)) {
        const Caller caller(settings_.socket);
        caller.say(hello, size);
        return caller.hear<targe_welcome>().value_or(kNothing);
    }
    int error_of(const targe_hello& hello, std::size_t size = sizeof(targe_hello)) {
        return answer_to(hello, size).error;
    }
    /// Until it is let in.
    void attach(const Caller& caller) {
        caller.say(good_hello());
        EXPECT_EQ(caller.hear<targe_welcome>().value().error, 0);
        await([&] { return !device().away(); });
    }
};

TEST_F(Callers, AreHandlersByWhatTheySayFirst) {
    open(settings_);
    const std::size_t all = sizeof(targe_hello);
    const std::size_t rule = sizeof(targe_rule);
    EXPECT_EQ(error_of(good_hello()), 0);
    EXPECT_EQ(error_of(good_hello(), all - 1), EPROTO);
    EXPECT_EQ(error_of(good_hello(), 1), EPROTO);
    EXPECT_EQ(error_of(good_hello(), all + rule), 0);
    EXPECT_EQ(error_of(good_hello(), all + rule - 1), EPROTO) << "a rule in parts";
    EXPECT_EQ(error_of(good_hello(), all + TARGE_MAX_RULES * rule), 0);
    EXPECT_EQ(error_of(good_hello(), all + TARGE_MAX_RULES * rule + 1), EPROTO);
    EXPECT_EQ(error_of(good_hello(), all + (TARGE_MAX_RULES + 1) * rule), EPROTO);
    targe_hello other = good_hello();
    other.magic ^= 1U;
    EXPECT_EQ(error_of(other), EPROTO);
    other = good_hello();
    ++other.protocol;
    const targe_welcome refusal = answer_to(other);
    EXPECT_EQ(refusal.error, EPROTONOSUPPORT);
    EXPECT_STREQ(refusal.text, "this targed speaks version 1 of the handlers' protocol, not 2");
    EXPECT_EQ(refusal.magic, TARGE_MAGIC);
}

TEST_F(Callers, AreRefusedWhileAnotherOneIsThere) {
    open(settings_);
    const std::string whose = "process " + std::to_string(::getpid()) + " is attached, and has not let go";
    const Caller first(settings_.socket);
    EXPECT_EQ(error_of(good_hello()), EBUSY) << "it has said nothing yet";
    EXPECT_EQ(answer_to(good_hello()).text, whose);
    attach(first);
    const targe_welcome refusal = answer_to(good_hello());
    EXPECT_EQ(refusal.error, EBUSY);
    EXPECT_EQ(refusal.text, whose);
    EXPECT_FALSE(device().away());
}

// Whoever says nothing would keep all others out.
TEST_F(Callers, ThatSayNothingAreSentAway) {
    open(settings_);
    const Caller silent(settings_.socket);
    EXPECT_EQ(error_of(good_hello()), EBUSY);
    const auto refusal = silent.hear<targe_welcome>();
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->error, ETIMEDOUT);
    EXPECT_STREQ(refusal->text, "no hello came within 5 s");
    EXPECT_FALSE(silent.hear<targe_welcome>());
    EXPECT_EQ(error_of(good_hello()), 0);
}

TEST_F(Callers, AreDoneWithOnceTheyHaveAskedForWhatIsNoRequest) {
    open(settings_);
    targe_request depth{};
    depth.kind = TARGE_REQUEST_DEPTH;
    depth.value = 1;
    targe_request page{};
    page.kind = TARGE_REQUEST_LOG_PAGE;
    page.value = 0x30;
    const std::size_t all = sizeof(targe_request);
    struct Case {
        targe_request request;
        std::size_t size;
        int error;  ///< -1: it is shut out
    };
    for (const Case& each :
         {Case{depth, all, 0}, Case{depth, all - 1, -1}, Case{depth, 1, -1}, Case{depth, all + 1, -1},
          Case{page, all, 0}, Case{page, all + TARGE_MAX_LOG_BYTES, EINVAL},
          Case{page, all + TARGE_MAX_LOG_BYTES + 1, -1}}) {
        SCOPED_TRACE(each.size);
        const Caller caller(settings_.socket);
        attach(caller);
        EXPECT_EQ(caller.ask(each.request, each.size), each.error);
        if (each.error != -1) {
            EXPECT_FALSE(device().away());
            continue;
        }
        await([&] { return device().away(); });
        caller.say(FilledPage{}, FilledPage::kBytes);
        EXPECT_EQ(error_of(good_hello()), EBUSY) << "it may do what it has taken, until it closes";
        EXPECT_EQ(device().log_pages().size(), 0U) << "nothing of it counts any more";
    }
}

TEST_F(Callers, MayFillALogPage) {
    open(settings_);
    const Caller caller(settings_.socket);
    attach(caller);
    caller.say(FilledPage{}, FilledPage::kBytes);
    const auto reply = caller.hear<struct targe_reply>();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->id, 5U);
    EXPECT_EQ(reply->error, 0);
    EXPECT_EQ(device().log_pages().size(), 1U);
}

/// Does it as somebody else, if that is allowed: `uid` and its groups, of which the first is the one of the
/// process.
void as(uid_t uid, const std::vector<gid_t>& groups, const std::function<void()>& what) {
    std::thread thread([&] {
        // Of this thread alone, which is why they are no calls of libc.
        if (::syscall(SYS_setgroups, groups.size() - 1, groups.data() + 1) == 0 &&
            ::syscall(SYS_setresgid, groups[0], groups[0], groups[0]) == 0 &&
            ::syscall(SYS_setresuid, uid, uid, uid) == 0) {
            what();
        }
    });
    thread.join();
}

class Strangers : public Callers {
protected:
    static constexpr uid_t kUser = 4321;
    static constexpr gid_t kGroup = 5432;

    void SetUp() override {
        Callers::SetUp();
        constexpr mode_t kAllMayPass = 0711;
        ::chmod(directory_.path().c_str(), kAllMayPass);
        bool there = false;
        as(kUser, {kGroup}, [&] { there = ::access(directory_.path().c_str(), X_OK) == 0; });
        if (!there) {
            GTEST_SKIP() << "needs root, to be somebody else, and a temporary folder that others may use";
        }
    }
    /// 0, or why it is not let in.
    int error_of(uid_t uid, const std::vector<gid_t>& groups) {
        int error = -1;
        as(uid, groups, [&] {
            const Caller caller(settings_.socket);
            error = caller.error();
            if (error == 0) {
                caller.say(good_hello());
                error = caller.hear<targe_welcome>().value_or(kNothing).error;
            }
        });
        return error;
    }
};

TEST_F(Strangers, CannotEvenConnectWhereNobodyIsNamed) {
    open(settings_);
    EXPECT_EQ(error_of(kUser, {kGroup}), EACCES);
    struct stat about{};
    ASSERT_EQ(::stat(settings_.socket.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST_F(Strangers, AttachWhereTheyAreNamed) {
    settings_.allow_users = {kUser - 1, kUser};
    open(settings_);
    EXPECT_EQ(error_of(kUser, {kGroup}), 0);
    EXPECT_EQ(error_of(kUser + 1, {kGroup}), EACCES);
    EXPECT_EQ(error_of(kGroup, {kUser}), EACCES);
    EXPECT_EQ(error_of(0, {0}), 0) << "root is none";
}

TEST_F(Strangers, AttachWhereAGroupOfTheirsIsNamed) {
    settings_.allow_groups = {kGroup - 1, kGroup};
    open(settings_);
    EXPECT_EQ(error_of(kUser, {kGroup}), 0);
    EXPECT_EQ(error_of(kUser, {kUser, kUser + 1, kGroup}), 0);
    EXPECT_EQ(error_of(kUser, {kUser, kUser + 1}), EACCES);
    EXPECT_EQ(error_of(kUser, {kUser}), EACCES);
    EXPECT_EQ(error_of(kGroup, {kUser}), EACCES);
}

}  // namespace
}  // namespace targe::device
