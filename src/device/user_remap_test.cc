// Handlers at command level that leave work to whoever asked.
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "libtarge/targe_async.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace targe::device {
namespace {

constexpr std::uint64_t kNexus = 7;
constexpr std::uint32_t kBlock = 512;
constexpr std::uint64_t kLast = UINT64_MAX;
enum Opcode : std::uint8_t { kCopy = 0xc0, kFill = 0xc1, kDo = 0xc2 };

/// Remaps as the test says.
class Unit final : public CommandHandler {
public:
    [[nodiscard]] Wants wants() const override { return {.sessions = true, .remaps = says_so}; }
    Execution execute(targe_command& command) override {
        generated = command.generated;
        ++executed;
        const auto count = static_cast<std::uint32_t>(ranges.size());
        switch (command.cdb[0]) {
            case kCopy:
                result = targe_remap_copy(&command, block_bytes, ranges.data(), count);
                break;
            case kFill:
                result =
                    targe_remap_write_same(&command, command.data_out, block_bytes, ranges.data(), count);
                break;
            default:
                break;
        }
        if (lie) {
            lie(*reinterpret_cast<request*>(&command));
        }
        co_return TARGE_DONE;
    }

    bool says_so = true;
    std::vector<targe_range> ranges;
    std::uint32_t block_bytes = kBlock;
    std::function<void(request&)> lie;  ///< about what was answered
    std::atomic<int> result = 0;
    std::atomic<unsigned> generated = 0;
    std::atomic<unsigned> executed = 0;
};

/// On a thread of its own to its end.
class Serving {
public:
    Serving(Unit& unit, const std::string& socket, std::uint32_t depth = 0) {
        targe_attachment how{};
        how.socket = socket.c_str();
        how.name = "remapping 1";
        how.depth = depth;
        attachment_ = std::make_unique<Attachment>(unit, how, 10'000);
        thread_ = std::thread([this] { attachment_->run(); });
    }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    ~Serving() {
        attachment_->stop();
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    /// As a process that dies.
    void die() {
        lose_connection();
        thread_.join();
    }
    void lose_connection() { ::shutdown(attachment_->get()->connection, SHUT_RDWR); }

private:
    std::unique_ptr<Attachment> attachment_;
    std::thread thread_;
};

struct Heard final : DeviceObserver {
    void changed() override {}
    void raise(std::uint16_t /*condition*/, std::uint64_t /*nexus*/,
               std::move_only_function<void()> told) override {
        told();
    }
    void defer(const DeferredError& /*error*/) override {}
    void admit(std::uint64_t /*nexus*/, Admission /*says*/) override {}
};

class UserRemaps : public testing::WithHandlerHere {
protected:
    void SetUp() override {
        WithHandlerHere::SetUp();
        if (IsSkipped()) {
            return;
        }
        settings_.type = 0x00;
        open(settings_);
        device().observe(&heard_);
        on_.ask([&] {
            device().server()->join(
                {.nexus = kNexus, .lun = 0, .read_only = false, .initiator = "iqn.one", .target = "iqn.two"});
            return true;
        });
    }
    ServerAnswer execute(Opcode opcode, std::uint32_t only_by = 0, std::size_t out_bytes = kBlock,
                         bool may_remap = true, std::size_t in_bytes = 0) {
        const std::array<std::byte, 16> cdb{std::byte{opcode}};
        const testing::Bytes data(out_bytes, std::byte{7});
        const base::ConstSegment out{data.data(), data.size()};
        testing::Bytes room(in_bytes);
        const base::Segment in{room.data(), room.size()};
        ServerRequest request{.cdb = cdb,
                              .nexus = kNexus,
                              .out = {&out, 1},
                              .in = {&in, in_bytes > 0 ? 1U : 0U},
                              .may_remap = may_remap,
                              .only_by = only_by};
        return on_.run([&](base::CommandArena& arena) { return device().server()->execute(arena, request); });
    }
    /// By the handler that has attached last. What meets it on its way in ends as a reset.
    void await_served() {
        await([&] { return execute(kDo).end == ServerAnswer::End::answered; });
    }

    Unit unit_;
    Heard heard_;
};

TEST_F(UserRemaps, SayWhatIsToBeDone) {
    const Serving serving(unit_, settings_.socket);
    unit_.ranges = {{.lba = 2, .blocks = 3, .source = 0}, {.lba = kLast, .blocks = 1, .source = 0}};
    const ServerAnswer fill = execute(kFill);
    ASSERT_TRUE(fill.remap) << unit_.result;
    ASSERT_EQ(fill.remap->ranges.size(), 2U);
    EXPECT_EQ(fill.remap->ranges[0].lba, 2U);
    EXPECT_EQ(fill.remap->ranges[0].blocks, 3U);
    EXPECT_EQ(fill.remap->ranges[1].lba, kLast);
    EXPECT_EQ(fill.remap->block, testing::Bytes(kBlock, std::byte{7}));
    unit_.ranges = {{.lba = 11, .blocks = 10, .source = 1}};
    unit_.block_bytes = TARGE_MAX_REMAP_BLOCK;
    const ServerAnswer copy = execute(kCopy);
    ASSERT_TRUE(copy.remap) << unit_.result;
    EXPECT_EQ(copy.remap->ranges[0].source, 1U);
    EXPECT_EQ(copy.remap->block_bytes, TARGE_MAX_REMAP_BLOCK);
    unit_.block_bytes = kBlock;
    EXPECT_TRUE(copy.remap->block.empty());
    EXPECT_EQ(unit_.generated, 0U);
    EXPECT_FALSE(execute(kDo, copy.remap->answered_by).remap);
    EXPECT_EQ(unit_.generated, 1U);
    unit_.ranges.assign(TARGE_MAX_RANGES, {.lba = 1, .blocks = 1, .source = 0});
    EXPECT_EQ(execute(kFill).remap->ranges.size(), std::size_t{TARGE_MAX_RANGES});
}

TEST_F(UserRemaps, EndInFailureWhereTheyCannotBe) {
    const Serving serving(unit_, settings_.socket);
    const auto refused = [&](Opcode opcode, std::vector<targe_range> ranges) {
        unit_.ranges = std::move(ranges);
        const ServerAnswer answer = execute(opcode);
        EXPECT_FALSE(answer.remap);
        EXPECT_EQ(answer.key << 16U | answer.condition, 0x044400U)
            << "who does not look is not told of success";
        return unit_.result.load();
    };
    EXPECT_EQ(refused(kFill, {}), -EINVAL);
    EXPECT_EQ(
        refused(kFill, std::vector<targe_range>(TARGE_MAX_RANGES + 1, {.lba = 1, .blocks = 1, .source = 0})),
        -EINVAL);
    EXPECT_EQ(refused(kFill, {{.lba = 1, .blocks = 0, .source = 0}}), -EINVAL);
    EXPECT_EQ(refused(kFill, {{.lba = kLast, .blocks = 2, .source = 0}}), -EINVAL);
    EXPECT_EQ(refused(kFill, {{.lba = 1, .blocks = 1, .source = 5}}), -EINVAL);
    EXPECT_EQ(refused(kCopy, {{.lba = 1, .blocks = 2, .source = kLast}}), -EINVAL);
    EXPECT_EQ(refused(kCopy, {{.lba = 1, .blocks = 2, .source = 2}}), -EINVAL);
    EXPECT_EQ(refused(kCopy, {{.lba = 2, .blocks = 2, .source = 1}}), -EINVAL);
    const std::vector<targe_range> good{{.lba = 3, .blocks = 2, .source = 1}};
    for (const std::uint32_t bytes : {0U, kBlock - 1, TARGE_MAX_REMAP_BLOCK + 1U}) {
        unit_.block_bytes = bytes;
        EXPECT_EQ(refused(kCopy, good), -EINVAL);
    }
    unit_.block_bytes = kBlock;
    EXPECT_TRUE(execute(kCopy).remap);
    EXPECT_FALSE(execute(kCopy, 0, kBlock, false).remap) << "it was not let in as one that writes";
    EXPECT_EQ(unit_.result, -ENOTSUP);
    EXPECT_TRUE(execute(kCopy, 0, 8192).remap);
    EXPECT_FALSE(execute(kCopy, 0, 8193).remap);
    EXPECT_EQ(unit_.result, -ENOTSUP);
    EXPECT_TRUE(execute(kCopy).remap);
    EXPECT_FALSE(execute(kCopy, 0, kBlock, true, kBlock).remap) << "its data-in are where a list would be";
    EXPECT_EQ(unit_.result, -ENOTSUP);
}

TEST_F(UserRemaps, AreNoneOfAHandlerThatDoesNotSayThatItDoesThat) {
    unit_.says_so = false;
    unit_.ranges = {{.lba = 3, .blocks = 2, .source = 1}};
    const Serving serving(unit_, settings_.socket);
    EXPECT_FALSE(execute(kCopy).remap);
    EXPECT_EQ(unit_.result, -ENOTSUP);
}

TEST_F(UserRemaps, EndWithTheirHandlerWhereverTheyAre) {
    unit_.ranges = {{.lba = 5, .blocks = 3, .source = 0}};
    for (const std::uint32_t depth : {0U, 1U}) {  // the second one is given to the handler, or waits for that
        SCOPED_TRACE(depth);
        Serving serving(unit_, settings_.socket, depth);
        await_served();
        const ServerAnswer answer = execute(kFill);
        ASSERT_TRUE(answer.remap);
        const auto piece = [&] {
            return std::async(std::launch::async, [&] { return execute(kDo, answer.remap->answered_by); });
        };
        std::atomic<bool> holds = true;
        unit_.executed = 0;
        unit_.lie = [&](request&) {
            while (holds) {
                std::this_thread::sleep_for(std::chrono::milliseconds{1});
            }
        };
        auto begun = piece();
        await([&] { return unit_.executed == 1; });
        auto behind = piece();
        std::this_thread::sleep_for(std::chrono::milliseconds{30});
        serving.lose_connection();
        EXPECT_EQ(begun.get().end, ServerAnswer::End::lost);
        EXPECT_EQ(behind.get().end, ServerAnswer::End::reset);
        holds = false;
        serving.die();
        unit_.lie = nullptr;
    }
}

TEST_F(UserRemaps, AreNoBusinessOfTheNextHandler) {
    unit_.ranges = {{.lba = 5, .blocks = 3, .source = 0}};
    Serving first(unit_, settings_.socket);
    const ServerAnswer answer = execute(kFill);
    ASSERT_TRUE(answer.remap);
    first.die();
    unit_.executed = 0;
    static_cast<void>(on_.refresh(device()));
    EXPECT_EQ(execute(kDo, answer.remap->answered_by).end, ServerAnswer::End::reset) << "while there is none";
    const Serving second(unit_, settings_.socket);
    await_served();
    EXPECT_EQ(execute(kDo, answer.remap->answered_by).end, ServerAnswer::End::reset);
    EXPECT_EQ(unit_.executed, 1U);
}

TEST_F(UserRemaps, OfLiarsEndTheirAttachment) {
    const auto first_of = [](request& of) { return reinterpret_cast<targe_remap*>(of.remap_room); };
    const std::vector<std::pair<Opcode, std::function<void(request&)>>> lies{
        {kFill, [](request& of) { of.remaps = 0; }},
        {kFill, [](request& of) { of.remaps = TARGE_MAX_REMAPS + 1; }},
        {kFill, [](request& of) { of.remap_block_bytes = 0; }},
        {kFill, [](request& of) { of.remap_block_bytes = TARGE_MAX_REMAP_BLOCK + 1; }},
        {kFill, [](request& of) { of.remap |= TARGE_COMPLETION_COPIES; }},
        {kFill, [](request& of) { of.remap_block_bytes = kBlock - 1; }},
        {kFill, [&](request& of) { first_of(of)->blocks = 0; }},
        {kFill, [&](request& of) { first_of(of)->lba = first_of(of)->blocks = 0; }},
        {kFill, [&](request& of) { first_of(of)->lba = kLast; }},
        {kCopy, [&](request& of) { first_of(of)->source = kLast; }},
        {kCopy, [&](request& of) { first_of(of)->source = first_of(of)->lba + 2; }},
        {kDo, [](request& of) { of.remap = TARGE_COMPLETION_COPIES; }},
    };
    unit_.ranges = {{.lba = 5, .blocks = 3, .source = 0}};
    for (std::size_t i = 0; i < lies.size(); ++i) {
        SCOPED_TRACE(i);
        const Serving serving(unit_, settings_.socket);
        unit_.lie = nullptr;
        await_served();
        unit_.lie = lies[i].second;
        const ServerAnswer answer = execute(lies[i].first);
        EXPECT_EQ(answer.end, ServerAnswer::End::lost);
        EXPECT_FALSE(answer.remap);
    }
    // What was not let in for it has no room for a list, whatever is said.
    const Serving serving(unit_, settings_.socket);
    unit_.lie = nullptr;
    await_served();
    unit_.lie = [](request& of) {
        of.remap = TARGE_COMPLETION_COPIES;
        of.remaps = 1;
        of.remap_block_bytes = kBlock;
        const targe_remap good{.lba = 5, .blocks = 3, .source = 0};
        std::memcpy(of.queue->arena + of.queue->shared->slots[of.slot].in_offset, &good, sizeof good);
    };
    EXPECT_EQ(execute(kDo, 0, kBlock, false).end, ServerAnswer::End::lost);
}

}  // namespace
}  // namespace targe::device
