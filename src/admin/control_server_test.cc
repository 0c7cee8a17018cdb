#include "admin/control_server.h"

#include "admin/control.h"
#include "admin/control_client.h"
#include "admin/control_message.h"
#include "admin/fake_administration.h"
#include "admin/unix_socket.h"
#include "reactor/short_waits.h"
#include "reactor/testing_slow_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace targe::admin {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::chrono::seconds kPatience{20};

class ControlServers : public testing::Test {
protected:
    ControlServers() { std::filesystem::remove(path_); }
    ~ControlServers() override { std::filesystem::remove(path_); }

    std::unique_ptr<ControlServer> start(ControlServerOptions options) {
        options.socket = path_;
        auto server = ControlServer::start(std::move(options), answer_);
        EXPECT_TRUE(server) << to_string(server.error());
        return server ? std::move(*server) : nullptr;
    }
    std::unique_ptr<ControlServer> start() { return start(ControlServerOptions{.socket = {}, .group = {}}); }

    Socket connect() const {
        Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto address = unix_address(path_);
        EXPECT_EQ(::connect(socket.get(), as_sockaddr(*address), sizeof(*address)), 0);
        return socket;
    }
    static void send(const Socket& socket, std::string_view text) {
        ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
    /// All that comes until the server closes, or `lines` lines.
    static std::string receive(const Socket& socket, std::size_t lines) {
        std::string text;
        std::array<char, 4096> piece{};
        while (static_cast<std::size_t>(std::ranges::count(text, '\n')) < lines) {
            const ssize_t got = ::recv(socket.get(), piece.data(), piece.size(), 0);
            if (got <= 0) {
                break;
            }
            text.append(piece.data(), static_cast<std::size_t>(got));
        }
        return text;
    }

    std::string path_ = testing::TempDir() + "targe-" + std::to_string(::getpid()) + ".sock";
    FakeAdministration daemon_;
    AnswerRequest answer_ = [this](std::string_view request) { return handle_request(request, daemon_); };
};

// It is closed with the message, though nobody took it.
TEST_F(ControlServers, DoNotWaitForWhatIsPassedAlong) {
    auto server = start();
    reactor::testing::SlowToClose slow;
    reactor::ShortWaits waits;
    for (int i = 0; i < 3; ++i) {
        const Socket client = connect();
        reactor::FileDescriptor passed = slow.make();
        EXPECT_TRUE(reactor::testing::send_with(client.get(), 'x', passed.get()));
        waits.begin();
        passed.reset();  // the other side may have closed it
        waits.end();
        EXPECT_TRUE(ask_daemon(path_, make_request("status"), kPatience));
    }
    server.reset();
}

TEST_F(ControlServers, AnswerWhoeverAsks) {
    const auto server = start();
    const auto answer = ask_daemon(path_, make_request("status"), kPatience);
    ASSERT_TRUE(answer) << to_string(answer.error());
    EXPECT_THAT(*answer, StartsWith(R"({"targe":1,"result":{"state":"serving")"));
}

/// Answers "long" only when it is let.
class SlowAnswers : public ControlServers {
protected:
    SlowAnswers() {
        answer_ = [this](std::string_view request) {
            if (request == "long") {
                begun_.release();
                let_.acquire();
            }
            return "<" + std::string(request) + ">";
        };
    }
    std::unique_ptr<ControlServer> start_slow() {
        return start({.socket = {}, .group = {}, .takes_long = [](std::string_view request) {
                          return request.starts_with("long");
                      }});
    }

