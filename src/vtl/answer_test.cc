#include "vtl/answer.h"

#include <gtest/gtest.h>

#include <array>

namespace targe::vtl {
namespace {

TEST(Answer, IsGoodUnlessThereIsSenseData) {
    targe_command command{};
    answer(command, {.data_in_length = 20, .wanted = 96});
    EXPECT_EQ(command.status, TARGE_GOOD);
    EXPECT_EQ(command.data_in_length, 20U);
    EXPECT_EQ(command.wanted, 96U);
}

TEST(Answer, HasTheResidueAndTheBitsOfATape) {
    targe_command command{};
    answer(command, {.sense = Sense{.asc = asc::filemark_detected, .information = -7, .filemark = true}});
    EXPECT_EQ(command.status, TARGE_CHECK_CONDITION);
    EXPECT_EQ(command.sense.key, 0);
    EXPECT_EQ(command.sense.asc, 0x00);
    EXPECT_EQ(command.sense.ascq, 0x01);
    EXPECT_EQ(command.sense.information, -7);
    EXPECT_EQ(command.sense.flags, TARGE_SENSE_INFORMATION | TARGE_SENSE_FILEMARK);
    command = {};
    answer(command, {.sense = Sense{.end_of_medium = true, .incorrect_length = true}});
    EXPECT_EQ(command.sense.flags, TARGE_SENSE_EOM | TARGE_SENSE_ILI);
}

TEST(Answer, PointsAtTheFieldThatIsWrong) {
    targe_command command{};
    answer(command, {.sense = invalid_field(wire::bits(2, 5, 6))});
    EXPECT_EQ(command.sense.key, 5);
    EXPECT_EQ(command.sense.asc, 0x24);
    EXPECT_EQ(command.sense.flags, TARGE_SENSE_SPECIFIC);
    EXPECT_EQ(command.sense.specific[0], 0x40 | 0x08 | 5);
    EXPECT_EQ(command.sense.specific[2], 2);
    command = {};
    answer(command, {.sense = invalid_parameter(0x104)});
    EXPECT_EQ(command.sense.asc, 0x26);
    EXPECT_EQ(command.sense.specific[0], 0);
    EXPECT_EQ(command.sense.specific[1], 1);
    EXPECT_EQ(command.sense.specific[2], 4);
}

TEST(Answer, IsToTheCommandThatWasBrought) {
    const std::array<std::uint8_t, 6> cdb{0x08, 0, 0, 0, 4, 0};
    std::array<std::byte, 4> room{};
    targe_command brought{};
    brought.cdb = cdb.data();
    brought.cdb_length = cdb.size();
    brought.data_in = room.data();
    brought.data_in_room = room.size();
    brought.session = 9;
    const Command command = command_of(brought, 1000);
    EXPECT_EQ(command.cdb.size(), 6U);
    EXPECT_EQ(command.cdb[0], std::byte{0x08});
    EXPECT_TRUE(command.data_out.empty());
    EXPECT_EQ(command.data_in.data(), room.data());
    EXPECT_EQ(command.data_in.size(), room.size());
    EXPECT_EQ(command.session, 9U);
    EXPECT_EQ(command.now_ms, 1000U);
}

}  // namespace
}  // namespace targe::vtl
