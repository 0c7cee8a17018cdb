#include "admin/access.h"

#include <gtest/gtest.h>

#include <string>

namespace targe::admin {
namespace {

TargetConfig target_with_groups() {
    TargetConfig target;
    target.luns = {{.lun = 0, .device = "common"}};
    target.groups = {{.name = "one", .initiators = {"iqn.one:*"}, .luns = {{.lun = 0, .device = "first"}}},
                     {.name = "two", .initiators = {"iqn.*"}, .luns = {{.lun = 0, .device = "second"}}}};
    return target;
}

TEST(Access, TakesTheFirstGroupThatMatches) {
    const TargetConfig target = target_with_groups();
    EXPECT_EQ(luns_for(target, "iqn.one:x").at(0).device, "first");
    EXPECT_EQ(luns_for(target, "iqn.other").at(0).device, "second");
    EXPECT_EQ(luns_for(target, "eui.0123456789abcdef").at(0).device, "common");
    EXPECT_EQ(group_of(target, "eui.0123456789abcdef"), nullptr);
}

TEST(Access, HidesATargetThatWouldShowNothing) {
    TargetConfig target = target_with_groups();
    EXPECT_TRUE(visible(target, "eui.0123456789abcdef", "127.0.0.1"));
    target.luns.clear();
    EXPECT_FALSE(visible(target, "eui.0123456789abcdef", "127.0.0.1"));
    EXPECT_TRUE(visible(target, "iqn.one:x", "127.0.0.1"));
    target.groups.clear();
    EXPECT_TRUE(visible(target, "eui.0123456789abcdef", "127.0.0.1"));
}

TEST(Access, LetsInWhomTheTargetNamesAndMembersOfGroups) {
    TargetConfig target = target_with_groups();
    target.initiators = {"eui.*"};
    EXPECT_TRUE(visible(target, "eui.0123456789abcdef", "127.0.0.1"));
    EXPECT_TRUE(visible(target, "iqn.one:x", "127.0.0.1"));
    EXPECT_FALSE(visible(target, "naa.5000000000000001", "127.0.0.1"));
}

TEST(Access, HidesATargetFromPortals) {
    TargetConfig target;
    target.allowed_portals = {"192.0.2.*", "2001:DB8::1"};
    EXPECT_TRUE(visible(target, "iqn.x", "192.0.2.7"));
    EXPECT_TRUE(visible(target, "iqn.x", "2001:db8::1"));
    EXPECT_FALSE(visible(target, "iqn.x", "198.51.100.7"));
}

}  // namespace
}  // namespace targe::admin