    std::counting_semaphore<> begun_{0};
    std::counting_semaphore<> let_{0};
};

TEST_F(SlowAnswers, KeepNobodyElseWaiting) {
    const auto server = start_slow();
    const Socket slow = connect();
    send(slow, "long\nnext\n");
    begun_.acquire();
    const Socket second = connect();
    send(second, "long too\n");
    const Socket other = connect();
    send(other, "short\n");
    EXPECT_EQ(receive(other, 1), "<short>\n");
    let_.release();
    EXPECT_EQ(receive(slow, 2), "<long>\n<next>\n") << "in order";
    EXPECT_EQ(receive(second, 1), "<long too>\n") << "in its turn";
}

TEST_F(SlowAnswers, AreForgottenWhenNobodyWaitsForThem) {
    const auto server = start_slow();
    {
        const Socket slow = connect();
        send(slow, "long\n");
        begun_.acquire();
    }
    const Socket other = connect();
    send(other, "short\n");
    EXPECT_EQ(receive(other, 1), "<short>\n");
    let_.release();
    send(other, "long too\n");
    EXPECT_EQ(receive(other, 1), "<long too>\n");
}

TEST_F(SlowAnswers, AreGivenWhenTheServerStopsMeanwhile) {
    auto server = start_slow();
    const Socket slow = connect();
    send(slow, "long\n");
    begun_.acquire();
    const Socket second = connect();
    send(second, "long too\n");
    std::thread stops([&] { server.reset(); });
    let_.release();
    EXPECT_EQ(receive(slow, 2), "<long>\n");
    stops.join();
}

TEST_F(ControlServers, LetNobodyElseIn) {
    const auto server = start();
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
}

TEST_F(ControlServers, AnswerSeveralRequestsInOrderHoweverTheyAreCut) {
    const auto server = start();
    const Socket client = connect();
    const std::string requests = make_request("session-drop", R"({"id":1})") + "\n" +
                                 make_request("session-drop", R"({"id":2})") + "\nx\n";
    for (const char c : requests) {
        send(client, {&c, 1});
    }
    const std::string answers = receive(client, 3);
    EXPECT_THAT(
        answers,
        StartsWith("{\"targe\":1,\"result\":{}}\n{\"targe\":1,\"result\":{}}\n{\"targe\":1,\"error\""));
}

TEST_F(ControlServers, AnswerARequestWithoutEndAndCloseIt) {
    const auto server = start();
    const Socket client = connect();
    send(client, std::string(2 * kControlRequestLimit, ' '));
    const std::string answers = receive(client, 2);
    EXPECT_THAT(answers, HasSubstr("too long or too deep"));
}

TEST_F(ControlServers, SendAwayWhoIsOneTooMany) {
    const auto server = start({.socket = {}, .group = {}, .max_clients = 1});
    const Socket first = connect();
    send(first, make_request("status") + "\n");
    EXPECT_THAT(receive(first, 1), HasSubstr("serving"));
    const Socket second = connect();
    EXPECT_EQ(receive(second, 1), "");
}

TEST_F(ControlServers, SendAwayWhoIsSilent) {
    const auto server = start({.socket = {}, .group = {}, .idle_timeout = std::chrono::milliseconds(20)});
    EXPECT_EQ(receive(connect(), 1), "");
}

TEST_F(ControlServers, TakeThePlaceOfADeadOne) {
    {
        const auto address = unix_address(path_);
        const Socket dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::bind(dead.get(), as_sockaddr(*address), sizeof(*address)), 0);
    }
    const auto no_answer = ask_daemon(path_, make_request("status"), kPatience);
    ASSERT_FALSE(no_answer);
    EXPECT_THAT(no_answer.error().cause, HasSubstr("nobody listens"));
    const auto server = start();
    EXPECT_TRUE(ask_daemon(path_, make_request("status"), kPatience));
}

TEST_F(ControlServers, LeaveALivingOneAlone) {
    const auto server = start();
    const auto second = ControlServer::start({.socket = path_, .group = {}}, answer_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().cause, "a targed is already serving there");
    EXPECT_TRUE(ask_daemon(path_, make_request("status"), kPatience));
}

TEST_F(ControlServers, LeaveAFileAlone) {
    std::ofstream(path_) << "precious";
    const auto server = ControlServer::start({.socket = path_, .group = {}}, answer_);
    ASSERT_FALSE(server);
    EXPECT_THAT(server.error().cause, HasSubstr("not a socket"));
    EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ControlServers, AreNotTakenForAFileOrALongPath) {
    std::ofstream(path_) << "precious";
    for (const std::string& other : {path_, std::filesystem::path(path_).parent_path().string()}) {
        const auto no_socket = ask_daemon(other, make_request("status"), kPatience);
        ASSERT_FALSE(no_socket);
        EXPECT_EQ(no_socket.error().cause, "what is there is no socket");
    }
    for (const std::string& other : {std::string(), std::string(108, 'a')}) {
        const auto no_path = ask_daemon(other, make_request("status"), kPatience);
        ASSERT_FALSE(no_path);
        EXPECT_EQ(no_path.error().cause, "the path of a socket has 1 to 107 bytes");
    }
}

TEST_F(ControlServers, SayThatTheirFolderCannotBeMade) {
    const auto server = ControlServer::start({.socket = "/proc/nowhere/targe.sock", .group = {}}, answer_);
    ASSERT_FALSE(server);
    EXPECT_THAT(server.error().cause, HasSubstr("make its directory: "));
}

TEST_F(ControlServers, MayBeWhereTheyRun) {
    const std::filesystem::path here = std::filesystem::current_path();
    std::filesystem::current_path(std::filesystem::path(path_).parent_path());
    EXPECT_TRUE(ControlServer::start({.socket = "beside.sock", .group = {}}, answer_));
    std::filesystem::current_path(here);
}

TEST_F(ControlServers, SayWhichGroupIsMissing) {
    const auto server = ControlServer::start({.socket = path_, .group = "no such group"}, answer_);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().cause, "there is no group 'no such group'");
}

TEST_F(ControlServers, TakeTheirSocketAwayWhenTheyStop) {
    const auto server = start();
    const Socket client = connect();
    server->stop();
    EXPECT_FALSE(std::filesystem::exists(path_));
    EXPECT_EQ(receive(client, 1), "");
    const auto answer = ask_daemon(path_, make_request("status"), kPatience);
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error().cause, HasSubstr("targed does not run"));
}

TEST_F(ControlServers, SayThatNoThreadCanBeHad) {
    pthread_attr_t before{};
    pthread_attr_t huge{};
    ASSERT_EQ(pthread_getattr_default_np(&before), 0);
    ASSERT_EQ(pthread_attr_init(&huge), 0);
    ASSERT_EQ(pthread_attr_setstacksize(&huge, std::size_t{1} << 46U), 0);
    ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
    const auto server = ControlServer::start({.socket = path_, .group = {}}, answer_);
    ASSERT_EQ(pthread_setattr_default_np(&before), 0);
    ASSERT_FALSE(server);
    EXPECT_THAT(server.error().cause, StartsWith("no thread can be had"));
    EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace targe::admin
