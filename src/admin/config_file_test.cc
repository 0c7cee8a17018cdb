#include "admin/config_file.h"

#include "admin/config_keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <utility>

namespace targe::admin {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kWhole = R"(
[daemon]
state_dir = "/srv/state"
socket = "/run/t.sock"
socket_group = "disk"
reactors = 3
log_level = "debug"
buffer_memory = "64MiB"
buffer_memory_per_initiator = "8MiB"
login_timeout = "5s"
half_open_logins_per_address = 9
max_connections = 99
move_sessions = false

[discovery]
auth = { method = "chap", ipsec = true, users = [{ name = "d", secret_file = "secret" }] }

[[device]]
name = "disk0"
handler = "file"
path = "/srv/disk0.img"
size = "10GiB"
block_size = 4096
physical_block_size = "16KiB"
thin = true
threshold_available = "1GiB"
threshold_used = "8GiB"
read_only = false
removable = true
rotational = false
direct = true
write_cache = "write-through"
task_set = "shared"
max_commands = 500
serial = "S1"
naa = "naa.6000000000000000000000000000000A"
vendor = "ACME"
product = "Disk"
revision = "1.0"

[[device]]
name = "tape0"
handler = "user"
type = "tape"
socket = "/run/tape0.sock"
allow_uids = [1000, 1001]
allow_gids = [7]
hold = "3s"
deadline = "4s"
when_away = "busy"

[[target]]
name = "iqn.2026-11.com.example:Whole"
alias = "whole"
portals = ["[::1]", { listen = "0.0.0.0:3261", advertise = "disks.example.com:3262", group = 2, relative_port = 9 }]
allowed_portals = ["192.0.2.*"]
initiators = ["!iqn.x:*"]
luns = [{ lun = 5, device = "disk0", read_only = true }]
auth = { method = "chap", users = [{ name = "u", secret = "0123456789ab" }], mutual = { name = "t", secret = "ba9876543210" }, algorithms = ["sha256", "md5"] }
header_digest = "require"
data_digest = "off"
redirect = { address = "[2001:db8::1]:1", group = 4, permanent = true }
max_sessions = 7
queue_depth = 8
commands_per_lun = 4
max_recv_data_segment_length = "64KiB"
max_burst_length = "128KiB"
first_burst_length = "32KiB"
max_outstanding_r2t = 2
initial_r2t = true
immediate_data = false
nop_interval = "0s"
nop_timeout = "2s"
async_events = true

[[target.group]]
name = "prod"
initiators = ["iqn.1993-08.org.debian:*"]
luns = [{ lun = 0, device = "disk0" }, { lun = 1, device = "tape0" }]

[[device_group]]
name = "pair"
devices = ["disk0"]
explicit = true
transition_hold = "2s"
hook = "/usr/local/sbin/paths"
hook_timeout = "20s"

[[device_group.port_group]]
id = 1
preferred = true
ports = [{ target = "iqn.2026-11.com.example:WHOLE" }]

[[device_group.port_group]]
id = 2
state = "standby"
ports = [{ target = "iqn.2026-11.com.example:whole", portal_group = 2 }]
remote_ports = [{ target = "iqn.2026-11.com.example:other", relative_port = 11 }]
)";

std::expected<std::string, std::string> read_secret(const std::string&) {
    return "from a file!\r\n";
}

/// What initiators may not see is warned of.
Config parse_part(std::string_view text) {
    const auto loaded = parse_config(text, "test.toml", read_secret);
    if (!loaded) {
        ADD_FAILURE() << to_string(std::span<const ConfigProblem>(loaded.error()));
        return {};
    }
    return loaded->config;
}

Config parse(std::string_view text) {
    const auto loaded = parse_config(text, "test.toml", read_secret);
    EXPECT_TRUE(!loaded || loaded->warnings.empty()) << to_string(loaded->warnings.front());
    return parse_part(text);
}

