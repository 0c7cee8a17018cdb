#include "transport/half_open_logins.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace targe::transport {
namespace {

SocketAddress address(const std::string& text) {
    return SocketAddress::parse(text, std::uint16_t{3260}).value();
}

TEST(HalfOpenLogins, AreBoundedForEachAddress) {
    HalfOpenLogins logins(2, 100);
    EXPECT_TRUE(logins.begin(address("192.0.2.1")));
    EXPECT_TRUE(logins.begin(address("192.0.2.1")));
    EXPECT_FALSE(logins.begin(address("192.0.2.1")));
    EXPECT_TRUE(logins.begin(address("192.0.2.2")));
    logins.end(address("192.0.2.1"));
    EXPECT_TRUE(logins.begin(address("192.0.2.1")));
}

TEST(HalfOpenLogins, OfAllAddressesOfAnIpv6HostLeaveRoomForOthers) {
    HalfOpenLogins logins(2, 100);
    unsigned begun = 0;
    for (unsigned host = 1; host <= 100; ++host) {
        begun += logins.begin(address(fmt::format("2001:db8:1:2::{:x}", host))) ? 1 : 0;
    }
    EXPECT_EQ(begun, 25U) << "a /64";
    for (unsigned subnet = 3; subnet <= 100; ++subnet) {
        begun += logins.begin(address(fmt::format("2001:db8:1:{:x}::1", subnet))) ? 1 : 0;
    }
    EXPECT_EQ(begun, 50U) << "a /48";
    EXPECT_TRUE(logins.begin(address("2001:db8:2:2::1")));
    logins.end(address("2001:db8:1:2::1"));
    EXPECT_TRUE(logins.begin(address("2001:db8:1:2::ff")));
    EXPECT_FALSE(logins.begin(address("2001:db8:1:2::fe")));
}

TEST(HalfOpenLogins, OfANetworkAreNoFewerThanOfAnAddress) {
    HalfOpenLogins logins(8, 10);
    for (unsigned i = 0; i < 8; ++i) {
        EXPECT_TRUE(logins.begin(address("2001:db8::1")));
    }
    EXPECT_FALSE(logins.begin(address("2001:db8::1")));
}

TEST(HalfOpenLogins, MayHaveNoLimit) {
    HalfOpenLogins logins(0, 4);
    for (unsigned i = 0; i < 20; ++i) {
        EXPECT_TRUE(logins.begin(address("2001:db8::1")));
    }
}

}  // namespace
}  // namespace targe::transport
