#include "scsi/compare_and_write.h"

#include "scsi/testing_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::thin_disk;

TEST(CompareAndWrite, WantsTwiceItsBlocks) {
    const ByteVector cdb = bytes({0x89, 0x18, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 255, 0, 0});
    EXPECT_EQ(
        plan_compare_and_write(cdb, thin_disk()),
        (MediumAccess{
            .lba = 3, .blocks = 255, .data_out_bytes = std::uint64_t{510} * 512, .dpo = true, .fua = true}));
}

}  // namespace
}  // namespace targe::scsi