TEST(ConfigFile, ReadsTheDaemon) {
    const DaemonConfig expected{.state_dir = "/srv/state",
                                .socket = "/run/t.sock",
                                .socket_group = "disk",
                                .reactors = 3,
                                .log_level = base::LogLevel::debug,
                                .buffer_memory_bytes = 64U << 20U,
                                .buffer_memory_per_initiator_bytes = 8U << 20U,
                                .login_timeout = milliseconds(5'000),
                                .half_open_logins_per_address = 9,
                                .max_connections = 99,
                                .move_sessions = false};
    EXPECT_EQ(parse(kWhole).daemon, expected);
}

TEST(ConfigFile, ReadsADevice) {
    const DeviceConfig expected{.name = "disk0",
                                .handler = Handler::file,
                                .path = "/srv/disk0.img",
                                .size_bytes = std::uint64_t{10} << 30U,
                                .block_size = 4096,
                                .physical_block_size = 16'384,
                                .thin = true,
                                .threshold_available_bytes = std::uint64_t{1} << 30U,
                                .threshold_used_bytes = std::uint64_t{8} << 30U,
                                .read_only = false,
                                .removable = true,
                                .rotational = false,
                                .direct = true,
                                .write_cache = WriteCache::write_through,
                                .task_set = TaskSets::shared,
                                .max_commands = 500,
                                .serial = "S1",
                                .naa = "6000000000000000000000000000000a",
                                .vendor = "ACME",
                                .product = "Disk",
                                .revision = "1.0"};
    const Config config = parse(kWhole);
    ASSERT_EQ(config.devices.size(), 2U);
    EXPECT_EQ(config.devices[0], expected);
}

TEST(ConfigFile, ReadsADeviceThatAnotherProgramEmulates) {
    const UserConfig expected{.socket = "/run/tape0.sock",
                              .allow_uids = {1000, 1001},
                              .allow_gids = {7},
                              .type = DeviceType::tape,
                              .hold = milliseconds(3'000),
                              .deadline = milliseconds(4'000),
                              .busy_when_away = true};
    EXPECT_EQ(parse(kWhole).devices.at(1).user, expected);
}

TEST(ConfigFile, ReadsWhereATargetIsAndWhatItShows) {
    const Config config = parse(kWhole);
    ASSERT_EQ(config.targets.size(), 1U);
    const TargetConfig& target = config.targets[0];
    EXPECT_EQ(target.name, "iqn.2026-11.com.example:whole");
    EXPECT_EQ(target.alias, "whole");
    ASSERT_EQ(target.portals.size(), 2U);
    EXPECT_EQ(target.portals[0], (PortalConfig{.listen = {.address = "::1"}}));
    EXPECT_EQ(target.portals[1],
              (PortalConfig{.listen = {.address = "0.0.0.0", .port = 3261},
                            .advertise = Endpoint{.address = "disks.example.com", .port = 3262},
                            .group = 2,
                            .relative_port = 9}));
    EXPECT_EQ(target.allowed_portals, std::vector<std::string>{"192.0.2.*"});
    EXPECT_EQ(target.initiators, std::vector<std::string>{"!iqn.x:*"});
    EXPECT_EQ(target.luns, (std::vector<LunConfig>{{.lun = 5, .device = "disk0", .read_only = true}}));
    ASSERT_EQ(target.groups.size(), 1U);
    EXPECT_EQ(target.groups[0],
              (GroupConfig{.name = "prod",
                           .initiators = {"iqn.1993-08.org.debian:*"},
                           .luns = {{.lun = 0, .device = "disk0"}, {.lun = 1, .device = "tape0"}}}));
    EXPECT_EQ(
        target.redirect,
        (RedirectConfig{.address = {.address = "2001:db8::1", .port = 1}, .group = 4, .permanent = true}));
}

TEST(ConfigFile, ReadsByWhichPathsDevicesAreReached) {
    const std::string target = "iqn.2026-11.com.example:whole";
    const DeviceGroupConfig expected{
        .name = "pair",
        .devices = {"disk0"},
        .set_by_initiators = true,
        .transition_hold = milliseconds{2'000},
        .hook = "/usr/local/sbin/paths",
        .hook_timeout = milliseconds{20'000},
        .port_groups = {
            {.id = 1, .preferred = true, .ports = {{.target = target}}},
            {.id = 2,
             .state = PathState::standby,
             .ports = {{.target = target, .portal_group = 2}},
             .remote_ports = {{.target = "iqn.2026-11.com.example:other", .relative_port = 11}}}}};
    EXPECT_EQ(parse(kWhole).device_groups, std::vector{expected});
}

TEST(ConfigFile, ReadsWhatSessionsMay) {
    const Config config = parse(kWhole);
    const TargetConfig& target = config.targets.at(0);
    EXPECT_EQ(target.header_digest, DigestPolicy::require);
    EXPECT_EQ(target.data_digest, DigestPolicy::off);
    const SessionLimits expected{.max_sessions = 7,
                                 .queue_depth = 8,
                                 .commands_per_lun = 4,
                                 .max_recv_data_segment_length = 65'536,
                                 .max_burst_length = 131'072,
                                 .first_burst_length = 32'768,
                                 .max_outstanding_r2t = 2,
                                 .initial_r2t = true,
                                 .immediate_data = false,
                                 .nop_interval = milliseconds(0),
                                 .nop_timeout = milliseconds(2'000),
                                 .async_events = true};
    EXPECT_EQ(target.limits, expected);
}

TEST(ConfigFile, ReadsSecretsFromTheTextAndFromFiles) {
    const Config config = parse(kWhole);
    ASSERT_EQ(config.discovery_auth.users.size(), 1U);
    EXPECT_EQ(config.discovery_auth.users[0].secret.reveal(), "from a file!");
    const AuthConfig& auth = config.targets.at(0).auth;
    EXPECT_EQ(auth.method, AuthConfig::Method::chap);
    EXPECT_EQ(auth.users.at(0), (ChapUser{.name = "u", .secret = Secret("0123456789ab")}));
    EXPECT_EQ(auth.mutual, (ChapUser{.name = "t", .secret = Secret("ba9876543210")}));
    EXPECT_EQ(auth.algorithms, (std::vector{ChapAlgorithm::sha256, ChapAlgorithm::md5}));
}

TEST(ConfigFile, HasEveryKnownKeyInTheTestAbove) {
    for (const KnownKey& known : known_keys()) {
        EXPECT_NE(kWhole.find(known.key), std::string_view::npos) << known.section << " " << known.key;
    }
}

TEST(ConfigFile, NeedsLittle) {
    const Config config = parse_part("[[target]]\nname = \"naa.5000000000000001\"\n");
    ASSERT_EQ(config.targets.size(), 1U);
    EXPECT_EQ(config.targets[0], (TargetConfig{.name = "naa.5000000000000001"}));
    EXPECT_EQ(config.daemon, DaemonConfig{});
    EXPECT_EQ(config.targets[0].portals, (std::vector<PortalConfig>{{.listen = {.address = "0.0.0.0"}}}));
}

TEST(ConfigFile, LetsTargetsShareAPortal) {
    const Config config = parse_part(R"(
        [[target]]
        name = "iqn.2026-11.com.example:a"
        portals = ["0.0.0.0:3260", "[::]:3260", "127.0.0.1:3261"]
        [[target]]
        name = "iqn.2026-11.com.example:b"
        portals = ["0.0.0.0:3260"])");
    EXPECT_EQ(config.targets.size(), 2U);
}

TEST(ConfigFile, LetsReadersShareAPath) {
    const Config config = parse_part(R"(
        [[device]]
        name = "a"
        handler = "file"
        path = "/srv/a.iso"
        read_only = true
        [[device]]
        name = "b"
        handler = "file"
        path = "/srv/a.iso"
        read_only = true
        [[target]]
        name = "iqn.2026-11.com.example:a")");
    EXPECT_EQ(config.devices.size(), 2U);
}

TEST(ConfigFile, TakesDetoursOutOfPathsButNotWhereTheyMayPassALink) {
    const auto path_of = [](const std::string& written) {
        return parse_part("[[device]]\nname = \"a\"\nhandler = \"file\"\npath = \"" + written + "\"")
            .devices.at(0)
            .path;
    };
    EXPECT_EQ(path_of("/srv/./images//a.img"), "/srv/images/a.img");
    EXPECT_EQ(path_of("/srv/link/../a.img"), "/srv/link/../a.img");
}

TEST(ConfigFile, ReadsTheDemonstration) {
    const auto loaded = load_config(std::string(TARGE_EXAMPLES) + "/demo.toml");
    ASSERT_TRUE(loaded) << to_string(std::span<const ConfigProblem>(loaded.error()));
    EXPECT_TRUE(loaded->warnings.empty());
}

TEST(ConfigFile, LooksUpGroupsOfThisMachine) {
    const std::string path = testing::TempDir() + "/targe-" + std::to_string(::getpid()) + ".toml";
    for (const auto& [group, is_there] : {std::pair{"root", true}, {"no such group", false}}) {
        std::ofstream(path) << "[daemon]\nsocket_group = \"" << group << "\"\n";
        EXPECT_EQ(load_config(path).has_value(), is_there) << group;
    }
    std::filesystem::remove(path);
}

TEST(ConfigFile, SaysWhyAFileCannotBeRead) {
    const auto loaded = load_config("/nonexistent/targe.toml");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(to_string(std::span<const ConfigProblem>(loaded.error())),
              "/nonexistent/targe.toml: error: the configuration cannot be read\n"
              "  cause: /nonexistent/targe.toml: No such file or directory\n"
              "  try: name another file with --config, or see targe.toml(5) for how to write one\n");
}

}  // namespace
}  // namespace targe::admin
