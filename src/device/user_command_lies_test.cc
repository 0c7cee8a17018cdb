// What a handler of CDBs says that cannot be ends its attachment, and what can be does not: each bound from
// both sides.
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "device/user_raw_handler.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>

namespace targe::device {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::RawHandler;

constexpr std::uint64_t kNexus = 7;
constexpr std::uint8_t kCheckCondition = 2;
constexpr std::uint32_t kRoom = 64;  // of data-in of a command
using Say = std::function<void(targe_completion&)>;

/// Keeps what it hears.
struct Heard final : DeviceObserver {
    void changed() override {}
    void raise(std::uint16_t /*condition*/, std::uint64_t /*nexus*/,
               std::move_only_function<void()> told) override {
        told();
    }
    void defer(const DeferredError& error) override {
        information = error.information.value_or(-1);
        deferred = std::uint32_t{error.key} << 16U | error.condition;
    }
    std::atomic<std::uint32_t> deferred = 0;
    std::atomic<std::int64_t> information = 0;
};

class Commands : public testing::WithHandlerHere {
protected:
    void SetUp() override {
        WithHandlerHere::SetUp();
        if (IsSkipped()) {
            return;
        }
        settings_.type = 0x01;
        settings_.hold = 0ms;
        settings_.deadline = 60s;
        open(settings_);
        device().observe(&heard_);
    }
    RawHandler& attach(bool goes_on = true) {
        handler_.reset();
        ops_.goes_on = goes_on ? 1 : 0;
        targe_attachment how{};
        how.level = TARGE_COMMANDS;
        how.command_ops = &ops_;
        how.peripheral_type = 0x01;
        await([&] { return device().away(); });
        handler_.emplace(settings_.socket, how);
        await([&] { return static_cast<bool>(on_.probe(device())); });
        return *handler_;
    }
    std::future<ServerAnswer> execute_later(std::uint32_t room) {
        return std::async(std::launch::async, [this, room] {
            const std::array<std::byte, 6> cdb{std::byte{0xc0}};
            const base::Segment in{data_.data(), room};
            ServerRequest request{.cdb = cdb, .nexus = kNexus, .in = {&in, room > 0 ? 1U : 0U}};
            return on_.run(
                [&](base::CommandArena& arena) { return device().server()->execute(arena, request); });
        });
    }
    ServerAnswer::End ends(std::uint32_t room, const Say& say) {
        RawHandler& handler = attach();
        auto ended = execute_later(room);
        targe_completion made = handler.take();
        say(made);
        handler.complete(made);
        return ended.get().end;
    }
    /// What is made of what it says of a command without data.
    ServerAnswer answered(const Say& say) {
        auto ended = execute_later(0);
        targe_completion made = handler_->take();
        say(made);
        handler_->complete(made);
        return ended.get();
    }
    bool is_given_up() {
        on_.ask([] { return true; });
        return device().away();
    }
    /// What goes on ends as `say` has it: whether the attachment goes on.
    bool goes_on_and(const Say& say) {
        RawHandler& handler = attach();
        heard_.deferred = 0;
        auto ended = execute_later(0);
        targe_completion made = handler.take();
        targe_completion answer = made;
        answer.flags = TARGE_COMPLETION_GOES_ON;
        handler.complete(answer);
        EXPECT_EQ(ended.get().end, ServerAnswer::End::answered);
        say(made);
        handler.complete(made);
        auto next = execute_later(0);
        await([&] { return handler.has_more() || device().away(); });
        if (!device().away()) {
            handler.complete(handler.take());
        }
        return next.get().end == ServerAnswer::End::answered;
    }

