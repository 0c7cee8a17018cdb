// What is no welcome of a targed, and is not taken for one.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
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
    /// Whether one that is answered so is attached; else it has said that this is no answer.
    bool attaches(const targe_welcome& welcome, const std::vector<int>& descriptors) {
        const targe_block_ops ops = FakeTarged::reading([](void*, targe_io*) { return -EIO; });
        const targe_attachment how = targed_.attachment(ops);
        std::thread answers([&] {
            targed_.await_hello();
            targed_.answer(welcome, descriptors);
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
    EXPECT_TRUE(attaches(targed_.good_welcome(), targed_.descriptors()));
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
    const targe_block_ops ops =
        FakeTarged::reading([](void*, targe_io* io) { return io->offset == 1024 ? -ENOSPC : -EIO; });
    targe_device* const device = targed_.attach(targed_.attachment(ops));
    ASSERT_NE(device, nullptr);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), 0); });
    for (int i = 0; i < 3; ++i) {
        offer(1, 1024);
        EXPECT_EQ(targed_.take(1).error, ENOSPC);
        offer(0, 0);
        EXPECT_EQ(targed_.take(0).error, EIO);
    }
    targe_stop(device);
    runs.join();
    targe_detach(device);
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
