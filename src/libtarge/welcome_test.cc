// What is no welcome of a targed, and is not taken for one.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace targe {
namespace {

using testing::FakeTarged;
using testing::SocketFolder;

class Welcomes : public ::testing::Test {
protected:
    /// What is said when that is answered.
    std::string refused_by(const targe_welcome& welcome, const std::vector<int>& descriptors) {
        const targe_block_ops ops = FakeTarged::reading([](void*, targe_io*) { return -EIO; });
        const targe_attachment how = targed_.attachment(ops);
        std::thread answers([&] {
            targed_.await_hello();
            targed_.answer(welcome, descriptors);
        });
        std::array<char, 512> error{};
        EXPECT_EQ(targe_attach(&how, 0, error.data(), error.size()), nullptr);
        answers.join();
        return error.data();
    }
    /// Whether one that is answered so is attached; else it has said that this is no answer.
    bool attaches(const targe_welcome& welcome, const std::vector<int>& descriptors,
                  std::size_t size = sizeof(targe_welcome)) {
        const targe_block_ops ops = FakeTarged::reading([](void*, targe_io*) { return -EIO; });
        const targe_attachment how = targed_.attachment(ops);
        std::thread answers([&] {
            targed_.await_hello();
            targed_.answer(welcome, descriptors, size);
        });
        std::array<char, 256> error{};
        targe_device* const device = targe_attach(&how, 0, error.data(), error.size());
        answers.join();
        if (device != nullptr) {
            targe_detach(device);
        } else {
            EXPECT_STREQ(error.data(), "targed does not answer as it should: Protocol error");
        }
        return device != nullptr;
    }

    const SocketFolder folder_;
    FakeTarged targed_{folder_, 2};
};

TEST_F(Welcomes, AreSound) {
    targe_welcome most = targed_.good_welcome();
    EXPECT_TRUE(attaches(most, targed_.descriptors()));
    most.slots = TARGE_MAX_SLOTS;
    EXPECT_TRUE(attaches(most, targed_.descriptors()));
    const std::vector<std::function<void(targe_welcome&)>> wrongs{
        [](targe_welcome& one) { one.magic ^= 1U; },
        [](targe_welcome& one) { ++one.protocol; },
        [](targe_welcome& one) { one.queues = 0, one.region_bytes = 0; },
        [](targe_welcome& one) {
            one.queues = TARGE_MAX_QUEUES + 1;
            one.region_bytes = one.queues * (TARGE_QUEUE_STRIDE + one.arena_bytes);
        },
        [](targe_welcome& one) { one.slots = TARGE_MAX_SLOTS + 1; },
        [](targe_welcome& one) { --one.region_bytes; },
        [](targe_welcome& one) { one.arena_bytes += TARGE_PAGE; },
    };
    for (std::size_t i = 0; i < wrongs.size(); ++i) {
        targe_welcome wrong = targed_.good_welcome();
        wrongs[i](wrong);
        std::vector<int> descriptors = targed_.descriptors();
        descriptors.resize(TARGE_FD_QUEUES + std::min(wrong.queues, TARGE_MAX_QUEUES), descriptors.back());
        EXPECT_FALSE(attaches(wrong, descriptors)) << i;
    }
}

TEST_F(Welcomes, AreWhole) {
    const std::size_t size = sizeof(targe_welcome);
    for (const std::size_t part : {std::size_t{1}, sizeof(targe_welcome::magic), size - 1}) {
        EXPECT_FALSE(attaches(targed_.good_welcome(), targed_.descriptors(), part)) << part;
    }
}

TEST_F(Welcomes, BringMemoryThatCanBeMapped) {
    std::vector<int> descriptors = targed_.descriptors();
    std::swap(descriptors[TARGE_FD_MEMORY], descriptors[TARGE_FD_HANDLER]);
    EXPECT_EQ(refused_by(targed_.good_welcome(), descriptors), "the memory cannot be mapped");
}

TEST_F(Welcomes, SayNoMoreThanTheirText) {
    targe_welcome refusal{};
    refusal.magic = TARGE_MAGIC;
    refusal.error = EINVAL;
    std::memset(refusal.text, 'x', sizeof refusal.text);
    refusal.does = 0x79797979;
    EXPECT_EQ(refused_by(refusal, {}), "targed refuses: " + std::string(sizeof refusal.text, 'x'));
}

TEST_F(Welcomes, BringAllDescriptors) {
    std::vector<int> descriptors = targed_.descriptors();
    descriptors.push_back(descriptors.back());
    EXPECT_FALSE(attaches(targed_.good_welcome(), descriptors));
    while (!descriptors.empty()) {
        descriptors.pop_back();
        EXPECT_EQ(attaches(targed_.good_welcome(), descriptors), descriptors.size() == 4)
            << descriptors.size();
    }
}

class ServingCores : public ::testing::Test {
protected:
    void offer(std::uint32_t core, std::uint64_t offset) {
        targed_.slot(core).claim = TARGE_CLAIM_OFFERED;
        targed_.slot(core).op = TARGE_OP_READ;
        targed_.slot(core).offset = offset;
        targed_.slot(core).length = 512;
        targed_.offer(core);
    }

