// Attaching to a targed of the test's own, and letting go of it.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"
#include "libtarge/interrupted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace targe {
namespace {

using namespace std::chrono_literals;
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

TEST_F(Attaching, RefusesListsThatAreNotThere) {
    targe_command_ops ops{};
    ops.struct_size = sizeof ops;
    ops.execute = [](void* /*context*/, targe_command* /*command*/) { return int{TARGE_DONE}; };
    for (std::uint32_t targe_attachment::* const count :
         {&targe_attachment::vpd_page_count, &targe_attachment::rule_count}) {
        targe_attachment how{};
        how.struct_size = sizeof how;
        how.level = TARGE_COMMANDS;
        how.socket = "/nowhere";
        how.command_ops = &ops;
        how.*count = 1;
        std::array<char, 256> error{};
        EXPECT_EQ(targe_attach(&how, 0, error.data(), error.size()), nullptr);
        EXPECT_THAT(error.data(), ::testing::HasSubstr("is more than 0, and vpd_pages or rules NULL"));
    }
}

// Each as long as it may be, and then one longer.
TEST_F(Attaching, CutsNothingOffThatInitiatorsAreToBeShown) {
    struct Case {
        const char* targe_attachment::* field;
        std::size_t most;
        std::string says;
    };
    targe_command_ops ops{};
    ops.struct_size = sizeof ops;
    ops.execute = [](void* /*context*/, targe_command* /*command*/) { return int{TARGE_DONE}; };
    for (const Case& each :
         {Case{&targe_attachment::vendor, 8, "the vendor is longer than 8 characters"},
          Case{&targe_attachment::product, 16, "the product is longer than 16 characters"},
          Case{&targe_attachment::revision, 4, "the revision is longer than 4 characters"}}) {
        targe_attachment how{};
        how.struct_size = sizeof how;
        how.level = TARGE_COMMANDS;
        how.socket = "/nowhere/handler.sock";
        how.command_ops = &ops;
        std::array<char, 256> error{};
        std::string text(each.most, 'x');
        how.*each.field = text.c_str();
        EXPECT_EQ(targe_attach(&how, 0, error.data(), error.size()), nullptr);
        EXPECT_THAT(error.data(), ::testing::HasSubstr("nobody can be reached"));
        text.push_back('x');
        how.*each.field = text.c_str();
        EXPECT_EQ(targe_attach(&how, 0, error.data(), error.size()), nullptr);
        EXPECT_THAT(error.data(), ::testing::StartsWith(each.says));
    }
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
    targe_welcome wrong = targed_.good_welcome();
    wrong.slots = TARGE_MAX_SLOTS + 1;
    EXPECT_NE(refused_by(wrong, targed_.descriptors()), "");
    // The fake one keeps its end of the last connection.
    const std::ptrdiff_t before = open_descriptors();
    EXPECT_NE(refused_by(wrong, targed_.descriptors()), "");
    const std::vector<int> too_many(TARGE_FD_QUEUES + TARGE_MAX_QUEUES + 1, targed_.descriptors()[0]);
    EXPECT_NE(refused_by(targed_.good_welcome(), too_many), "");
    EXPECT_EQ(open_descriptors(), before);
}

TEST_F(Attaching, KeepsNothingWhereNobodyIs) {
    const targe_block_ops ops = FakeTarged::reading(fails);
    targe_attachment how = targed_.attachment(ops);
    how.socket = "/nowhere/handler.sock";
    const std::ptrdiff_t before = open_descriptors();
    EXPECT_EQ(targe_attach(&how, 0, nullptr, 0), nullptr);
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
    targed_.answer(targed_.good_welcome(), targed_.descriptors());
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
        targed_.answer(targed_.good_welcome(), targed_.descriptors());
    });
    targe_device* const device = targe_attach(&how, 0, nullptr, 0);
    answers.join();
    ASSERT_NE(device, nullptr);
    EXPECT_EQ(hello.can & TARGE_LENDS, 0U);
    targe_detach(device);
}

TEST_F(Attaching, SaysThatASizeIsMissing) {
    targe_block_ops ops = FakeTarged::reading(fails);
    targe_attachment how = targed_.attachment(ops);
    const auto error_of = [&] {
        std::array<char, 256> error{};
        EXPECT_EQ(targe_attach(&how, 0, error.data(), error.size()), nullptr);
        return std::string(error.data());
    };
    how.struct_size = 0;
    EXPECT_THAT(error_of(), ::testing::StartsWith("struct_size of targe_attachment"));
    how.struct_size = sizeof how;
    ops.struct_size = 0;
    EXPECT_THAT(error_of(), ::testing::StartsWith("struct_size of targe_attachment"));
}

int answers_as_told(void* context, targe_io* /*io*/) {
    return *static_cast<int*>(context);
}

