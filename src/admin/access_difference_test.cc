// Who may see what, and where a reload keeps that as it is: half of a change would show somebody what neither
// configuration shows him.
#include "admin/config_difference.h"
#include "admin/testing_configs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace targe::admin {
namespace {

using testing::disk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::lines;
using testing::pair;
using testing::target;
using testing::two_disks;

TEST(AccessDifference, NobodyIsLetInToWhatADeviceWasBefore) {
    const auto waits = [](void (*change)(DeviceConfig&)) {
        const Config running = two_disks();
        Config wanted = running;
        change(wanted.devices[1]);
        wanted.targets[0].initiators = {"iqn.public:*"};
        wanted.targets[0].auth.method = AuthConfig::Method::chap;
        wanted.targets[0].alias = "other";
        wanted.targets.push_back(target("iqn.a:new", {"disk1"}));
        const ConfigDifference found = difference(running, wanted);
        EXPECT_THAT(lines(found.changes), ElementsAre("target iqn.a:t: alias"));
        EXPECT_EQ(found.next.targets.size(), 1);
        const std::vector<std::string> said = lines(found.needs_restart);
        return std::vector<std::string>(said.begin() + 1, said.end());
    };
    const auto are_held = ElementsAre("target iqn.a:t: auth (device disk1 is what it was before)",
                                      "target iqn.a:t: initiators (device disk1 is what it was before)",
                                      "target iqn.a:new: added (device disk1 is what it was before)");
    EXPECT_THAT(waits([](DeviceConfig& device) { device.path = "/srv/public"; }), are_held);
    EXPECT_THAT(waits([](DeviceConfig& device) { device.read_only = true; }), are_held);
    EXPECT_THAT(waits([](DeviceConfig& device) { device.handler = Handler::block; }), are_held);
}

TEST(AccessDifference, AChangeOfWhatADeviceIsCalledHoldsUpNoLun) {
    Config wanted = two_disks();
    wanted.devices[1].product = "OTHER";
    wanted.targets[0].luns.pop_back();
    EXPECT_THAT(lines(difference(two_disks(), wanted).changes), ElementsAre("target iqn.a:t: luns"));
}

TEST(AccessDifference, WhoIsLetInWaitsForAPortalToBeClosed) {
    Config running = two_disks();
    running.targets[0].auth.method = AuthConfig::Method::chap;
    running.targets[0].portals.push_back({.listen = {.address = "10.0.0.1"}});
    Config wanted = running;
    wanted.targets[0].auth = {};
    wanted.targets[0].portals.pop_back();
    const ConfigDifference found = difference(running, wanted);
    EXPECT_THAT(lines(found.needs_restart),
                ElementsAre("target iqn.a:t: portals",
                            "target iqn.a:t: auth (the portal 10.0.0.1:3260 is closed only then)"));
    EXPECT_EQ(found.next, running);
}

TEST(AccessDifference, WhoIsLetInWaitsForTheLunsThatHeIsToSee) {
    Config running = two_disks();
    running.targets[0].auth.method = AuthConfig::Method::chap;
    running.targets[0].redirect = RedirectConfig{};
    Config wanted = running;
    wanted.targets[0].auth = {};
    wanted.targets[0].redirect.reset();
    wanted.targets[0].allowed_portals = {"10.*"};
    wanted.targets[0].luns = {{.lun = 0, .device = "public"}};
    wanted.devices.push_back(disk("public"));
    wanted.device_groups = {pair({"public"})};
    const ConfigDifference found = difference(running, wanted);
    EXPECT_THAT(found.changes, IsEmpty());
    EXPECT_EQ(found.next, running);
}

}  // namespace
}  // namespace targe::admin
