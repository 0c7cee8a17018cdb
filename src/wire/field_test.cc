#include "wire/field.h"

#include <gtest/gtest.h>

#include <array>

namespace targe::wire {
namespace {

constexpr Field kTwelveBits{.byte = 1, .msb = 5, .width = 12};  // 1:5..0 and 2:7..2

TEST(Field, PutTouchesOnlyItsOwnBits) {
    std::array<std::byte, 4> raw{};
    raw.fill(std::byte{0xff});
    put<kTwelveBits>(std::span{raw}, 0);
    EXPECT_EQ(raw, (std::array{std::byte{0xff}, std::byte{0xc0}, std::byte{0x03}, std::byte{0xff}}));
}

TEST(Field, GetReturnsWhatPutStored) {
    for (unsigned value = 0; value < 4096; ++value) {
        std::array<std::byte, 4> raw{};
        put<kTwelveBits>(std::span{raw}, static_cast<std::uint16_t>(value));
        ASSERT_EQ(get<kTwelveBits>(std::span<const std::byte, 4>{raw}), value);
    }
}

}  // namespace
}  // namespace targe::wire
