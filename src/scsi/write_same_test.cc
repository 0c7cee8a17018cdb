#include "scsi/write_same.h"

#include "scsi/testing_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::thin_disk;

ByteVector ten(unsigned bits, unsigned blocks) {
    return bytes({0x41, bits, 0, 0, 0, 3, 0, 0, blocks, 0});
}
ByteVector sixteen(unsigned bits, unsigned blocks) {
    return bytes({0x93, bits, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, blocks, 0, 0});
}

TEST(WriteSame, WantsOneBlock) {
    const MediumAccess access{.lba = 3, .blocks = 200, .data_out_bytes = 512};
    EXPECT_EQ(plan_write_same<WriteSame10Cdb>(ten(0, 200), thin_disk()), access);
    EXPECT_EQ(plan_write_same<WriteSame16Cdb>(sixteen(0, 200), thin_disk()), access);
}

TEST(WriteSame, UnmapsARangeThatIsNotAligned) {
    const MediumAccess access{.lba = 3, .blocks = 5, .data_out_bytes = 512, .unmap = true};
    EXPECT_EQ(plan_write_same<WriteSame10Cdb>(ten(0x08, 5), thin_disk()), access);
    EXPECT_EQ(plan_write_same<WriteSame16Cdb>(sixteen(0x08, 5), thin_disk()), access);
}

TEST(WriteSame, AnchorsOnlyWhatItUnmaps) {
    const MediumAccess access{.lba = 3, .blocks = 5, .data_out_bytes = 512, .unmap = true, .anchor = true};
    EXPECT_EQ(plan_write_same<WriteSame10Cdb>(ten(0x18, 5), thin_disk()), access);
    EXPECT_EQ(plan_write_same<WriteSame16Cdb>(sixteen(0x18, 5), thin_disk()), access);
    EXPECT_EQ(plan_write_same<WriteSame10Cdb>(ten(0x10, 5), thin_disk()).error(),
              invalid_field(wire::bit(1, 4)));
    EXPECT_EQ(plan_write_same<WriteSame16Cdb>(sixteen(0x10, 5), thin_disk()).error(),
              invalid_field(wire::bit(1, 4)));
}

TEST(WriteSame, WantsNothingWithoutADataOutBuffer) {
    EXPECT_EQ(plan_write_same<WriteSame16Cdb>(sixteen(0x01, 5), thin_disk()),
              (MediumAccess{.lba = 3, .blocks = 5, .no_data_out = true}));
    EXPECT_EQ(plan_write_same<WriteSame16Cdb>(sixteen(0x09, 5), thin_disk()),
              (MediumAccess{.lba = 3, .blocks = 5, .unmap = true, .no_data_out = true}));
}

TEST(WriteSame, RefusesZeroBlocksWhereTheUnitSaysSo) {
    UnitDescription unit = thin_disk();
    unit.limits.write_same_of_zero_blocks = false;
    EXPECT_EQ(plan_write_same<WriteSame10Cdb>(ten(0, 0), unit).error(), invalid_field(wire::bytes(7, 8)));
    EXPECT_EQ(plan_write_same<WriteSame16Cdb>(sixteen(0, 0), unit).error(),
              invalid_field(wire::bytes(10, 13)));
}

TEST(WriteSame, HoldsTheWayToTheEndToTheMaximum) {
    UnitDescription unit = thin_disk();
    unit.limits.max_write_same = unit.blocks - 3;
    EXPECT_EQ(plan_write_same<WriteSame10Cdb>(ten(0, 0), unit)->blocks, unit.blocks - 3);
    unit.limits.max_write_same = unit.blocks - 4;
    EXPECT_EQ(plan_write_same<WriteSame10Cdb>(ten(0, 0), unit).error(), invalid_field(wire::bytes(7, 8)));
}

}  // namespace
}  // namespace targe::scsi
