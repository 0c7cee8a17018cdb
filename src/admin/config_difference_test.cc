#include "admin/config_difference.h"

#include "admin/config_file.h"
#include "admin/config_keys.h"
#include "admin/testing_configs.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace targe::admin {
namespace {

using ::testing::Contains;
using testing::disk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::lines;
using testing::pair;
using testing::target;
using testing::two_disks;

Config parsed(std::string_view text) {
    const auto loaded = parse_config(text, "targe.toml", [](const std::string&) { return "secret"; });
    if (!loaded) {
        ADD_FAILURE() << to_string(std::span<const ConfigProblem>(loaded.error())) << text;
        return {};
    }
    return loaded->config;
}

TEST(ConfigDifference, OfTheSameIsNothing) {
    const ConfigDifference same = difference(two_disks(), two_disks());
    EXPECT_THAT(same.changes, IsEmpty());
    EXPECT_THAT(same.needs_restart, IsEmpty());
    EXPECT_EQ(same.next, two_disks());
}

TEST(ConfigDifference, ADeviceIsAddedWithItsLun) {
    Config wanted = two_disks();
    wanted.devices.insert(wanted.devices.begin(), disk("new"));
    wanted.targets[0].luns.push_back({.lun = 2, .device = "new"});
    const ConfigDifference found = difference(two_disks(), wanted);
    EXPECT_THAT(lines(found.changes), ElementsAre("device new: added", "target iqn.a:t: luns"));
    EXPECT_THAT(found.needs_restart, IsEmpty());
    EXPECT_EQ(found.next, wanted);
}

TEST(ConfigDifference, ADeviceIsRemovedWithItsLun) {
    Config wanted = two_disks();
    wanted.devices.pop_back();
    wanted.targets[0].luns.pop_back();
    const ConfigDifference found = difference(two_disks(), wanted);
    EXPECT_THAT(lines(found.changes), ElementsAre("target iqn.a:t: luns", "device disk1: removed"));
    EXPECT_EQ(found.next, wanted);
}

TEST(ConfigDifference, AChangedDeviceIsNotReplaced) {
    Config wanted = two_disks();
    wanted.devices[1].path = "/srv/another";
    wanted.devices[1].size_bytes = 4096;
    const ConfigDifference found = difference(two_disks(), wanted);
    EXPECT_THAT(found.changes, IsEmpty());
    EXPECT_THAT(lines(found.needs_restart), ElementsAre("device disk1: path", "device disk1: size"));
    EXPECT_EQ(found.next, two_disks());
}

TEST(ConfigDifference, ALunThatBecomesAnotherDeviceIsNamed) {
    Config running = two_disks();
    running.targets[0].groups = {{.name = "g", .luns = {{.lun = 7, .device = "disk1"}}}};
    Config wanted = running;
    wanted.targets[0].luns[1].device = "disk0";
    wanted.targets[0].groups[0].luns[0].device = "disk0";
    EXPECT_THAT(
        lines(difference(running, wanted).changes),
        ElementsAre(
            "target iqn.a:t: luns (LUN 1 was disk1, and who has it in use goes on with disk0)",
            "target iqn.a:t: group (LUN 7 was disk1, and who has it in use goes on with disk0, in group g)"));
}

TEST(ConfigDifference, TheDiscOfADriveIsChanged) {
    Config running = two_disks();
    running.devices[0].drive = true;
    Config wanted = running;
    wanted.devices[0].path = "/srv/another.iso";
    const ConfigDifference found = difference(running, wanted);
    EXPECT_THAT(lines(found.changes), ElementsAre("device disk0: path"));
    EXPECT_THAT(found.needs_restart, IsEmpty());
}

TEST(ConfigDifference, TargetsComeAndGoWithTheirDevices) {
    Config wanted = two_disks();
    wanted.devices = {disk("disk2")};
    wanted.targets = {target("iqn.a:new", {"disk2"})};
    const ConfigDifference found = difference(two_disks(), wanted);
    EXPECT_THAT(lines(found.changes),
                ElementsAre("device disk2: added", "target iqn.a:new: added", "target iqn.a:t: removed",
                            "device disk0: removed", "device disk1: removed"));
    EXPECT_THAT(found.needs_restart, IsEmpty());
    EXPECT_EQ(found.next, wanted);
}

TEST(ConfigDifference, ATargetWaitsThatNeedsWhatIsNotThere) {
    const auto waits = [](const TargetConfig& added) {
        Config wanted = two_disks();
        wanted.targets.push_back(added);
        const ConfigDifference found = difference(two_disks(), wanted);
        EXPECT_EQ(found.next, two_disks());
        return lines(found.needs_restart).at(0);
    };
    TargetConfig elsewhere = target("iqn.a:new", {});
    elsewhere.portals[0].listen.port = 3261;
    EXPECT_EQ(waits(elsewhere), "target iqn.a:new: added (the portal 0.0.0.0:3261 is opened only then)");
    TargetConfig numbered = target("iqn.a:new", {});
    numbered.portals[0].relative_port = 7;
    EXPECT_EQ(waits(numbered),
              "target iqn.a:new: added ('relative_port' may be the number of another port until then)");
    for (const std::uint32_t depth : {127U, 129U}) {
        TargetConfig deep = target("iqn.a:new", {});
        deep.limits.queue_depth = depth;
        EXPECT_EQ(waits(deep), "target iqn.a:new: added (its 'queue_depth' is none that targets have now)");
    }
}

TEST(ConfigDifference, ATargetStaysAsLongAsADeviceGroupHasItsPorts) {
    Config running = two_disks();
    running.targets.push_back(target("iqn.a:other", {}));
    running.device_groups = {pair({"disk0"})};
    Config wanted = running;
    wanted.targets.erase(wanted.targets.begin());
    wanted.device_groups.clear();
    const ConfigDifference found = difference(running, wanted);
    EXPECT_THAT(lines(found.needs_restart),
                ElementsAre("device_group pair: removed",
                            "target iqn.a:t: removed (device group pair has its ports until then)"));
    EXPECT_THAT(found.changes, IsEmpty());
}

TEST(ConfigDifference, AFileThatIsEmptyTakesNothingAway) {
    const ConfigDifference found = difference(two_disks(), Config{});
    EXPECT_THAT(found.changes, IsEmpty());
    EXPECT_EQ(lines(found.needs_restart).at(0), "target iqn.a:t: removed (no target would be left)");
    EXPECT_EQ(found.next, two_disks());
}

TEST(ConfigDifference, NothingIsAddedWhereNothingListens) {
    const Config wanted = two_disks();
    const ConfigDifference found = difference(Config{}, wanted);
    EXPECT_THAT(lines(found.changes), ElementsAre("device disk0: added", "device disk1: added"));
    EXPECT_THAT(found.next.targets, IsEmpty());
}

TEST(ConfigDifference, ADeviceJoinsAndLeavesADeviceGroupAsItComesAndGoes) {
    Config running = two_disks();
    running.device_groups = {pair({"disk0", "disk1"})};
    Config wanted = running;
    wanted.devices[1] = disk("disk2");
    wanted.targets[0].luns[1].device = "disk2";
    wanted.device_groups = {pair({"disk0", "disk2"})};
    const ConfigDifference found = difference(running, wanted);
    EXPECT_THAT(
        lines(found.changes),
        ElementsAre("device disk2: added",
                    "target iqn.a:t: luns (LUN 1 was disk1, and who has it in use goes on with disk2)",
                    "device disk1: removed"));
    EXPECT_THAT(found.needs_restart, IsEmpty());
    EXPECT_EQ(found.next, wanted);
}

TEST(ConfigDifference, WhatWouldBringADeviceIntoAnotherGroupWaits) {
    Config running = two_disks();
    running.device_groups = {pair({"disk0"})};
    Config wanted = running;
    wanted.device_groups = {pair({"disk1"})};
    const ConfigDifference found = difference(running, wanted);
    EXPECT_THAT(
        lines(found.needs_restart),
        ElementsAre("device_group pair: devices (a device keeps the paths that it was started with)"));
    EXPECT_EQ(found.next, running);
}

TEST(ConfigDifference, WhatANewGroupWouldHaveWaitsWithTheLunsThatNeedIt) {
    Config wanted = two_disks();
    wanted.devices.push_back(disk("disk2"));
    wanted.targets[0].luns[1].device = "disk2";
    wanted.devices.erase(wanted.devices.begin() + 1);
    wanted.device_groups = {pair({"disk2"})};
    const ConfigDifference found = difference(two_disks(), wanted);
    EXPECT_THAT(found.changes, IsEmpty());
    EXPECT_THAT(lines(found.needs_restart),
                ElementsAre("device_group pair: added", "device disk2: added (its device group pair is new)",
                            "target iqn.a:t: luns (device disk2 is not there before)",
                            "device disk1: removed (target iqn.a:t has it until then)"));
    EXPECT_EQ(found.next, two_disks());
}

TEST(ConfigDifference, NoPathIsMadeThatIsInNoPortGroup) {
    Config running = two_disks();
    running.targets.push_back(target("iqn.a:other", {}));
    running.device_groups = {pair({"disk0", "disk1"})};
    Config wanted = running;
    wanted.targets[1].luns = {{.lun = 0, .device = "disk0"}};
    wanted.device_groups[0].port_groups[0].ports.push_back({.target = "iqn.a:other", .portal_group = 1});
    const ConfigDifference found = difference(running, wanted);
    EXPECT_THAT(lines(found.needs_restart),
                ElementsAre("device_group pair: port_group",
                            "target iqn.a:other: luns (none of the port groups of device group pair has its "
                            "portal group 1)"));
    EXPECT_EQ(found.next, running);
}

/// A line of a section, which says something else than `without`, or than its absence.
struct Row {
    std::string_view section;
    std::string_view line;
    bool live = false;
};

constexpr auto kRows = std::to_array<Row>({
    {"[daemon]", "state_dir = \"/srv/state\""},
    {"[daemon]", "socket = \"/srv/socket\""},
    {"[daemon]", "socket_group = \"disk\""},
    {"[daemon]", "reactors = 3"},
    {"[daemon]", "log_level = \"debug\"", true},
    {"[daemon]", "buffer_memory = \"256MiB\""},
    {"[daemon]", "buffer_memory_per_initiator = \"64MiB\""},
    {"[daemon]", "login_timeout = \"7s\""},
    {"[daemon]", "half_open_logins_per_address = 7"},
    {"[daemon]", "max_connections = 7"},
    {"[daemon]", "move_sessions = false"},
    {"[discovery]", "auth = { method = \"chap\", users = [{ name = \"a\", secret = \"0123456789abcdef\" }] }",
     true},
    {"[[device]]", "path = \"/srv/another\""},
    {"[[device]]", "size = \"2MiB\""},
    {"[[device]]", "block_size = 4096"},
    {"[[device]]", "physical_block_size = 4096"},
    {"[[device]]", "thin = true"},
    {"[[device]]", "read_only = true"},
    {"[[device]]", "removable = true"},
    {"[[device]]", "thin = true\nthreshold_available = \"1MiB\""},
    {"[[device]]", "thin = true\nthreshold_used = \"1MiB\""},
    {"[[device]]", "rotational = true"},
    {"[[device]]", "direct = true"},
    {"[[device]]", "write_cache = \"write-through\""},
    {"[[device]]", "task_set = \"shared\""},
    {"[[device]]", "max_commands = 7"},
    {"[[device]]", "serial = \"S1\""},
    {"[[device]]", "naa = \"5000000000000001\""},
    {"[[device]]", "vendor = \"OTHER\""},
    {"[[device]]", "product = \"OTHER\""},
    {"[[device]]", "revision = \"7\""},
    {"user", "size = \"1MiB\"\nhandler = \"null\""},
    {"user", "type = \"tape\""},
    {"user", "socket = \"/srv/socket\""},
    {"user", "allow_uids = [7]"},
    {"user", "allow_gids = [7]"},
    {"user", "hold = \"7s\""},
    {"user", "deadline = \"7s\""},
    {"user", "when_away = \"busy\""},
    {"[[target]]", "alias = \"other\"", true},
    {"[[target]]", "portals = [\"127.0.0.1:3261\"]"},
    {"[[target]]", "allowed_portals = [\"127.*\"]", true},
    {"[[target]]", "initiators = [\"iqn.a:*\"]", true},
    {"[[target]]", "luns = [{ lun = 1, device = \"disk\" }]", true},
    {"[[target]]", "group = [{ name = \"g\", initiators = [\"iqn.a:*\"] }]", true},
    {"[[target]]", "auth = { method = \"chap\", users = [{ name = \"a\", secret = \"0123456789abcdef\" }] }",
     true},
    {"[[target]]", "header_digest = \"require\"", true},
    {"[[target]]", "data_digest = \"require\"", true},
    {"[[target]]", "redirect = { address = \"192.0.2.1:3260\" }", true},
    {"[[target]]", "max_sessions = 7"},
    {"[[target]]", "queue_depth = 7"},
    {"[[target]]", "commands_per_lun = 7"},
    {"[[target]]", "max_recv_data_segment_length = \"64KiB\"", true},
    {"[[target]]", "max_burst_length = \"512KiB\"", true},
    {"[[target]]", "first_burst_length = \"64KiB\"", true},
    {"[[target]]", "max_outstanding_r2t = 7", true},
    {"[[target]]", "initial_r2t = true", true},
    {"[[target]]", "immediate_data = false", true},
    {"[[target]]", "nop_interval = \"7s\""},
    {"[[target]]", "nop_timeout = \"7s\""},
    {"[[target]]", "async_events = true"},
});

std::string_view key_of(std::string_view line) {
    const std::string_view last = line.substr(line.rfind('\n') + 1);
    return last.substr(0, last.find(' '));
}

/// With the line in place of the one of the same key.
std::string section(std::string_view title, const std::vector<std::string>& usual, const Row* row) {
    std::string text(title);
    for (const std::string& line : usual) {
        if (row == nullptr || key_of(line) != key_of(row->line)) {
            text += "\n" + line;
        }
    }
    return text + "\n" + std::string(row == nullptr ? "" : row->line) + "\n";
}

Config config_with(const Row* row) {
    const auto at = [row](std::string_view title) {
        return row != nullptr && row->section == title ? row : nullptr;
    };
    return parsed(
        section("[daemon]", {}, at("[daemon]")) + section("[discovery]", {}, at("[discovery]")) +
        section("[[device]]",
                {"name = \"disk\"", "handler = \"file\"", "path = \"/srv/disk\"", "size = \"1MiB\""},
                at("[[device]]")) +
        section("[[device]]", {"name = \"mine\"", "handler = \"user\""}, at("user")) +
        section("[[target]]", {"name = \"iqn.2026-11.com.example:a\"", "portals = [\"127.0.0.1\"]"},
                at("[[target]]")));
}

TEST(ConfigDifference, NamesEveryKeyAndAppliesSome) {
    const Config running = config_with(nullptr);
    for (const Row& row : kRows) {
        SCOPED_TRACE(row.line);
        const Config wanted = config_with(&row);
        const ConfigDifference found = difference(running, wanted);
        std::vector<std::string> keys;
        for (const ConfigChange& change : row.live ? found.changes : found.needs_restart) {
            keys.push_back(change.what);
        }
        EXPECT_THAT(keys, Contains(key_of(row.line)));
        EXPECT_EQ(found.next, row.live ? wanted : running);
    }
}

TEST(ConfigDifference, NamesWhateverTheConfigurationMayHold) {
    for (const std::string_view title : {"[daemon]", "[[device]]", "[[target]]"}) {
        for (const KnownKey& known : known_keys()) {
            if (known.section == title && known.key != "name") {
                EXPECT_TRUE(
                    std::ranges::any_of(kRows, [&](const Row& row) { return key_of(row.line) == known.key; }))
                    << title << " " << known.key;
            }
        }
    }
}

}  // namespace
}  // namespace targe::admin
