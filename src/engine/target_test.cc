#include "engine/target.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

TEST(InitiatorPattern, MatchesRunsAndLetters) {
    EXPECT_TRUE(matches("iqn.1993-08.org.debian:*", "IQN.1993-08.org.debian:host"));
    EXPECT_TRUE(matches("*", ""));
    EXPECT_TRUE(matches("a?c*e", "abcdde"));
    EXPECT_FALSE(matches("a?c", "ac"));
    EXPECT_FALSE(matches("abc", "abcd"));
    EXPECT_TRUE(matches("!abc", "abcd"));
    EXPECT_FALSE(matches("!*", "x"));
    EXPECT_FALSE(matches("*a*a*a*a*a*b", std::string(2000, 'a')));
}

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

}  // namespace
}  // namespace targe::engine
