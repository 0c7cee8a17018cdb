// Commands that targed is to do in the handler's place.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace targe {
namespace {

using testing::FakeTarged;
using testing::SocketFolder;

constexpr std::uint32_t kBlock = 512;
constexpr std::uint64_t kLast = UINT64_MAX;

class Remaps : public ::testing::Test {
protected:
    using Execute = std::function<int(targe_command*)>;

    Remaps() {
        ops_.struct_size = sizeof ops_;
        ops_.execute = [](void* context, targe_command* command) {
            auto& test = *static_cast<Remaps*>(context);
            const std::scoped_lock lock{test.mutex_};
            return test.execute_(command);
        };
        ops_.goes_on = ops_.remaps = 1;
        targe_attachment how = targed_.attachment({});
        how.level = TARGE_COMMANDS;
        how.block_ops = nullptr;
        how.command_ops = &ops_;
        how.context = this;
        device_ = targed_.attach(how, TARGE_MAY_GO_ON | TARGE_MAY_REMAP);
        thread_ = std::thread([this] { EXPECT_EQ(targe_run(device_), 0); });
    }
    ~Remaps() override {
        targe_stop(device_);
        thread_.join();
        targe_detach(device_);
    }
    targe_completion executed(Execute execute) {
        {
            const std::scoped_lock lock{mutex_};
            execute_ = std::move(execute);
        }
        targe_slot& slot = targed_.slot();
        slot.claim = ++slot.generation << TARGE_CLAIM_BITS | TARGE_CLAIM_OFFERED;
        slot.op = TARGE_OP_EXECUTE;
        slot.flags = TARGE_SLOT_MAY_REMAP;
        const targe_completion ended = targed_.end_of_slot();
        const std::scoped_lock lock{mutex_};
        return ended;
    }
    /// What is made of one range.
    int copies(targe_range range, std::uint32_t block_bytes = kBlock) {
        int result = 0;
        const targe_completion ended = executed([&](targe_command* command) {
            return result = targe_remap_copy(command, block_bytes, &range, 1);
        });
        EXPECT_EQ(ended.flags, result == TARGE_DONE ? std::uint32_t{TARGE_COMPLETION_COPIES} : 0U);
        return result;
    }
    [[nodiscard]] targe_remap listed(std::size_t number) const {
        targe_remap one{};
        std::memcpy(&one, targed_.arena() + number * sizeof one, sizeof one);
        return one;
    }

    const SocketFolder folder_;
    FakeTarged targed_{folder_, 2};  // of which one alone has no room for a list
    targe_command_ops ops_{};
    targe_device* device_ = nullptr;
    std::thread thread_;
    std::mutex mutex_;  ///< sanitizers do not see that memory that is mapped twice orders what threads do
    Execute execute_;
};

TEST_F(Remaps, AreListed) {
    const std::array<targe_range, 2> ranges{
        {{.lba = 5, .blocks = 3, .source = 9}, {.lba = kLast, .blocks = 1, .source = 1}}};
    const targe_completion copy = executed([&](targe_command* command) {
        targe_fail(command, 3, 2, 1);  // it has thought better of it
        return targe_remap_copy(command, TARGE_MAX_REMAP_BLOCK, ranges.data(), ranges.size());
    });
    EXPECT_EQ(copy.status, 0);
    EXPECT_EQ(copy.flags, std::uint32_t{TARGE_COMPLETION_COPIES});
    EXPECT_EQ(copy.remaps, 2U);
    EXPECT_EQ(copy.block_bytes, std::uint32_t{TARGE_MAX_REMAP_BLOCK});
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        EXPECT_EQ(listed(i).lba, ranges[i].lba);
        EXPECT_EQ(listed(i).blocks, ranges[i].blocks);
        EXPECT_EQ(listed(i).source, ranges[i].source);
    }
}

TEST_F(Remaps, AreOfBlocksThatThereAre) {
    EXPECT_EQ(copies({.lba = 0, .blocks = 2, .source = kLast - 1}), TARGE_DONE) << "to the last one";
    EXPECT_EQ(copies({.lba = kLast - 1, .blocks = 2, .source = 0}), TARGE_DONE);
    EXPECT_EQ(copies({.lba = 0, .blocks = 0, .source = 0}), -EINVAL);
    EXPECT_EQ(copies({.lba = 0, .blocks = 2, .source = kLast}), -EINVAL);
    EXPECT_EQ(copies({.lba = kLast, .blocks = 2, .source = 0}), -EINVAL);
    EXPECT_EQ(copies({.lba = 2, .blocks = 2, .source = 0}), TARGE_DONE);
    EXPECT_EQ(copies({.lba = 0, .blocks = 2, .source = 2}, TARGE_MAX_REMAP_BLOCK + 1), -EINVAL);
}

// A handler that is refused may do the work itself.
TEST_F(Remaps, AreForgottenWhenTheNextIsRefused) {
    const targe_range good{.lba = 5, .blocks = 3, .source = 0};
    const targe_completion ended = executed([&](targe_command* command) {
        EXPECT_EQ(targe_remap_copy(command, kBlock, &good, 1), TARGE_DONE);
        EXPECT_EQ(targe_remap_copy(command, kBlock, &good, 0), -EINVAL);
        command->status = TARGE_GOOD;
        return int{TARGE_DONE};
    });
    EXPECT_EQ(ended.flags, 0U);
    const targe_completion failed = executed([&](targe_command* command) {
        EXPECT_EQ(targe_remap_copy(command, kBlock, &good, 1), TARGE_DONE);
        return targe_fail(command, 3, 2, 1);
    });
    EXPECT_EQ(failed.flags, 0U);
    EXPECT_EQ(failed.key << 16 | failed.asc << 8 | failed.ascq, 0x030201);
}

TEST_F(Remaps, DoNotGoOnNorIsWhatGoesOnRemapped) {
    const targe_range good{.lba = 5, .blocks = 3, .source = 0};
    const targe_completion remapped = executed([&](targe_command* command) {
        EXPECT_EQ(targe_remap_copy(command, kBlock, &good, 1), TARGE_DONE);
        EXPECT_EQ(targe_go_on(command), -ENOTSUP);
        return int{TARGE_DONE};
    });
    EXPECT_EQ(remapped.flags, std::uint32_t{TARGE_COMPLETION_COPIES});
    const targe_completion went_on = executed([&](targe_command* command) {
        EXPECT_EQ(targe_go_on(command), 0);
        EXPECT_EQ(targe_remap_copy(command, kBlock, &good, 1), -ENOTSUP);
        return int{TARGE_DONE};
    });
    EXPECT_EQ(went_on.flags, std::uint32_t{TARGE_COMPLETION_GOES_ON});
    EXPECT_EQ(targed_.take().flags, 0U);
}

}  // namespace
}  // namespace targe
