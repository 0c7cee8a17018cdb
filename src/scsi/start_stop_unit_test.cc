#include "scsi/start_stop_unit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace targe::scsi {
namespace {

using Cdb6 = std::array<std::byte, 6>;

StartStopUnit plan(unsigned byte_4, unsigned byte_1 = 0) {
    const Cdb6 cdb{std::byte{0x1b}, static_cast<std::byte>(byte_1), {}, {}, static_cast<std::byte>(byte_4)};
    return plan_start_stop_unit(cdb);
}

TEST(StartStopUnit, KnowsWhatIsAsked) {
    EXPECT_EQ(plan(0x00).action, StartStop::stop);
    EXPECT_EQ(plan(0x01).action, StartStop::start);
    EXPECT_EQ(plan(0x02).action, StartStop::eject);
    EXPECT_EQ(plan(0x03).action, StartStop::load);
}

TEST(StartStopUnit, FlushesUnlessToldNotTo) {
    EXPECT_TRUE(plan(0x00).flush);
    EXPECT_FALSE(plan(0x04).flush);
}

TEST(StartStopUnit, TakesImmediate) {
    EXPECT_TRUE(plan(0x00, 0x01).immediate);
    EXPECT_FALSE(plan(0x00).immediate);
}

TEST(StartStopUnit, NeverEjectsForAPowerCondition) {
    for (unsigned condition = 1; condition < 16; ++condition) {
        for (unsigned start_and_load = 0; start_and_load < 4; ++start_and_load) {
            EXPECT_EQ(plan(condition << 4 | start_and_load).action, StartStop::change_power_condition);
        }
    }
}

TEST(PreventAllowMediumRemoval, KnowsWhatIsAsked) {
    const auto prevent = [](unsigned value, CommandSet set) {
        return plan_prevent_allow_medium_removal(
            Cdb6{std::byte{0x1e}, {}, {}, {}, static_cast<std::byte>(value)}, set);
    };
    for (const CommandSet set : {CommandSet::block, CommandSet::multimedia}) {
        EXPECT_EQ(prevent(0, set), MediumRemoval::allowed);
        EXPECT_EQ(prevent(1, set), MediumRemoval::prevented);
    }
    for (const unsigned obsolete : {2U, 3U}) {
        EXPECT_EQ(prevent(obsolete, CommandSet::block).error(), invalid_field(wire::bits(4, 1, 0)));
    }
    EXPECT_EQ(prevent(2, CommandSet::multimedia), MediumRemoval::persistently_allowed);
    EXPECT_EQ(prevent(3, CommandSet::multimedia), MediumRemoval::persistently_prevented);
}

}  // namespace
}  // namespace targe::scsi
