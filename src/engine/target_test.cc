#include "engine/target.h"

#include "engine/lun_field.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

TEST(LunMaps, GiveTheFirstGroupThatMatches) {
    LunMaps maps;
    maps.luns.push_back({.lun = 9, .unit = {}});
    maps.groups.push_back({.name = "a", .initiators = {"x*"}, .luns = {{.lun = 1, .unit = {}}}});
    maps.groups.push_back({.name = "b", .initiators = {"y", "*z"}, .luns = {{.lun = 2, .unit = {}}}});
    EXPECT_EQ(maps.for_initiator("xz")[0].lun, 1);
    EXPECT_EQ(maps.for_initiator("qz")[0].lun, 2);
    EXPECT_EQ(maps.for_initiator("q")[0].lun, 9);
    EXPECT_EQ(maps.group_of("y"), "b");
    EXPECT_EQ(maps.group_of("q"), "");
}

// The same patterns decide in admin who may log in: what they say must not differ.
TEST(LunMaps, KeepAPatternThatForbidsOutOfItsGroup) {
    LunMaps maps;
    maps.luns.push_back({.lun = 9, .unit = {}});
    maps.groups.push_back(
        {.name = "a", .initiators = {"iqn.a:*", "!iqn.a:guest"}, .luns = {{.lun = 1, .unit = {}}}});
    EXPECT_EQ(maps.group_of("IQN.A:host"), "a");
    EXPECT_EQ(maps.for_initiator("iqn.a:guest")[0].lun, 9);
    EXPECT_EQ(maps.for_initiator("iqn.b:stranger")[0].lun, 9);
}

TEST(LunField, NamesOneUnitInSeveralForms) {
    constexpr auto field = [](std::uint64_t first) { return first << 48U; };
    EXPECT_TRUE(name_one_unit(field(0x0005), field(0x4005)));
    EXPECT_FALSE(name_one_unit(field(0x0005), field(0x4006)));
    EXPECT_FALSE(name_one_unit(field(0xc101), field(0xc101))) << "a well-known unit, of which there is none";
}

}  // namespace
}  // namespace targe::engine
