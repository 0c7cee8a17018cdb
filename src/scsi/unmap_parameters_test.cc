#include "scsi/unmap_parameters.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::thin_disk;
using testing::operator+;

ByteVector list_of(const std::vector<UnmapRange>& ranges) {
    const std::size_t length = ranges.size() * UnmapRanges::kDescriptorSize;
    return testing::written(
        [&](ParameterWriter& out) {
            out.u16(static_cast<std::uint16_t>(length + 6));
            out.u16(static_cast<std::uint16_t>(length));
            out.u32(0);
            for (const UnmapRange range : ranges) {
                out.u64(range.lba);
                out.u32(range.blocks);
                out.u32(0);
            }
        },
        0x11000);
}

Sense refused(const ByteVector& list, const UnitDescription& unit = thin_disk()) {
    const auto parsed = parse_unmap(list, unit);
    EXPECT_FALSE(parsed);
    return parsed ? Sense{} : parsed.error();
}

TEST(UnmapParameters, GiveTheRangesInTheirOrder) {
    const std::vector<UnmapRange> ranges{{100, 8}, {0, 1}, {104, 8}, {2048000, 0}, {2047999, 1}};
    const ByteVector list = list_of(ranges);
    const auto parsed = parse_unmap(list, thin_disk());
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->size(), ranges.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        EXPECT_EQ((*parsed)[i], ranges[i]);
    }
}

TEST(UnmapParameters, MayBeNone) {
    EXPECT_EQ(parse_unmap({}, thin_disk())->size(), 0U);
    EXPECT_EQ(parse_unmap(list_of({}), thin_disk())->size(), 0U);
}

TEST(UnmapParameters, IgnoreAnIncompleteDescriptorAtTheEnd) {
    const ByteVector list = bytes({0, 6 + 20, 0, 20, 0, 0, 0, 0}) + ByteVector(20);
    EXPECT_EQ(parse_unmap(list, thin_disk())->size(), 1U);
}

TEST(UnmapParameters, ThatAreCutAreRefused) {
    ByteVector list = list_of({{0, 1}});
    while (list.size() > 1) {
        list.pop_back();
        EXPECT_EQ(refused(list), illegal_request(Asc::parameter_list_length_error)) << list.size();
    }
}

TEST(UnmapParameters, WhoseLengthsDisagreeAreRefused) {
    ByteVector list = list_of({{0, 1}});
    list[1] = std::byte{21};
    EXPECT_EQ(refused(list), invalid_parameter(0));
}

TEST(UnmapParameters, BeyondTheLastBlockAreRefusedAtTheirLba) {
    EXPECT_EQ(refused(list_of({{0, 1}, {2047999, 2}})), lba_out_of_range(2047999));
    EXPECT_EQ(refused(list_of({{~std::uint64_t{0}, 2}})), lba_out_of_range(~std::uint64_t{0}));
    EXPECT_EQ(refused(list_of({{2048001, 0}})), lba_out_of_range(2048001));
}

TEST(UnmapParameters, OverTheLimitsAreRefusedWithAPointer) {
    UnitDescription unit = thin_disk();
    unit.limits.max_unmap_descriptors = 2;
    unit.limits.max_unmap = 10;
    EXPECT_TRUE(parse_unmap(list_of({{0, 5}, {0, 5}}), unit));
    EXPECT_EQ(refused(list_of({{0, 1}, {1, 1}, {2, 1}}), unit), invalid_parameter(2));
    EXPECT_EQ(refused(list_of({{0, 5}, {0, 6}}), unit), invalid_parameter(8 + 16 + 8));
}

}  // namespace
}  // namespace targe::scsi
