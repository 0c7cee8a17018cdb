// Attaching to a targed of the test's own, and letting go of it.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"
#include "libtarge/interrupted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace targe {
namespace {

using testing::FakeTarged;
using testing::SocketFolder;

std::ptrdiff_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}

int fails(void* /*context*/, targe_io* /*io*/) {
    return -EIO;
}

class Attaching : public ::testing::Test {
protected:
    /// What is said when that is answered.
    std::string refused_by(const targe_welcome& welcome, const std::vector<int>& descriptors) {
        const targe_block_ops ops = FakeTarged::reading(fails);
        const targe_attachment how = targed_.attachment(ops);
        std::thread answers([&] {
            targed_.await_hello();
            targed_.answer(welcome, descriptors);
        });
        std::array<char, 256> error{};
        EXPECT_EQ(targe_attach(&how, 0, error.data(), error.size()), nullptr);
        answers.join();
        return error.data();
    }

    const SocketFolder folder_;
    FakeTarged targed_{folder_};
};

TEST_F(Attaching, SaysWhyNobodyIsThere) {
    const SocketFolder folder;
    const std::string path = folder.socket();
    const targe_block_ops ops = FakeTarged::reading(fails);
    targe_attachment how = targed_.attachment(ops);
    how.socket = path.c_str();
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
}

TEST_F(Attaching, SaysWhatTargedRefusesItFor) {
    targe_welcome refusal{};
    refusal.magic = TARGE_MAGIC;
    refusal.protocol = TARGE_PROTOCOL + 1;  // of whatever age
    refusal.error = EPROTONOSUPPORT;
    std::string("it is too old").copy(refusal.text, sizeof refusal.text);
    EXPECT_EQ(refused_by(refusal, {}), "targed refuses: it is too old");
}

TEST_F(Attaching, KeepsNothingOfAWelcomeThatIsNone) {
    targe_welcome wrong = FakeTarged::good_welcome();
    wrong.slots = TARGE_MAX_SLOTS + 1;
    EXPECT_NE(refused_by(wrong, targed_.descriptors()), "");
    // The fake one keeps its end of the last connection.
    const std::ptrdiff_t before = open_descriptors();
    EXPECT_NE(refused_by(wrong, targed_.descriptors()), "");
    const std::vector<int> too_many(TARGE_FD_QUEUES + TARGE_MAX_QUEUES + 1, targed_.descriptors()[0]);
    EXPECT_NE(refused_by(FakeTarged::good_welcome(), too_many), "");
    EXPECT_EQ(open_descriptors(), before);
}

TEST_F(Attaching, IsNotCutOffBySignals) {
    const targe_block_ops ops = FakeTarged::reading(fails);
    const targe_attachment how = targed_.attachment(ops);
    targe_device* device = nullptr;
    std::array<char, 256> error{};
    testing::Interrupted attaches([&] { device = targe_attach(&how, 0, error.data(), error.size()); });
    targed_.await_hello();
    attaches.interrupt();
    targed_.answer(FakeTarged::good_welcome(), targed_.descriptors());
    attaches.join();
    ASSERT_NE(device, nullptr) << error.data();
    targe_detach(device);
}

TEST_F(Attaching, DoesNotWaitForATargedThatListensNoMore) {
    const sockaddr_un where = targed_.address();
    std::vector<int> waiting;
    for (int made = 0; made == 0;) {
        waiting.push_back(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        made = ::connect(waiting.back(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
    }
    const targe_block_ops ops = FakeTarged::reading(fails);
    const targe_attachment how = targed_.attachment(ops);
    EXPECT_EQ(targe_attach(&how, 30, nullptr, 0), nullptr);
    for (const int each : waiting) {
        ::close(each);
    }
}

TEST_F(Attaching, TakesProgramsOfAnotherAge) {
    const targe_block_ops ops = FakeTarged::reading(fails);
    targe_attachment how = targed_.attachment(ops);
    how.lends = 1;
    how.memory = -1;
    how.struct_size = sizeof how + 8;
    std::array<char, 256> error{};
    EXPECT_EQ(targe_attach(&how, 0, error.data(), error.size()), nullptr);
    EXPECT_STREQ(error.data(), "the program was built for a newer libtarge than this");
    how.struct_size = offsetof(targe_attachment, lends);  // and what follows is zero
    targe_hello hello{};
    std::thread answers([&] {
        hello = targed_.await_hello();
        targed_.answer(FakeTarged::good_welcome(), targed_.descriptors());
    });
    targe_device* const device = targe_attach(&how, 0, nullptr, 0);
    answers.join();
    ASSERT_NE(device, nullptr);
    EXPECT_EQ(hello.can & TARGE_LENDS, 0U);
    targe_detach(device);
}

}  // namespace
}  // namespace targe
