#include "scsi/reassign_blocks.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::thin_disk;
using testing::operator+;

constexpr unsigned kLongList = 1;
constexpr unsigned kLongLba = 2;

std::expected<std::vector<std::uint64_t>, Sense> blocks(unsigned flags, const ByteVector& list) {
    return reassigned_blocks(bytes({0x07, flags, 0, 0, 0, 0}), list, thin_disk());
}

std::unexpected<Sense> refused(Sense sense) {
    sense.command_specific = kNoBlockInParticular;
    return std::unexpected(sense);
}

TEST(ReassignBlocks, ReadsListsInAllFormats) {
    const std::vector<std::uint64_t> expected{1, 0x0203};
    const ByteVector narrow = bytes({0, 0, 0, 1, 0, 0, 2, 3});
    const ByteVector wide = bytes({0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 3});
    EXPECT_EQ(blocks(0, bytes({0, 0, 0, 8}) + narrow), expected);
    EXPECT_EQ(blocks(kLongList, bytes({0, 0, 0, 8}) + narrow), expected);
    EXPECT_EQ(blocks(kLongLba, bytes({0, 0, 0, 16}) + wide), expected);
    EXPECT_EQ(blocks(kLongLba | kLongList, bytes({0, 0, 0, 16}) + wide), expected);
    EXPECT_EQ(blocks(0, bytes({0, 0, 0, 0})), std::vector<std::uint64_t>{});
    EXPECT_EQ(blocks(0, bytes({0xff, 0xff, 0, 4, 0, 0, 0, 1}) + ByteVector(9)), std::vector<std::uint64_t>{1})
        << "what follows is none of its business";
}

TEST(ReassignBlocks, RefusesListsThatAreWrong) {
    const auto cut = refused(illegal_request(Asc::parameter_list_length_error));
    EXPECT_EQ(blocks(0, {}), cut);
    EXPECT_EQ(blocks(0, bytes({0, 0, 0})), cut);
    EXPECT_EQ(blocks(0, bytes({0, 0, 0, 8, 0, 0, 0, 1})), cut);
    EXPECT_EQ(blocks(0, bytes({0, 0, 0, 3, 0, 0, 0, 1})), refused(invalid_parameter(2)));
    EXPECT_EQ(blocks(kLongList, bytes({0, 0, 0, 3, 0, 0, 0, 1})), refused(invalid_parameter(0)));
    EXPECT_EQ(blocks(kLongLba, bytes({0, 0, 0, 4, 0, 0, 0, 1})), refused(invalid_parameter(2)));
    EXPECT_EQ(blocks(kLongList, bytes({0xff, 0xff, 0xff, 0xfc})), refused(invalid_parameter(0)));
    EXPECT_EQ(blocks(0, bytes({0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 2})), refused(invalid_parameter(8)))
        << "ascending";
    EXPECT_EQ(blocks(0, bytes({0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff})), refused(lba_out_of_range(0xffff'ffff)));
}

}  // namespace
}  // namespace targe::scsi
