#include "wire/crc32c.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace targe::wire {
namespace {

std::uint32_t bit_by_bit(std::uint32_t crc, std::span<const std::byte> bytes) {
    crc = ~crc;
    for (const std::byte byte : bytes) {
        crc ^= std::to_integer<std::uint32_t>(byte);
        for (int i = 0; i < 8; ++i) {
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f6'3b78U : 0U);
        }
    }
    return ~crc;
}

// [RFC 3720 B.4]: 32 bytes of zeroes, of ones, rising and falling.
TEST(Crc32c, MatchesThePublishedExamples) {
    std::vector<std::byte> bytes(32);
    EXPECT_EQ(crc32c(0, bytes), 0x8a91'36aaU);
    bytes.assign(32, std::byte{0xff});
    EXPECT_EQ(crc32c(0, bytes), 0x62a8'ab43U);
    for (std::size_t i = 0; i < 32; ++i) {
        bytes[i] = static_cast<std::byte>(i);
    }
    EXPECT_EQ(crc32c(0, bytes), 0x46dd'794eU);
    for (std::size_t i = 0; i < 32; ++i) {
        bytes[i] = static_cast<std::byte>(31 - i);
    }
    EXPECT_EQ(crc32c(0, bytes), 0x113f'db5cU);
    EXPECT_EQ(crc32c(0, {}), 0U);
}

TEST(Crc32c, MatchesTheDefinitionAtEveryLengthAndInPieces) {
    constexpr std::uint32_t kSeed = 20;
    std::mt19937 random(kSeed);
    std::vector<std::byte> bytes(9000);
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(random());
    }
    for (std::size_t size = 0; size < bytes.size(); size = size < 900 ? size + 1 : size + 97) {
        const std::span<const std::byte> all = std::span{bytes}.first(size);
        const std::uint32_t expected = bit_by_bit(0, all);
        ASSERT_EQ(crc32c(0, all), expected) << "seed=" << kSeed << " size=" << size;
        const std::size_t cut = size == 0 ? 0 : random() % size;
        ASSERT_EQ(crc32c(crc32c(0, all.first(cut)), all.subspan(cut)), expected)
            << "seed=" << kSeed << " size=" << size << " cut=" << cut;
        ASSERT_EQ(crc32c_in_streams(0, all), expected) << "seed=" << kSeed << " size=" << size;
        std::vector<std::byte> copy(size);
        ASSERT_EQ(copy_with_crc32c(0, all, copy.data()), expected) << "seed=" << kSeed << " size=" << size;
        ASSERT_TRUE(std::ranges::equal(copy, all)) << "seed=" << kSeed << " size=" << size;
    }
}

}  // namespace
}  // namespace targe::wire
