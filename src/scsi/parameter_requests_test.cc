#include "scsi/parameter_requests.h"

#include "scsi/testing_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::thin_disk;

TEST(ParameterRequests, ReadsInquiry) {
    const InquiryRequest page = inquiry_request(bytes({0x12, 1, 0x83, 0, 0xff, 0}));
    EXPECT_TRUE(page.vital_product_data);
    EXPECT_EQ(page.page_code, 0x83);
    EXPECT_FALSE(inquiry_request(bytes({0x12, 0, 0, 0, 0xff, 0})).vital_product_data);
}

TEST(ParameterRequests, ReadsModeSense) {
    const ModeSenseRequest six =
        mode_sense_request(CommandId::mode_sense_6, bytes({0x1a, 8, 0x48, 0xff, 255, 0}));
    EXPECT_EQ(six.form, ModeForm::six);
    EXPECT_TRUE(six.disable_block_descriptors);
    EXPECT_FALSE(six.long_lba_accepted);
    EXPECT_EQ(six.control, PageControl::changeable);
    EXPECT_EQ(six.page, 0x08);
    EXPECT_EQ(six.subpage, 0xff);
    const ModeSenseRequest ten =
        mode_sense_request(CommandId::mode_sense_10, bytes({0x5a, 0x10, 0xff, 1, 0, 0, 0, 1, 0, 0}));
    EXPECT_EQ(ten.form, ModeForm::ten);
    EXPECT_FALSE(ten.disable_block_descriptors);
    EXPECT_TRUE(ten.long_lba_accepted);
    EXPECT_EQ(ten.control, PageControl::saved);
    EXPECT_EQ(ten.page, 0x3f);
    EXPECT_EQ(ten.subpage, 1);
}

TEST(ParameterRequests, ReadsModeSelect) {
    const ModeSelectRequest six =
        mode_select_request(CommandId::mode_select_6, bytes({0x15, 0x10, 0, 0, 24, 0}));
    EXPECT_EQ(six.form, ModeForm::six);
    EXPECT_TRUE(six.page_format);
    EXPECT_FALSE(six.save_pages);
    const ModeSelectRequest ten =
        mode_select_request(CommandId::mode_select_10, bytes({0x55, 0, 0, 0, 0, 0, 0, 0, 24, 0}));
    EXPECT_EQ(ten.form, ModeForm::ten);
    EXPECT_FALSE(ten.page_format);
}

TEST(ParameterRequests, ReadsTheFormatOfRequestSense) {
    EXPECT_EQ(request_sense_format(bytes({0x03, 0, 0, 0, 252, 0})), SenseFormat::fixed);
    EXPECT_EQ(request_sense_format(bytes({0x03, 1, 0, 0, 252, 0})), SenseFormat::descriptor);
}

TEST(ParameterRequests, ReadsSelectReport) {
    EXPECT_EQ(select_report(bytes({0xa0, 0, 2, 0, 0, 0, 0, 0, 0, 16, 0, 0})), 2);
}

TEST(ParameterRequests, HoldsGetLbaStatusToTheMedium) {
    const auto at = [](unsigned lba) {
        return starting_lba(
            bytes({0x9e, 0x12, 0, 0, 0, 0, 0, lba >> 16, lba >> 8 & 0xffU, lba & 0xffU, 0, 0, 0, 24, 0, 0}),
            thin_disk());
    };
    const auto blocks = static_cast<unsigned>(thin_disk().blocks);
    EXPECT_EQ(at(blocks - 1), blocks - 1);
    EXPECT_EQ(at(blocks).error(), lba_out_of_range(blocks));
}

}  // namespace
}  // namespace targe::scsi
