#include "scsi/extended_copy.h"

#include "scsi/testing_bytes.h"
#include "scsi/third_party_copy.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::operator+;

constexpr std::size_t kHeader = 16;
constexpr std::size_t kCscd = 32;
constexpr std::size_t kSegment = 28;

/// One CSCD descriptor of an NAA designator, one segment of eight blocks from LBA 1 to LBA 2.
ByteVector lid1() {
    const ByteVector header = bytes({7, 0, 0, kCscd, 0, 0, 0, 0, 0, 0, 0, kSegment, 0, 0, 0, 0});
    ByteVector cscd = bytes({0xe4, 0, 0, 0, 1, 3, 0, 16, 0x60});
    cscd.resize(kCscd);
    cscd[30] = std::byte{2};
    const ByteVector segment =
        bytes({2, 0, 0, 0x18, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2});
    return header + cscd + segment;
}

TEST(ExtendedCopyLists, AreReadAsTheyWereWritten) {
    const auto copy = parse_extended_copy(ListIdKind::lid1, lid1());
    ASSERT_TRUE(copy);
    EXPECT_EQ(copy->id, (CopyListId{.kind = ListIdKind::lid1, .value = 7}));
    ASSERT_EQ(copy->cscds.size(), 1U);
    EXPECT_EQ(copy->cscds[0].designator_bytes, 16);
    EXPECT_EQ(copy->cscds[0].block_bytes, 512U);
    ASSERT_EQ(copy->segments.size(), 1U);
    EXPECT_EQ(copy->segments[0].count, 8U);
    EXPECT_EQ(copy->segments[0].source_lba, 1U);
    EXPECT_EQ(copy->segments[0].destination_lba, 2U);
}

TEST(ExtendedCopyLists, NameTheUnitWhateverTheLuIdTypeSays) {
    ByteVector list = lid1();
    list[kHeader + 1] = std::byte{0xc0};
    EXPECT_TRUE(parse_extended_copy(ListIdKind::lid1, list));
}

struct Refusal {
    const char* what;
    std::function<void(ByteVector&)> damage;
    Sense sense;
};

std::function<void(ByteVector&)> with(std::size_t at, unsigned value) {
    return [=](ByteVector& list) { list[at] = static_cast<std::byte>(value); };
}

TEST(ExtendedCopyLists, AreRefusedForWhatIsWrongWithThem) {
    const Refusal refusals[] = {
        {"shorter than its header", [](ByteVector& list) { list.resize(kHeader - 1); },
         illegal_request(Asc::parameter_list_length_error)},
        {"shorter than it says", [](ByteVector& list) { list.pop_back(); },
         illegal_request(Asc::parameter_list_length_error)},
        {"half a CSCD descriptor", with(3, kCscd / 2), illegal_request(Asc::parameter_list_length_error)},
        {"reserved LIST ID USAGE", with(1, 0x08), invalid_parameter(1, 4)},
        {"an identifier that is not to be", with(1, 0x18), invalid_parameter(0)},
        {"inline data", with(15, 4), illegal_request(Asc::inline_data_length_exceeded)},
        {"CSCD descriptor of another type", with(kHeader, 0xe0),
         illegal_request(Asc::unsupported_target_descriptor_type_code)},
        {"a designator that is too long", with(kHeader + 7, 21), invalid_parameter(kHeader + 7)},
        {"segment of another type", with(kHeader + kCscd, 1),
         illegal_request(Asc::unsupported_segment_descriptor_type_code)},
        {"half a segment", with(11, kSegment / 2), illegal_request(Asc::parameter_list_length_error)},
        {"segment of another length", with(kHeader + kCscd + 3, 0x17),
         invalid_parameter(kHeader + kCscd + 2)},
    };
    for (const Refusal& refusal : refusals) {
        SCOPED_TRACE(refusal.what);
        ByteVector list = lid1();
        refusal.damage(list);
        const auto copy = parse_extended_copy(ListIdKind::lid1, list);
        ASSERT_FALSE(copy);
        EXPECT_EQ(copy.error(), refusal.sense);
    }
}

TEST(ExtendedCopyLists, HaveNoMoreDescriptorsThanAreOffered) {
    ByteVector many = bytes({7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    const std::size_t size = (copy_limits::kCscdDescriptors + 1) * kCscd;
    many[2] = static_cast<std::byte>(size >> 8U);
    many[3] = static_cast<std::byte>(size);
    many.resize(kHeader + size);
    const auto copy = parse_extended_copy(ListIdKind::lid1, many);
    ASSERT_FALSE(copy);
    EXPECT_EQ(copy.error(), illegal_request(Asc::too_many_target_descriptors));
}

TEST(CopySegments, CoverWholeBlocksOfBothUnits) {
    UnitDescription small = testing::thin_disk();
    UnitDescription large = testing::thin_disk();
    large.block_size = 4096;
    CopySegment segment{.count = 8, .source_lba = 1, .destination_lba = 2};
    EXPECT_EQ(plan_segment(segment, 0, small, large),
              (CopyExtent{.source_lba = 1, .destination_lba = 2, .bytes = 4096}));
    segment.counts_destination_blocks = true;
    EXPECT_EQ(plan_segment(segment, 0, small, large)->bytes, std::uint64_t{8} * 4096);
    segment.counts_destination_blocks = false;
    segment.count = 7;
    EXPECT_EQ(plan_segment(segment, 3, small, large).error(),
              copy_aborted(Asc::unexpected_inexact_segment, 3));
    segment.count = 8;
    segment.source_lba = small.blocks - 7;
    EXPECT_FALSE(plan_segment(segment, 0, small, large)) << "one block beyond the end";
}

}  // namespace
}  // namespace targe::scsi
