#include "scsi/read_write.h"

#include "scsi/testing_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::thin_disk;

TEST(ReadWrite, SixByteFormHasTwentyOneBitsOfAddress) {
    const auto access = plan_read<ReadWrite6Cdb>(bytes({0x08, 0x1e, 0xdc, 0xba, 0x10, 0}), thin_disk());
    EXPECT_EQ(access,
              (MediumAccess{.lba = 0x1edcba, .blocks = 16, .data_in_bytes = std::uint64_t{16} * 512}));
}

TEST(ReadWrite, SixByteFormOfLengthZeroIsHeldToTheMediumToo) {
    const std::uint64_t blocks = thin_disk().blocks;
    const auto lba = static_cast<unsigned>(blocks - 255);
    const auto access =
        plan_write<ReadWrite6Cdb>(bytes({0x0a, lba >> 16, lba >> 8 & 0xffU, lba & 0xffU, 0, 0}), thin_disk());
    ASSERT_FALSE(access);
    EXPECT_EQ(access.error(), lba_out_of_range(blocks));
}

TEST(ReadWrite, TakesDpoAndFua) {
    const auto ten = plan_write<ReadWrite10Cdb>(bytes({0x2a, 0x08, 0, 0, 0, 5, 0, 0, 1, 0}), thin_disk());
    EXPECT_EQ(ten, (MediumAccess{.lba = 5, .blocks = 1, .data_out_bytes = 512, .fua = true}));
    const auto twelve =
        plan_read<ReadWrite12Cdb>(bytes({0xa8, 0x10, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0}), thin_disk());
    EXPECT_EQ(twelve, (MediumAccess{.lba = 5, .blocks = 1, .data_in_bytes = 512, .dpo = true}));
    const auto sixteen =
        plan_read<ReadWrite16Cdb>(bytes({0x88, 0x18, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0}), thin_disk());
    EXPECT_EQ(sixteen, (MediumAccess{.lba = 5, .blocks = 1, .data_in_bytes = 512, .dpo = true, .fua = true}));
}

TEST(ReadWrite, TakesTheGroupNumber) {
    EXPECT_EQ(plan_read<ReadWrite10Cdb>(bytes({0x28, 0, 0, 0, 0, 5, 0x1f, 0, 1, 0}), thin_disk())->group, 31);
    EXPECT_EQ(plan_write<ReadWrite12Cdb>(bytes({0xaa, 0, 0, 0, 0, 5, 0, 0, 0, 1, 7, 0}), thin_disk())->group,
              7);
    EXPECT_EQ(
        plan_write<ReadWrite16Cdb>(bytes({0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 3, 0}), thin_disk())
            ->group,
        3);
}

}  // namespace
}  // namespace targe::scsi
