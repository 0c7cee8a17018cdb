#include "initiator/sense_text.h"

#include <gtest/gtest.h>

namespace targe::initiator {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> out;
    for (const int value : values) {
        out.push_back(static_cast<std::byte>(value));
    }
    return out;
}

const auto kFixed = bytes({0x70, 0, 0x07, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x27, 0x00, 0, 0, 0, 0});
const auto kDescriptor = bytes({0x72, 0x06, 0x29, 0x07, 0, 0, 0, 0});

TEST(SenseText, NamesStatusKeyAndCodeOfBothFormats) {
    EXPECT_EQ(describe({.bad = true, .status = 2, .sense = kFixed}),
              "CHECK CONDITION: DATA PROTECT, write protected (27/00)");
    EXPECT_EQ(describe({.bad = true, .status = 2, .sense = kDescriptor}),
              "CHECK CONDITION: UNIT ATTENTION, I_T nexus loss occurred (29/07)");
    EXPECT_EQ(describe({.bad = true, .status = 2, .sense = bytes({0x72, 0x0b, 0x7F, 0xEE})}),
              "CHECK CONDITION: ABORTED COMMAND, additional sense (7F/EE)");
}

TEST(SenseText, NamesWhatHasNoSense) {
    EXPECT_EQ(describe({.bad = true, .status = 0x18, .sense = {}}), "RESERVATION CONFLICT");
    EXPECT_EQ(describe({.bad = true, .status = 0x28, .sense = {}}), "TASK SET FULL");
    EXPECT_EQ(describe({.bad = true, .status = 0x55, .sense = {}}), "status 55h");
    EXPECT_EQ(describe({.bad = true, .status = 2, .sense = {}}), "CHECK CONDITION without sense data");
    EXPECT_EQ(describe({.bad = true, .sense = {}}), "GOOD, with fewer data than were asked for");
    EXPECT_EQ(describe({.bad = true, .response = 1, .sense = {}}),
              "the target failed to carry out the command (iSCSI response 01h)");
}

TEST(SenseText, TakesSenseOfAnyLength) {
    for (std::size_t size = 0; size < kFixed.size(); ++size) {
        EXPECT_EQ(read_sense(std::span(kFixed).first(size)).has_value(), size >= 14);
    }
    for (std::size_t size = 0; size < kDescriptor.size(); ++size) {
        EXPECT_EQ(read_sense(std::span(kDescriptor).first(size)).has_value(), size >= 4);
    }
    EXPECT_FALSE(read_sense(bytes({0x7F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})));
}

}  // namespace
}  // namespace targe::initiator
