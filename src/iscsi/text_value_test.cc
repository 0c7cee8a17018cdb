#include "iscsi/text_value.h"

#include <gtest/gtest.h>

#include <random>

namespace targe::iscsi {
namespace {

std::vector<std::byte> bytes(std::initializer_list<unsigned> values) {
    std::vector<std::byte> out;
    for (const unsigned v : values) {
        out.push_back(static_cast<std::byte>(v));
    }
    return out;
}

TEST(Number, IsDecimalOrHexadecimal) {
    EXPECT_EQ(parse_number("0"), 0U);
    EXPECT_EQ(parse_number("262144"), 262144U);
    EXPECT_EQ(parse_number("0x40000"), 262144U);
    EXPECT_EQ(parse_number("0XfF"), 255U);
    EXPECT_EQ(parse_number("18446744073709551615"), ~std::uint64_t{0});
}

TEST(Number, IsNothingElse) {
    for (const char* text : {"", "-1", "+1", " 1", "1 ", "007", "0x", "0xg", "1e3", "1.0", "0b1",
                             "18446744073709551616", "0x10000000000000000", "0x-1"}) {
        EXPECT_EQ(parse_number(text), std::nullopt) << text;
    }
}

TEST(Boolean, IsYesOrNoInThatCase) {
    EXPECT_EQ(parse_boolean("Yes"), true);
    EXPECT_EQ(parse_boolean("No"), false);
    for (const char* text : {"", "yes", "NO", "Y", "Yes,No", "1"}) {
        EXPECT_EQ(parse_boolean(text), std::nullopt) << text;
    }
}

TEST(PrintableUtf8, IsWellFormedAndHasNoControlCharacters) {
    for (const std::string_view text :
         {"", "plain text", "\xc2\xa0", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x92\xbe", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_TRUE(is_printable_utf8(text)) << text;
    }
    for (const std::string_view text :
         {"\n", "a\x1b[0m", "\x7f", "\x80", "\xc2\x85", "\xc0\xaf", "\xc3", "\xc3(", "\xe2\x82",
          "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
          "\xff"}) {
        EXPECT_FALSE(is_printable_utf8(text)) << text;
    }
}

TEST(List, IsCutAtCommas) {
    ListReader list("a,,b");
    EXPECT_EQ(list.next(), "a");
    EXPECT_EQ(list.next(), "");
    EXPECT_EQ(list.next(), "b");
    EXPECT_EQ(list.next(), std::nullopt);
    EXPECT_EQ(list.next(), std::nullopt);
}

TEST(BinaryValue, IsHexadecimalOrBase64) {
    EXPECT_EQ(parse_binary("0x00fFa5", 16), bytes({0x00, 0xff, 0xa5}));
    EXPECT_EQ(parse_binary("0X01", 16), bytes({0x01}));
    EXPECT_EQ(parse_binary("0bAP+l", 16), bytes({0x00, 0xff, 0xa5}));
    EXPECT_EQ(parse_binary("0BAQ==", 16), bytes({0x01}));
    EXPECT_EQ(parse_binary("0bAQ", 16), bytes({0x01}));
    EXPECT_EQ(parse_binary("0bAQI=", 16), bytes({0x01, 0x02}));
    EXPECT_EQ(parse_binary("0x", 16), bytes({}));
}

TEST(BinaryValue, IsNothingElse) {
    for (const char* text :
         {"", "0", "00", "0x0", "0xgg", "0bA", "0b=AAA", "0bA===", "0bAQ=", "0bA*==", "1234", "x12"}) {
        EXPECT_EQ(parse_binary(text, 16), std::nullopt) << text;
    }
}

TEST(BinaryValue, HasABound) {
    EXPECT_TRUE(parse_binary("0x0102", 2));
    EXPECT_FALSE(parse_binary("0x010203", 2));
    EXPECT_TRUE(parse_binary("0bAQI=", 2));
    EXPECT_FALSE(parse_binary("0bAQID", 2));
}

TEST(BinaryValue, IsReadAsItWasWritten) {
    std::mt19937 random(7143);
    for (std::size_t size = 0; size < 100; ++size) {
        std::vector<std::byte> raw(size);
        for (std::byte& b : raw) {
            b = static_cast<std::byte>(random());
        }
        ASSERT_EQ(parse_binary(to_hex(raw), 100), raw);
    }
}

}  // namespace
}  // namespace targe::iscsi
