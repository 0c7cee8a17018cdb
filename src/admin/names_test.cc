#include "admin/names.h"

#include <gtest/gtest.h>

#include <string>

namespace targe::admin {
namespace {

TEST(IscsiName, IsTakenInLowerCase) {
    EXPECT_EQ(parse_iscsi_name("IQN.2026-11.com.Example:Disk-1.a"), "iqn.2026-11.com.example:disk-1.a");
    EXPECT_EQ(parse_iscsi_name("iqn.2026-11.com.example"), "iqn.2026-11.com.example");
    EXPECT_EQ(parse_iscsi_name("eui.02004567A425678D"), "eui.02004567a425678d");
    EXPECT_EQ(parse_iscsi_name("naa.62004567BA64678D0123456789ABCDEF"),
              "naa.62004567ba64678d0123456789abcdef");
}

TEST(IscsiName, IsRefusedWhenItIsNone) {
    const std::string long_name = "iqn.2026-11.com.example:" + std::string(200, 'x');
    for (const std::string& name :
         {std::string(""), std::string("disk"), std::string("iqn."), std::string("iqn.2026-11"),
          std::string("iqn.2026-00.com"), std::string("iqn.2026-11.com..example"),
          std::string("iqn.2026-11.:x"), std::string("iqn.2026-11.com.example:a b"),
          std::string("iqn.2026-11.com.example:\xc3\xa4"), std::string("eui.0"), std::string("naa.6"),
          std::string("eui.62004567ba64678d0123456789abcdef"), long_name}) {
        EXPECT_FALSE(parse_iscsi_name(name)) << name;
    }
    EXPECT_TRUE(parse_iscsi_name(long_name.substr(0, 223)));
}

TEST(Endpoint, IsReadAndWritten) {
    struct Row {
        std::string_view text;
        std::string_view written;
    };
    for (const Row& row : {Row{"127.0.0.1", "127.0.0.1:3260"}, Row{"127.0.0.1:1", "127.0.0.1:1"},
                           Row{"[::1]", "[::1]:3260"}, Row{"[2001:0DB8::0:1]:65535", "[2001:db8::1]:65535"},
                           Row{"[fe80::1%eth0]:3260", "[fe80::1%eth0]:3260"}}) {
        const auto endpoint = parse_endpoint(row.text, AddressForm::numeric);
        ASSERT_TRUE(endpoint) << row.text << ": " << endpoint.error();
        EXPECT_EQ(to_string(*endpoint), row.written);
    }
}

TEST(Endpoint, MayBeAHostNameWhereThatWillDo) {
    EXPECT_EQ(parse_endpoint("disks.example.com:1", AddressForm::any),
              (Endpoint{.address = "disks.example.com", .port = 1}));
    EXPECT_FALSE(parse_endpoint("disks.example.com:1", AddressForm::numeric));
    EXPECT_FALSE(parse_endpoint("256.0.0.1", AddressForm::any));
    EXPECT_FALSE(parse_endpoint("[disks.example.com]", AddressForm::any));
}

TEST(Endpoint, IsRefusedWhenItIsNone) {
    for (const std::string_view text :
         {"", ":", ":3260", "1.2.3", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "::1",
          "[::1", "[::1]x", "[::1]:", "[127.0.0.1]", "a b"}) {
        EXPECT_FALSE(parse_endpoint(text, AddressForm::any)) << text;
    }
}

}  // namespace
}  // namespace targe::admin
