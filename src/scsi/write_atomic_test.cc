#include "scsi/write_atomic.h"

#include "scsi/command_table.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;

using L = WriteAtomic16Cdb;

UnitDescription atomic_disk() {
    UnitDescription unit = testing::thin_disk();
    unit.limits.max_atomic_transfer = 512;
    return unit;
}

ByteVector cdb(unsigned bits, unsigned lba, unsigned boundary, unsigned blocks) {
    return bytes({0x9c, bits, 0, 0, 0, 0, lba >> 24U, lba >> 16U & 0xffU, lba >> 8U & 0xffU, lba & 0xffU,
                  boundary >> 8U, boundary & 0xffU, blocks >> 8U, blocks & 0xffU, 0, 0});
}

TEST(WriteAtomic, IsOfAnyRangeUpToTheMaximum) {
    EXPECT_EQ(plan_write_atomic(cdb(0x18, 3, 0, 512), atomic_disk()),
              (MediumAccess{.lba = 3, .blocks = 512, .data_out_bytes = 512 * 512, .dpo = true, .fua = true}));
    ByteVector in_group = cdb(0, 3, 0, 1);
    in_group[14] = std::byte{5};
    EXPECT_EQ(plan_write_atomic(in_group, atomic_disk())->group, 5U);
    EXPECT_EQ(plan_write_atomic(cdb(0, 3, 0, 513), atomic_disk()).error(), invalid_field(L::kBlocks));
    EXPECT_EQ(plan_write_atomic(cdb(0, 2048000, 0, 0), atomic_disk()), (MediumAccess{.lba = 2048000}));
}

TEST(WriteAtomic, RefusesWhatItCannotHonour) {
    EXPECT_EQ(plan_write_atomic(cdb(0x20, 3, 0, 8), atomic_disk()).error(), invalid_field(L::kProtect));
    EXPECT_EQ(plan_write_atomic(cdb(0, 0, 8, 8), atomic_disk()).error(), invalid_field(L::kBoundary));
    EXPECT_EQ(plan_write_atomic(cdb(0, 2047999, 0, 2), atomic_disk()).error(), lba_out_of_range(2048000));
}

TEST(WriteAtomic, IsOfferedWhereTheUnitHasALimitForIt) {
    EXPECT_TRUE(find_command(traits_of(atomic_disk()), cdb(0, 0, 0, 1)));
    EXPECT_EQ(find_command(traits_of(testing::thin_disk()), cdb(0, 0, 0, 1)).error(),
              illegal_request(Asc::invalid_command_operation_code));
}

}  // namespace
}  // namespace targe::scsi
