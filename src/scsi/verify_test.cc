#include "scsi/verify.h"

#include "scsi/testing_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::thin_disk;

/// VERIFY (10) or WRITE AND VERIFY (10) of `blocks` blocks at 3.
ByteVector cdb_for(unsigned byte_check, unsigned blocks, unsigned other_bits = 0) {
    return bytes({0x2f, byte_check << 1 | other_bits, 0, 0, 0, 3, 0, 0, blocks, 0});
}
std::expected<MediumAccess, Sense> verify(unsigned byte_check, unsigned blocks) {
    return plan_verify<Verify10Cdb>(cdb_for(byte_check, blocks), thin_disk());
}
std::expected<MediumAccess, Sense> write_and_verify(unsigned byte_check, unsigned blocks) {
    return plan_write_and_verify<Verify10Cdb>(cdb_for(byte_check, blocks), thin_disk());
}

TEST(Verify, WantsNoDataToLookAtTheMedium) {
    EXPECT_EQ(verify(0b00, 8), (MediumAccess{.lba = 3, .blocks = 8}));
}

TEST(Verify, WantsEveryBlockToCompareThem) {
    EXPECT_EQ(verify(0b01, 8), (MediumAccess{.lba = 3,
                                             .blocks = 8,
                                             .data_out_bytes = std::uint64_t{8} * 512,
                                             .byte_check = ByteCheck::every_block}));
}

TEST(Verify, WantsOneBlockToCompareItWithEach) {
    EXPECT_EQ(verify(0b11, 8),
              (MediumAccess{
                  .lba = 3, .blocks = 8, .data_out_bytes = 512, .byte_check = ByteCheck::one_block_for_all}));
}

TEST(Verify, WantsNothingToCompareWithNoBlocks) {
    for (const unsigned byte_check : {0b00U, 0b01U, 0b11U}) {
        EXPECT_EQ(verify(byte_check, 0)->data_out_bytes, 0U);
    }
}

TEST(Verify, RefusesTheReservedByteCheck) {
    EXPECT_EQ(verify(0b10, 8).error(), invalid_field(wire::bits(1, 2, 1)));
    EXPECT_EQ(write_and_verify(0b10, 8).error(), invalid_field(wire::bits(1, 2, 1)));
}

TEST(Verify, TakesDpo) {
    EXPECT_TRUE(plan_verify<Verify10Cdb>(cdb_for(0, 8, 0x10), thin_disk())->dpo);
    EXPECT_FALSE(verify(0, 8)->dpo);
}

TEST(WriteAndVerify, WantsEveryBlockWhateverItCompares) {
    for (const unsigned byte_check : {0b00U, 0b01U}) {
        EXPECT_EQ(write_and_verify(byte_check, 8), (MediumAccess{.lba = 3,
                                                                 .blocks = 8,
                                                                 .data_out_bytes = std::uint64_t{8} * 512,
                                                                 .byte_check = ByteCheck{byte_check != 0}}));
    }
}

TEST(WriteAndVerify, RefusesToCompareOneBlockWithEach) {
    EXPECT_EQ(write_and_verify(0b11, 8).error(), invalid_field(wire::bits(1, 2, 1)));
}

}  // namespace
}  // namespace targe::scsi
