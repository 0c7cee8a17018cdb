#include "admin/identity.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace targe::admin {
namespace {

TEST(Identity, IsRandomButForTheTypeAndTheAddressSpace) {
    std::array<std::byte, kIdentityRandomBytes> random{};
    const Identity zeroes = make_identity(random);
    EXPECT_EQ(zeroes.naa, "60200000000000000000000000000000");
    EXPECT_EQ(zeroes.serial, "0000000000000000");
    std::ranges::fill(random, std::byte{0xff});
    const Identity ones = make_identity(random);
    EXPECT_EQ(ones.naa, "6f2fffffffffffffffffffffffffffff");
    EXPECT_EQ(ones.serial, "ffffffffffffffff");
    EXPECT_TRUE(valid_naa(zeroes.naa));
    EXPECT_TRUE(valid_naa(ones.naa));
}

TEST(Naa, HasTheLengthOfItsType) {
    EXPECT_TRUE(valid_naa("2000000000000000"));
    EXPECT_TRUE(valid_naa("3000000000000000"));
    EXPECT_TRUE(valid_naa("5000c50000000001"));
    EXPECT_TRUE(valid_naa("6000c50000000001000000000000000f"));
    for (const std::string_view naa : {"", "6", "6000c50000000001", "5000c50000000001000000000000000f",
                                       "1000000000000000", "5000C50000000001", "500000000000000g"}) {
        EXPECT_FALSE(valid_naa(naa)) << naa;
        EXPECT_FALSE(naa_bytes(naa)) << naa;
    }
}

TEST(Naa, IsBytesInTheOrderOfItsDigits) {
    const auto bytes = naa_bytes("5000c50000000001");
    ASSERT_TRUE(bytes);
    EXPECT_EQ((*bytes)[0], std::byte{0x50});
    EXPECT_EQ((*bytes)[2], std::byte{0xc5});
    EXPECT_EQ((*bytes)[7], std::byte{0x01});
}

}  // namespace
}  // namespace targe::admin
