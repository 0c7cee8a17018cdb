#include "initiator/url.h"

#include <gtest/gtest.h>

namespace targe::initiator {
namespace {

TEST(Url, HasAUserAPortalATargetAndALun) {
    EXPECT_EQ(parse_url("iscsi://192.0.2.1/iqn.x:y/0"), (Url{.host = "192.0.2.1", .target = "iqn.x:y"}));
    EXPECT_EQ(parse_url("iscsi://host:860/iqn.x/16383"),
              (Url{.host = "host", .port = 860, .target = "iqn.x", .lun = 16383}));
    EXPECT_EQ(parse_url("iscsi://[2001:db8::1]:3261/iqn.x/7"),
              (Url{.host = "2001:db8::1", .port = 3261, .target = "iqn.x", .lun = 7}));
    EXPECT_EQ(parse_url("iscsi://u:p@[::1]/iqn.x/1"),
              (Url{.user = "u", .password = "p", .host = "::1", .target = "iqn.x", .lun = 1}));
    EXPECT_EQ(parse_url("iscsi://me%40home:a%2Fb:c@h/iqn.x/1"),
              (Url{.user = "me@home", .password = "a/b:c", .host = "h", .target = "iqn.x", .lun = 1}));
    EXPECT_EQ(parse_url("iscsi://me@h/iqn.x/1"),
              (Url{.user = "me", .host = "h", .target = "iqn.x", .lun = 1}));
}

TEST(Url, IsRefusedWithAReason) {
    for (const char* const text : {"",
                                   "http://h/iqn.x/0",
                                   "iscsi://",
                                   "iscsi://h",
                                   "iscsi://h/",
                                   "iscsi://h/iqn.x",
                                   "iscsi://h/iqn.x/",
                                   "iscsi://h/iqn.x/16384",
                                   "iscsi://h/iqn.x/-1",
                                   "iscsi://h/iqn.x/0x1",
                                   "iscsi:///iqn.x/0",
                                   "iscsi://h:/iqn.x/0",
                                   "iscsi://h:0/iqn.x/0",
                                   "iscsi://h:65536/iqn.x/0",
                                   "iscsi://::1/iqn.x/0",
                                   "iscsi://[::1/iqn.x/0",
                                   "iscsi://[::1]3260/iqn.x/0",
                                   "iscsi://@h/iqn.x/0",
                                   "iscsi://u:@h/iqn.x/0",
                                   "iscsi://u%4@h/iqn.x/0",
                                   "iscsi://u%zz@h/iqn.x/0",
                                   "iscsi://h//0"}) {
        const auto url = parse_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_FALSE(url.error().empty());
    }
    EXPECT_FALSE(parse_url("iscsi://h/" + std::string(224, 'x') + "/0"));
}

}  // namespace
}  // namespace targe::initiator