    Bytes data_ = Bytes(kRoom);
    targe_command_ops ops_ = testing::executing([](void*, targe_command*) { return int{TARGE_DONE}; });
    Heard heard_;
    std::optional<RawHandler> handler_;
};

TEST_F(Commands, EndInAStatusThatThereIs) {
    for (unsigned status = 0; status < 256; ++status) {
        if (status >= 0x30 && status % 0x0f != 0) {
            continue;  // a sample of those beyond
        }
        const bool is_one = status == 0x00 || status == 0x02 || status == 0x04 || status == 0x08 ||
                            status == 0x18 || status == 0x28;
        const auto end = ends(0, [&](auto& made) { made.status = static_cast<std::uint8_t>(status); });
        EXPECT_EQ(end == ServerAnswer::End::answered, is_one) << status;
        EXPECT_EQ(is_given_up(), !is_one) << status;
    }
    for (const std::uint8_t key : std::array<std::uint8_t, 4>{0, 15, 16, 255}) {
        const auto end = ends(0, [&](auto& made) { made.status = kCheckCondition, made.key = key; });
        EXPECT_EQ(end == ServerAnswer::End::answered, key < 16) << unsigned{key};
    }
}

TEST_F(Commands, HaveNoMoreDataThanThereIsRoomFor) {
    EXPECT_EQ(ends(kRoom, [](auto& made) { made.in_length = kRoom; }), ServerAnswer::End::answered);
    EXPECT_EQ(ends(kRoom, [](auto& made) { made.in_length = kRoom + 1; }), ServerAnswer::End::lost);
    EXPECT_TRUE(is_given_up());
    EXPECT_EQ(ends(0, [](auto& made) { made.in_length = 1; }), ServerAnswer::End::lost);
    EXPECT_EQ(ends(kRoom, [](auto& made) { made.in_length = UINT32_MAX; }), ServerAnswer::End::lost);
}

TEST_F(Commands, HaveTheSenseDataThatAreSaidAndNoOthers) {
    attach();
    const auto fill = [](targe_completion& made) {
        made.status = kCheckCondition;
        made.key = 3;
        made.asc = 0x11;
        made.ascq = 0x0c;
        made.specific[0] = 1;
        made.specific[1] = 2;
        made.specific[2] = 3;
        made.information = -5;
        made.command_specific = 6;
    };
    const std::array<std::uint8_t, 8> flags{0,
                                            TARGE_SENSE_INFORMATION,
                                            TARGE_SENSE_COMMAND_SPECIFIC,
                                            TARGE_SENSE_SPECIFIC,
                                            TARGE_SENSE_FILEMARK,
                                            TARGE_SENSE_EOM,
                                            TARGE_SENSE_ILI,
                                            TARGE_SENSE_DEFERRED};
    for (const std::uint8_t flag : flags) {
        SCOPED_TRACE(unsigned{flag});
        const ServerAnswer answer = answered([&](auto& made) { fill(made), made.sense_flags = flag; });
        EXPECT_EQ(answer.key, 3);
        EXPECT_EQ(answer.condition, 0x110c);
        EXPECT_EQ(answer.information.value_or(0), flag == TARGE_SENSE_INFORMATION ? -5 : 0);
        EXPECT_EQ(answer.command_specific.value_or(0), flag == TARGE_SENSE_COMMAND_SPECIFIC ? 6U : 0U);
        EXPECT_EQ(answer.specific.has_value(), flag == TARGE_SENSE_SPECIFIC);
        EXPECT_EQ(answer.specific.value_or(std::array<std::uint8_t, 3>{1, 2, 3}),
                  (std::array<std::uint8_t, 3>{1, 2, 3}));
        EXPECT_EQ(answer.filemark, flag == TARGE_SENSE_FILEMARK);
        EXPECT_EQ(answer.end_of_medium, flag == TARGE_SENSE_EOM);
        EXPECT_EQ(answer.incorrect_length, flag == TARGE_SENSE_ILI);
        EXPECT_EQ(answer.deferred, flag == TARGE_SENSE_DEFERRED);
    }
    const ServerAnswer good = answered([&](auto& made) {
        fill(made);
        made.sense_flags = 0x7f;
        made.status = 0;
        made.wanted = 99;
    });
    EXPECT_EQ(good.wanted, 99U);
    EXPECT_EQ(good.key, 0) << "there are none without CHECK CONDITION";
    EXPECT_EQ(good.condition, 0);
    EXPECT_FALSE(good.information || good.command_specific || good.specific);
    EXPECT_FALSE(good.filemark || good.end_of_medium || good.incorrect_length || good.deferred);
    EXPECT_FALSE(is_given_up());
}

TEST_F(Commands, EndInNoErrnoOfAHandler) {
    EXPECT_EQ(ends(0, [](auto& made) { made.error = EACCES; }), ServerAnswer::End::refused);
    EXPECT_FALSE(is_given_up());
    EXPECT_EQ(ends(0, [](auto& made) { made.error = ECANCELED; }), ServerAnswer::End::lost);
    EXPECT_FALSE(is_given_up());
    for (const int error : {EIO, 4095, 4096, -EIO}) {
        EXPECT_EQ(ends(0, [&](auto& made) { made.error = error; }), ServerAnswer::End::lost);
        EXPECT_TRUE(is_given_up()) << error;
    }
    EXPECT_EQ(ends(kRoom, [](auto& made) { made.flags = TARGE_COMPLETION_LENT; }), ServerAnswer::End::lost);
    EXPECT_TRUE(is_given_up());
}

TEST_F(Commands, GoOnOnlyWhereTheyMay) {
    const Say goes_on = [](auto& made) { made.flags = TARGE_COMPLETION_GOES_ON; };
    EXPECT_EQ(ends(0, goes_on), ServerAnswer::End::answered);
    EXPECT_FALSE(is_given_up());
    handler_.reset();
    await([&] { return heard_.deferred == 0x0b4400U; });
    EXPECT_EQ(ends(kRoom, goes_on), ServerAnswer::End::lost) << "it has data-in";
    EXPECT_TRUE(is_given_up());
    const std::array<Say, 4> wrong{
        [](auto& made) { made.status = kCheckCondition; }, [](auto& made) { made.error = ECANCELED; },
        [](auto& made) { made.in_length = 1; }, [](auto& made) { made.status = 8; }};
    for (const Say& each : wrong) {
        EXPECT_EQ(ends(0, [&](auto& made) { goes_on(made), each(made); }), ServerAnswer::End::lost);
        EXPECT_TRUE(is_given_up());
    }
    RawHandler& handler = attach(false);
    auto ended = execute_later(0);
    targe_completion made = handler.take();
    goes_on(made);
    handler.complete(made);
    EXPECT_EQ(ended.get().end, ServerAnswer::End::lost) << "it has not said that it does that";
    EXPECT_TRUE(is_given_up());
}

TEST_F(Commands, ThatWentOnEndAsCommandsDo) {
    EXPECT_TRUE(goes_on_and([](auto& /*made*/) {}));
    EXPECT_EQ(heard_.deferred, 0U);
    EXPECT_TRUE(goes_on_and([](auto& made) { made.status = 8; }));
    EXPECT_EQ(heard_.deferred, 0U) << "only sense data can be told later";
    EXPECT_TRUE(goes_on_and([](auto& made) {
        made.status = kCheckCondition;
        made.key = 15;
        made.asc = 1;
        made.ascq = 2;
        made.sense_flags = TARGE_SENSE_INFORMATION;
        made.information = 1234;
    }));
    EXPECT_EQ(heard_.deferred, 0x0f0102U);
    EXPECT_EQ(heard_.information, 1234);
    EXPECT_TRUE(goes_on_and([](auto& made) { made.status = kCheckCondition, made.information = 1234; }));
    EXPECT_EQ(heard_.information, -1);
    const std::array<Say, 5> wrong{
        [](auto& made) { made.error = ECANCELED; }, [](auto& made) { made.flags = TARGE_COMPLETION_GOES_ON; },
        [](auto& made) { made.status = 1; }, [](auto& made) { made.status = kCheckCondition, made.key = 16; },
        [](auto& made) { ++made.generation; }};
    for (std::size_t i = 0; i < wrong.size(); ++i) {
        EXPECT_FALSE(goes_on_and(wrong[i])) << i;
        await([&] { return heard_.deferred == 0x0b4400U; });
    }
}

}  // namespace
}  // namespace targe::device