    const SocketFolder folder_;
    FakeTarged targed_{folder_, 2};
};

TEST_F(ServingCores, IsDoneForEachOfThem) {
    const targe_block_ops ops = FakeTarged::reading([](void*, targe_io* io) {
        std::memset(io->data, io->offset == 1024 ? 'b' : 'a', 512);
        return io->offset == 1024 ? -ENOSPC : -EIO;
    });
    targe_device* const device = targed_.attach(targed_.attachment(ops));
    ASSERT_NE(device, nullptr);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), 0); });
    for (int i = 0; i < 3; ++i) {
        offer(1, 1024);
        EXPECT_EQ(targed_.take(1).error, ENOSPC);
        offer(0, 0);
        EXPECT_EQ(targed_.take(0).error, EIO);
        EXPECT_EQ(targed_.arena()[0], std::byte{'a'});
        EXPECT_EQ(targed_.arena()[TARGE_PAGE], std::byte{'b'}) << "each has an arena of its own";
    }
    targe_stop(device);
    runs.join();
    targe_detach(device);
}

TEST_F(ServingCores, WakesTheOneThatSleeps) {
    const std::array<int, 2> events{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                    ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::vector<int> descriptors = targed_.descriptors();
    std::ranges::copy(events, descriptors.begin() + TARGE_FD_QUEUES);
    const targe_block_ops ops = FakeTarged::reading([](void*, targe_io*) { return 0; });
    const targe_attachment how = targed_.attachment(ops);
    std::thread answers([&] {
        targed_.await_hello();
        targed_.answer(targed_.good_welcome(), descriptors);
    });
    targe_device* const device = targe_attach(&how, 0, nullptr, 0);
    answers.join();
    ASSERT_NE(device, nullptr);
    std::uint32_t& asleep = device->queues[1].shared->engine_asleep;
    __atomic_store_n(&asleep, 1, __ATOMIC_SEQ_CST);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), 0); });
    offer(1, 0);
    EXPECT_EQ(targe_await(events[1], POLLIN, INT64_MAX / 2), 0);
    EXPECT_EQ(__atomic_load_n(&asleep, __ATOMIC_SEQ_CST), 0U) << "once is enough";
    targe_stop(device);
    runs.join();
    EXPECT_EQ(targe_await(events[0], POLLIN, 0), -ETIMEDOUT);
    targe_detach(device);
    for (const int each : events) {
        ::close(each);
    }
}

// However much there is to do.
TEST_F(ServingCores, EndsBehindTheRequestInWhichItIsStopped) {
    struct Reads {
        unsigned count = 0;
        targe_device* device = nullptr;
    } reads;
    const targe_block_ops ops = FakeTarged::reading([](void* context, targe_io*) {
        ++static_cast<Reads*>(context)->count;
        targe_stop(static_cast<Reads*>(context)->device);
        return 0;
    });
    targe_attachment how = targed_.attachment(ops);
    how.context = &reads;
    reads.device = targed_.attach(how);
    ASSERT_NE(reads.device, nullptr);
    for (const std::uint32_t core : {0U, 0U, 1U}) {
        offer(core, 0);
    }
    EXPECT_EQ(targe_run(reads.device), 0);
    EXPECT_EQ(reads.count, 1U);
    targe_detach(reads.device);
}

TEST(Awaiting, EndsAtATimeThatIsOver) {
    const int never = ::eventfd(0, EFD_CLOEXEC);
    EXPECT_EQ(targe_await(never, POLLIN, targe_now_ms() - 1000), -ETIMEDOUT);
    EXPECT_EQ(targe_await(never, POLLIN, 0), -ETIMEDOUT);
    EXPECT_EQ(targe_await(never, POLLOUT, 0), 0) << "it is ready all the same";
    ::close(never);
}

}  // namespace
}  // namespace targe