TEST(Serving, TakesNothingButZeroForSuccess) {
    struct Case {
        int result;
        int error;
    };
    for (const Case each : {Case{0, 0}, Case{-ENOSPC, ENOSPC}, Case{EIO, EIO}, Case{512, EIO},
                            Case{-4095, 4095}, Case{-4096, EIO}, Case{-100'000, EIO}, Case{INT_MIN, EIO}}) {
        const SocketFolder folder;
        FakeTarged targed(folder);
        int result = each.result;
        const targe_block_ops ops = FakeTarged::reading(answers_as_told);
        targe_attachment how = targed.attachment(ops);
        how.context = &result;
        targe_device* const device = targed.attach(how);
        ASSERT_NE(device, nullptr);
        std::thread running([&] { targe_run(device); });
        targed.offer_read();
        while (targed.completed() == 0) {
            std::this_thread::sleep_for(1ms);
        }
        EXPECT_EQ(targed.completion().error, each.error) << each.result;
        targe_stop(device);
        running.join();
        targe_detach(device);
    }
}

// targed would have no more of a handler that told it of them.
TEST(Serving, TellsOfNoExtentsThatCannotBe) {
    struct Case {
        std::uint64_t length;
        int error;
    };
    for (Case each : {Case{512, 0}, Case{1024, 0}, Case{0, EIO}, Case{511, EIO}, Case{513, EIO},
                      Case{1536, EIO}, Case{UINT64_MAX - 511, EIO}}) {
        const SocketFolder folder;
        FakeTarged targed(folder);
        targe_block_ops ops = FakeTarged::reading(answers_as_told);
        ops.block_status = [](void* context, targe_io* /*io*/, targe_extent* extent) {
            extent->length = static_cast<Case*>(context)->length;
            return 0;
        };
        targe_attachment how = targed.attachment(ops);
        how.context = &each;
        targe_device* const device = targed.attach(how);
        ASSERT_NE(device, nullptr);
        std::thread running([&] { targe_run(device); });
        targed.offer_block_status();
        while (targed.completed() == 0) {
            std::this_thread::sleep_for(1ms);
        }
        EXPECT_EQ(targed.completion().error, each.error) << each.length;
        EXPECT_EQ(targed.completion().information,
                  each.error != 0 ? 0 : static_cast<std::int64_t>(each.length));
        EXPECT_EQ(targed.completion().wanted, each.error != 0 ? 0U : 1U)
            << "mapped, unless it says otherwise";
        targe_stop(device);
        running.join();
        targe_detach(device);
    }
}

TEST(Serving, TakesNoOtherResultOfACommandForGood) {
    struct Case {
        int result;
        std::uint8_t status;
        std::uint8_t ends_with;
        std::uint8_t key;
    };
    for (Case each :
         {Case{TARGE_DONE, TARGE_GOOD, TARGE_GOOD, 0}, Case{TARGE_DONE, TARGE_BUSY, TARGE_BUSY, 0},
          Case{-EIO, TARGE_GOOD, TARGE_CHECK_CONDITION, 4}, Case{EIO, TARGE_GOOD, TARGE_CHECK_CONDITION, 4},
          Case{EIO, TARGE_BUSY, TARGE_BUSY, 0}}) {
        const SocketFolder folder;
        FakeTarged targed(folder);
        targe_command_ops ops{};
        ops.struct_size = sizeof ops;
        ops.execute = [](void* context, targe_command* command) {
            command->status = static_cast<Case*>(context)->status;
            return static_cast<Case*>(context)->result;
        };
        targe_attachment how = targed.attachment({});
        how.level = TARGE_COMMANDS;
        how.block_ops = nullptr;
        how.command_ops = &ops;
        how.context = &each;
        how.peripheral_type = 0x01;
        targe_device* const device = targed.attach(how);
        ASSERT_NE(device, nullptr);
        std::thread running([&] { targe_run(device); });
        targed.offer_command();
        while (targed.completed() == 0) {
            std::this_thread::sleep_for(1ms);
        }
        EXPECT_EQ(targed.completion().status, each.ends_with) << each.result;
        EXPECT_EQ(targed.completion().key, each.key) << each.result;
        targe_stop(device);
        running.join();
        targe_detach(device);
    }
}

TEST(Detaching, WaitsForWhatTheHandlerHasInHand) {
    const SocketFolder folder;
    std::optional<FakeTarged> targed(std::in_place, folder);
    static std::atomic<targe_io*> kept = nullptr;
    const targe_block_ops ops = FakeTarged::reading([](void*, targe_io* io) {
        kept = io;
        return int{TARGE_LATER};
    });
    targe_device* const device = targed->attach(targed->attachment(ops));
    ASSERT_NE(device, nullptr);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), -ENOTCONN); });
    targed->offer_read();
    while (kept == nullptr) {
        std::this_thread::sleep_for(1ms);
    }
    targed.reset();
    runs.join();
    std::atomic<bool> detached = false;
    std::thread detaches([&] {
        targe_detach(device);
        detached = true;
    });
    std::this_thread::sleep_for(50ms);  // for a defect to show
    EXPECT_FALSE(detached);
    targe_block_complete(kept, 0);
    detaches.join();
}

TEST(Detaching, OfOneDeviceLeavesAnotherOfTheProgramAlone) {
    const std::array<SocketFolder, 2> folders;
    std::array<std::optional<FakeTarged>, 2> targeds;
    std::array<std::atomic<unsigned>, 2> reads{};
    const targe_block_ops ops = FakeTarged::reading([](void* context, targe_io*) {
        ++*static_cast<std::atomic<unsigned>*>(context);
        return 0;
    });
    std::array<targe_device*, 2> devices{};
    std::array<std::thread, 2> threads;
    for (std::size_t i = 0; i < 2; ++i) {
        targeds[i].emplace(folders[i]);
        targe_attachment how = targeds[i]->attachment(ops);
        how.context = &reads[i];
        devices[i] = targeds[i]->attach(how);
        ASSERT_NE(devices[i], nullptr);
        threads[i] = std::thread([device = devices[i]] { EXPECT_EQ(targe_run(device), 0); });
    }
    targe_stop(devices[0]);
    threads[0].join();
    targe_detach(devices[0]);
    targeds[1]->offer_read();
    while (targeds[1]->completed() == 0) {
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(reads[0], 0U);
    EXPECT_EQ(reads[1], 1U);
    targe_stop(devices[1]);
    threads[1].join();
    targe_detach(devices[1]);
}

}  // namespace
}  // namespace targe
