#include "daemon/directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

namespace targe::daemon {
namespace {

constexpr std::string_view kDisk = "iqn.2026-11.io.targe:disk";

admin::PortalConfig portal(std::string address, std::uint16_t group = 1) {
    return {.listen = {.address = std::move(address)}, .advertise = {}, .group = group};
}

admin::TargetConfig target(std::string_view name, std::vector<admin::PortalConfig> portals) {
    admin::TargetConfig made;
    made.name = name;
    made.portals = std::move(portals);
    made.luns = {{.lun = 0, .device = "disk"}};
    return made;
}

iscsi::Viewpoint from(std::uint32_t portal, std::string local, std::string initiator = "iqn.a:host") {
    return {.portal = portal,
            .local_address = std::move(local),
            .local_port = 3260,
            .initiator_name = std::move(initiator)};
}

/// What SendTargets says of each target, a line each: name, then addresses.
std::vector<std::string> listed(const admin::Config& config, const iscsi::Viewpoint& viewpoint) {
    std::vector<std::string> lines;
    for (const iscsi::TargetListing& listing : ConfigDirectory(config).list_targets(viewpoint)) {
        lines.push_back(listing.name);
        for (const iscsi::TargetAddress& address : listing.addresses) {
            lines.back() += " " + to_text_with_group(address);
        }
    }
    return lines;
}
using Lines = std::vector<std::string>;

template <class Answer>
bool answers(const admin::Config& config, const iscsi::Viewpoint& viewpoint) {
    return std::holds_alternative<Answer>(ConfigDirectory(config).find_target(kDisk, viewpoint));
}

TEST(Directory, SaysWhatTheLatestConfigurationSays) {
    admin::Config config;
    config.targets = {target(kDisk, {portal("192.0.2.1")})};
    ConfigDirectory directory(config);
    const auto one = from(0, "192.0.2.1");
    EXPECT_TRUE(std::holds_alternative<iscsi::TargetFound>(directory.find_target(kDisk, one)));
    config.targets[0].initiators = {"iqn.b:*"};
    directory.replace(config);
    EXPECT_TRUE(std::holds_alternative<iscsi::TargetForbidden>(directory.find_target(kDisk, one)));
    EXPECT_TRUE(directory.list_targets(one).empty());
    EXPECT_FALSE(directory.list_targets(from(0, "192.0.2.1", "iqn.b:host")).empty());
}

TEST(Portals, OfAllTargetsAreListenedOnOnce) {
    admin::Config config;
    config.targets = {target("a", {portal("192.0.2.1"), portal("192.0.2.2")}),
                      target("b", {portal("192.0.2.2"), portal("192.0.2.3")})};
    const std::vector<Portal> portals = portals_of(config);
    ASSERT_EQ(portals.size(), 3U);
    EXPECT_EQ(portals[2].listen.address, "192.0.2.3");
}

TEST(Directory, ListsEveryPortalWithItsGroup) {
    admin::Config config;
    config.targets = {target(kDisk, {portal("192.0.2.1"), portal("2001:db8::1", 7)})};
    EXPECT_EQ(listed(config, from(0, "192.0.2.1")),
              Lines{std::string(kDisk) + " 192.0.2.1:3260,1 [2001:db8::1]:3260,7"});
    const auto found = ConfigDirectory(config).find_target(kDisk, from(1, "2001:db8::1"));
    ASSERT_TRUE(std::holds_alternative<iscsi::TargetFound>(found));
    EXPECT_EQ(std::get<iscsi::TargetFound>(found).portal_group_tag, 7);
}

TEST(Directory, NamesForAWildcardTheAddressThatTheInitiatorCameBy) {
    admin::Config config;
    config.targets = {target(kDisk, {portal("0.0.0.0"), portal("::", 2), portal("192.0.2.9", 3)})};
    const std::string name(kDisk);
    EXPECT_EQ(listed(config, from(0, "192.0.2.1")), Lines{name + " 192.0.2.1:3260,1 192.0.2.9:3260,3"});
    EXPECT_EQ(listed(config, from(1, "2001:db8::1")), Lines{name + " [2001:db8::1]:3260,2 192.0.2.9:3260,3"});
}

TEST(Directory, AdvertisesWhatItIsToldToWhateverTheFamily) {
    admin::Config config;
    config.targets = {target(kDisk, {portal("0.0.0.0"), portal("::", 2)})};
    config.targets[0].portals[0].advertise = {.address = "disks.example.com", .port = 13260};
    EXPECT_EQ(listed(config, from(1, "2001:db8::1")),
              Lines{std::string(kDisk) + " disks.example.com:13260,1 [2001:db8::1]:3260,2"});
}

TEST(Directory, HidesATargetFromThePortalsOfOthers) {
    admin::Config config;
    config.targets = {target("iqn.2026-11.io.targe:other", {portal("192.0.2.1")}),
                      target(kDisk, {portal("192.0.2.2")})};
    EXPECT_EQ(listed(config, from(0, "192.0.2.1")), Lines{"iqn.2026-11.io.targe:other 192.0.2.1:3260,1"});
    EXPECT_TRUE(answers<iscsi::TargetNotFound>(config, from(0, "192.0.2.1")));
    EXPECT_TRUE(answers<iscsi::TargetFound>(config, from(1, "192.0.2.2")));
}

TEST(Directory, HidesATargetFromAddressesThatItsPortalsAreNotAllowedThrough) {
    admin::Config config;
    config.targets = {target(kDisk, {portal("0.0.0.0")})};
    config.targets[0].allowed_portals = {"192.0.2.*"};
    EXPECT_TRUE(listed(config, from(0, "198.51.100.1")).empty());
    EXPECT_TRUE(answers<iscsi::TargetNotFound>(config, from(0, "198.51.100.1")));
    EXPECT_TRUE(answers<iscsi::TargetFound>(config, from(0, "192.0.2.1")));
}

TEST(Directory, HidesATargetFromInitiatorsThatItDoesNotName) {
    admin::Config config;
    config.targets = {target(kDisk, {portal("192.0.2.1")})};
    config.targets[0].initiators = {"iqn.a:*", "!iqn.a:guest"};
    EXPECT_EQ(listed(config, from(0, "192.0.2.1")).size(), 1U);
    EXPECT_TRUE(listed(config, from(0, "192.0.2.1", "iqn.a:guest")).empty());
    EXPECT_TRUE(answers<iscsi::TargetFound>(config, from(0, "192.0.2.1")));
    EXPECT_TRUE(answers<iscsi::TargetForbidden>(config, from(0, "192.0.2.1", "iqn.a:guest")));
    EXPECT_TRUE(answers<iscsi::TargetForbidden>(config, from(0, "192.0.2.1", "iqn.b:host")));
}

TEST(Directory, SendsInitiatorsWhereTheTargetHasMoved) {
    admin::Config config;
    config.targets = {target(kDisk, {portal("192.0.2.1")})};
    config.targets[0].redirect = {
        .address = {.address = "192.0.2.50", .port = 3261}, .group = 4, .permanent = true};
    const auto found = ConfigDirectory(config).find_target(kDisk, from(0, "192.0.2.1"));
    ASSERT_TRUE(std::holds_alternative<iscsi::TargetMoved>(found));
    const auto& moved = std::get<iscsi::TargetMoved>(found);
    EXPECT_EQ(to_text_with_group(moved.address), "192.0.2.50:3261,4");
    EXPECT_EQ(moved.move, iscsi::Move::permanent);
}

TEST(Directory, PassesOnWhatMayBeNegotiated) {
    admin::Config config;
    config.targets = {target(kDisk, {portal("192.0.2.1")})};
    config.targets[0].header_digest = admin::DigestPolicy::prefer;
    config.targets[0].data_digest = admin::DigestPolicy::require;
    const auto found = ConfigDirectory(config).find_target(kDisk, from(0, "192.0.2.1"));
    ASSERT_TRUE(std::holds_alternative<iscsi::TargetFound>(found));
    const iscsi::NegotiationPolicy& policy = std::get<iscsi::TargetFound>(found).negotiation;
    EXPECT_EQ(policy.header_digest_order, iscsi::DigestOrder::targets);
    EXPECT_EQ(policy.header_digests.front(), iscsi::Digest::crc32c);
    EXPECT_EQ(policy.data_digests, std::vector{iscsi::Digest::crc32c});
}

}  // namespace
}  // namespace targe::daemon
