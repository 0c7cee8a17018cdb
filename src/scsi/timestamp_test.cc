#include "scsi/timestamp.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace targe::scsi {
namespace {

std::vector<unsigned> reported(const UnitClock& clock, std::uint64_t host_ms) {
    std::array<std::byte, 32> room{};
    ParameterWriter out(room);
    report_timestamp(clock, host_ms, out);
    std::vector<unsigned> bytes;
    for (const std::byte b : out.written()) {
        bytes.push_back(std::to_integer<unsigned>(b));
    }
    return bytes;
}

constexpr std::array<std::byte, 12> kOneSecond{std::byte{},  std::byte{},     std::byte{}, std::byte{},
                                               std::byte{},  std::byte{},     std::byte{}, std::byte{},
                                               std::byte{3}, std::byte{0xe8}, std::byte{}, std::byte{}};

TEST(Timestamp, IsTheHostsUntilItIsSet) {
    EXPECT_EQ(reported({}, 0x0102'0304'0506), (std::vector<unsigned>{0, 10, 3, 0, 1, 2, 3, 4, 5, 6, 0, 0}));
}

TEST(Timestamp, RunsOnFromWhatItWasSetTo) {
    const auto clock = set_timestamp(kOneSecond, 5'000'000, {});
    ASSERT_TRUE(clock);
    EXPECT_EQ(reported(*clock, 5'000'000), (std::vector<unsigned>{0, 10, 2, 0, 0, 0, 0, 0, 3, 0xe8, 0, 0}));
    EXPECT_EQ(reported(*clock, 5'000'001), (std::vector<unsigned>{0, 10, 2, 0, 0, 0, 0, 0, 3, 0xe9, 0, 0}));
}

TEST(Timestamp, IsLeftAloneByAnEmptyListAndRefusesAShortOne) {
    const UnitClock before{.origin = TimestampOrigin::set_timestamp, .ahead_ms = -7};
    EXPECT_EQ(set_timestamp({}, 1, before), before);
    EXPECT_EQ(set_timestamp(std::span(kOneSecond).first(11), 1, before),
              std::unexpected(illegal_request(Asc::parameter_list_length_error)));
}

TEST(Timestamp, ThatIsTooLateIsRefused) {
    auto list = kOneSecond;
    list[4] = std::byte{0xf0};
    EXPECT_TRUE(set_timestamp(list, 1, {}));
    list[4] = std::byte{0xf1};
    EXPECT_EQ(set_timestamp(list, 1, {}), std::unexpected(invalid_parameter(4)));
}

}  // namespace
}  // namespace targe::scsi
