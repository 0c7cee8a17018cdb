#include "transport/socket_address.h"

#include <gtest/gtest.h>

namespace targe::transport {
namespace {

std::string again(std::string_view text) {
    const auto address = SocketAddress::parse(text);
    return address ? address->text() : "refused";
}

TEST(SocketAddress, ReadsWhatItWrites) {
    for (const char* const text : {"192.0.2.10:3260", "0.0.0.0:0", "[2001:db8::1]:3260", "[::]:65535",
                                   "[fe80::1%lo]:3260", "[::1]:1"}) {
        EXPECT_EQ(again(text), text);
    }
}

TEST(SocketAddress, RefusesWhatIsNoAddress) {
    for (const char* const text : {"",
                                   ":",
                                   ":3260",
                                   "192.0.2.10",
                                   "192.0.2.10:",
                                   "192.0.2.10:65536",
                                   "192.0.2.10:-1",
                                   "192.0.2.10: 1",
                                   "192.0.2.256:1",
                                   "192.0.2:1",
                                   "storage.example:3260",
                                   "[::1]",
                                   "[::1]:",
                                   "[::1]3260",
                                   "[::1",
                                   "::1:x",
                                   "[192.0.2.1]:3260",
                                   "[fe80::1%]:1",
                                   "[fe80::1%no-such-interface]:1",
                                   "[]:1",
                                   "192.0.2.1%lo:1"}) {
        EXPECT_EQ(again(text), "refused") << text;
    }
}

TEST(SocketAddress, TakesADefaultPort) {
    EXPECT_EQ(SocketAddress::parse("192.0.2.10", 3260)->text(), "192.0.2.10:3260");
    EXPECT_EQ(SocketAddress::parse("2001:db8::1", 3260)->text(), "[2001:db8::1]:3260");
    EXPECT_EQ(SocketAddress::parse("[2001:db8::1]", 3260)->text(), "[2001:db8::1]:3260");
    EXPECT_EQ(SocketAddress::parse("[::1]:1", 3260)->port(), 1);
    EXPECT_FALSE(SocketAddress::parse("192.0.2.10:", 3260));
}

TEST(SocketAddress, GoesThroughTheKernelsForm) {
    for (const char* const text : {"192.0.2.10:3260", "[2001:db8::1]:3260", "[fe80::1%lo]:860"}) {
        const auto address = SocketAddress::parse(text);
        EXPECT_EQ(SocketAddress::from(address->raw().storage), address) << text;
    }
    EXPECT_FALSE(SocketAddress::from(sockaddr_storage{}));
}

TEST(SocketAddress, KnowsHostsApart) {
    const auto a = SocketAddress::parse("192.0.2.1:1");
    EXPECT_TRUE(a->same_host(*SocketAddress::parse("192.0.2.1:2")));
    EXPECT_FALSE(*a == *SocketAddress::parse("192.0.2.1:2"));
    EXPECT_FALSE(a->same_host(*SocketAddress::parse("192.0.2.2:1")));
    EXPECT_FALSE(SocketAddress::parse("[fe80::1%lo]:1")->same_host(*SocketAddress::parse("[fe80::1]:1")));
    EXPECT_TRUE(SocketAddress::parse("0.0.0.0:1")->is_any());
    EXPECT_TRUE(SocketAddress::parse("[::]:1")->is_any());
    EXPECT_FALSE(a->is_any());
    EXPECT_EQ(SocketAddress::parse("[fe80::1%lo]:1")->host(), "fe80::1%lo");
}

}  // namespace
}  // namespace targe::transport
