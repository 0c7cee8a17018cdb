// What a handler of CDBs says that cannot be ends its attachment, and what can be does not: each bound from
// both sides.
#include "device/user_command_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace targe::device {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::RawHandler;

using Commands = testing::WithRawCommands;
using Say = Commands::Say;
constexpr std::uint8_t kCheckCondition = 2;

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

TEST_F(Commands, GetNoMoreDataThanTheirHandlerSays) {
    constexpr std::uint32_t kFilled = kRoom / 4 + 3;
    RawHandler& handler = attach();
    auto ended = execute_later(kRoom);
    targe_completion made = handler.take();
    std::fill_n(handler.arena() + handler.slot_of(made).in_offset, kRoom, std::byte{0x5e});
    made.in_length = kFilled;
    handler.complete(made);
    EXPECT_EQ(ended.get().end, ServerAnswer::End::answered);
    Bytes expected(kRoom);
    std::fill_n(expected.begin(), kFilled, std::byte{0x5e});
    EXPECT_EQ(data_, expected);
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
    EXPECT_EQ(answered([&](auto& made) { goes_on(made), made.wanted = 9; }).wanted, 9U);
    handler_.reset();
    await([&] { return heard_.deferred == 0x0b4400U; });
    EXPECT_EQ(ends(kRoom, goes_on), ServerAnswer::End::lost) << "it has data-in";
    EXPECT_TRUE(is_given_up());
    const std::array<Say, 6> wrong{[](auto& made) { made.status = kCheckCondition; },
                                   [](auto& made) { made.error = ECANCELED; },
                                   [](auto& made) { made.in_length = 1; },
                                   [](auto& made) { made.status = 8; },
                                   [](auto& made) { made.flags |= TARGE_COMPLETION_COPIES; },
                                   [](auto& made) { made.flags |= 1U << 31U; }};
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

TEST_F(Commands, AreRemappedOnlyWhereTheyEndWell) {
    ops_.remaps = 1;
    const auto remapped = [&](const Say& say) {
        RawHandler& handler = attach();
        auto ended = execute_later(0, true);
        targe_completion made = handler.take();
        const targe_remap one{.lba = 5, .blocks = 3, .source = 0};
        std::memcpy(handler.arena() + handler.slot_of(made).in_offset, &one, sizeof one);
        made.flags = TARGE_COMPLETION_COPIES;
        made.remaps = 1;
        made.block_bytes = 512;
        say(made);
        handler.complete(made);
        return static_cast<bool>(ended.get().remap);
    };
    EXPECT_TRUE(remapped([](auto& /*made*/) {}));
    EXPECT_FALSE(is_given_up());
    const std::array<Say, 3> wrong{[](auto& made) { made.status = kCheckCondition; },
                                   [](auto& made) { made.status = 8; },
                                   [](auto& made) { made.error = ECANCELED; }};
    for (const Say& each : wrong) {
        EXPECT_FALSE(remapped(each));
        EXPECT_TRUE(is_given_up());
    }
}

TEST_F(Commands, DoNotGoOnOnceTheyWereTakenBack) {
    stopped_.reset();
    settings_.deadline = 50ms;
    open(settings_);
    device().observe(&heard_);
    RawHandler& handler = attach();
    EXPECT_EQ(execute_later(0).get().end, ServerAnswer::End::away);
    targe_completion made = handler.take();
    EXPECT_EQ(made.error, ECANCELED);
    made.error = 0;
    made.flags = TARGE_COMPLETION_GOES_ON;
    handler.complete(made);
    while (!device().away()) {
        EXPECT_NE(execute_later(0).get().end, ServerAnswer::End::answered);
    }
}

TEST_F(Commands, GoOnButNothingElseDoes) {
    ops_.session_attach = [](void*, const targe_session*) { return 0; };
    RawHandler& handler = attach();
    EXPECT_TRUE(on_.ask([&] { return join(); }));
    targe_completion made = handler.take();
    EXPECT_EQ(handler.slot_of(made).op, TARGE_OP_SESSION_ATTACH);
    made.flags = TARGE_COMPLETION_GOES_ON;
    handler.complete(made);
    await([&] { return device().away(); });
}

TEST_F(Commands, ThatWentOnEndAsCommandsDo) {
    EXPECT_TRUE(goes_on_and([](auto& /*made*/) {}));
    EXPECT_EQ(heard_.deferred, 0U);
    EXPECT_TRUE(goes_on_and([](auto& made) { made.status = 8, made.key = 3; }));
    EXPECT_EQ(heard_.deferred, 0U) << "only sense data can be told later";
    attach();
    EXPECT_EQ(heard_.deferred, 0U) << "it had ended when its handler went";
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

// Its slot is free then, though another command goes on.
TEST_F(Commands, ThatWentOnDoNotEndTwice) {
    RawHandler& handler = attach();
    auto answered = execute_later(0);
    const targe_completion end = handler.take();
    targe_completion answer = end;
    answer.flags = TARGE_COMPLETION_GOES_ON;
    handler.complete(answer);
    EXPECT_EQ(answered.get().end, ServerAnswer::End::answered);
    auto next = execute_later(0);
    const targe_completion of_next = handler.take();
    handler.complete(end, end, of_next);
    EXPECT_EQ(next.get().end, ServerAnswer::End::lost);
    EXPECT_TRUE(is_given_up());
}

}  // namespace
}  // namespace targe::device
