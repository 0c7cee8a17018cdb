#include "daemon/limits.h"

#include "iscsi/connection_options.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace targe::daemon {
namespace {

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 30U;

admin::Config with_depth(std::uint32_t depth) {
    admin::Config config;
    config.targets.resize(2);
    config.targets[1].limits.queue_depth = depth;
    return config;
}

TEST(Limits, LetAnInitiatorFillItsWindowWithCommandsForOneUnit) {
    EXPECT_GE(engine_limits(with_depth(1024), kPlenty).commands_per_nexus_and_unit,
              1024 + iscsi::ConnectionOptions{}.max_immediate_commands);
    EXPECT_GE(engine_limits(with_depth(1), kPlenty).commands_per_nexus_and_unit, 128U);
}

TEST(Limits, KeepATransferWithinTheBuffersOfACore) {
    EXPECT_EQ(engine_limits(with_depth(1), std::uint64_t{4} << 20U).transfer_bytes, 2U << 20U);
}

TEST(Limits, CountADescriptorForEachDeviceAndConnection) {
    admin::Config config = with_depth(1);
    config.daemon.max_connections = 1000;
    const std::uint64_t before = descriptors_wanted(config, 2);
    EXPECT_GT(before, 1000U);
    config.devices.resize(100);
    EXPECT_EQ(descriptors_wanted(config, 2), before + 100);
    for (admin::DeviceConfig& device : config.devices) {
        device.handler = admin::Handler::file;
    }
    EXPECT_EQ(descriptors_wanted(config, 2), before + 200) << "a file is opened twice";
    for (admin::DeviceConfig& device : config.devices) {
        device.handler = admin::Handler::user;
    }
    EXPECT_EQ(descriptors_wanted(config, 2), before + 700) << "five of a handler, and one for each core";
}

TEST(Limits, LeaveDescriptorsForMoreThanConnections) {
    admin::Config config = with_depth(1);
    config.daemon.max_connections = 1000;
    const std::uint64_t wanted = descriptors_wanted(config, 2);
    EXPECT_EQ(connections_within(config, 2, kPlenty), 1000U);
    EXPECT_EQ(connections_within(config, 2, wanted), 1000U);
    EXPECT_EQ(connections_within(config, 2, wanted - 300), 700U);
    const std::uint64_t without = wanted - 1000;
    EXPECT_EQ(connections_within(config, 2, without), 32U) << "half of what is left at least";
    EXPECT_EQ(connections_within(config, 2, without - 64 + 20), 10U);
    EXPECT_EQ(connections_within(config, 2, 1), 1U);
}

TEST(Limits, RaiseTheSoftLimitOnDescriptorsToTheHardOne) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit low{.rlim_cur = 64, .rlim_max = before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    raise_descriptor_limit();
    rlimit after{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
    EXPECT_EQ(after.rlim_cur, before.rlim_max);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace targe::daemon
