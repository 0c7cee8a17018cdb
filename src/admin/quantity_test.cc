#include "admin/quantity.h"

#include <gtest/gtest.h>

namespace targe::admin {
namespace {

using std::chrono::milliseconds;

TEST(Size, IsANumberWithABinaryUnit) {
    EXPECT_EQ(parse_size("10GiB"), std::uint64_t{10} << 30U);
    EXPECT_EQ(parse_size("4 KiB"), 4096U);
    EXPECT_EQ(parse_size("512B"), 512U);
    EXPECT_EQ(parse_size("0B"), 0U);
}

TEST(Size, IsRefusedWhenItIsNone) {
    for (const std::string_view text : {"", "10", "10GB", "10G", "GiB", "-1GiB", "1.5GiB", "10GiB ",
                                        "10  GiB", "16384PiB", "99999999999999999999B"}) {
        EXPECT_FALSE(parse_size(text)) << text;
    }
}

TEST(Size, IsWrittenInTheLargestUnitThatIsExact) {
    EXPECT_EQ(size_text(std::uint64_t{10} << 30U), "10GiB");
    EXPECT_EQ(size_text(1000), "1000B");
    EXPECT_EQ(size_text(0), "0B");
}

TEST(Duration, IsANumberWithAUnit) {
    EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
    EXPECT_EQ(parse_duration("15s"), milliseconds(15'000));
    EXPECT_EQ(parse_duration("2min"), milliseconds(120'000));
    EXPECT_EQ(parse_duration("1h"), milliseconds(3'600'000));
    for (const std::string_view text : {"", "15", "s", "1m", "1d", "18446744073709551615ms"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
    EXPECT_EQ(duration_text(milliseconds(90'000)), "90s");
}

}  // namespace
}  // namespace targe::admin
