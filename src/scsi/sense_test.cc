#include "scsi/sense.h"

#include "scsi/testing_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;

ByteVector encoded(const Sense& sense, SenseFormat format) {
    std::array<std::byte, kMaxSenseBytes> out;
    out.fill(std::byte{0xee});
    const std::size_t size = encode(sense, format, out);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)};
}
ByteVector fixed(const Sense& sense) {
    return encoded(sense, SenseFormat::fixed);
}
ByteVector descriptor(const Sense& sense) {
    return encoded(sense, SenseFormat::descriptor);
}

TEST(Sense, FixedFormatOfAKeyAndACode) {
    EXPECT_EQ(fixed(unit_attention(Asc::capacity_data_has_changed)),
              bytes({0x70, 0, 0x06, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x2a, 0x09, 0, 0, 0, 0}));
}

TEST(Sense, FixedFormatPointsIntoTheCdb) {
    EXPECT_EQ(fixed(invalid_field(wire::bits(14, 4, 0))),
              bytes({0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0xcc, 0, 14}));
}

TEST(Sense, FixedFormatPointsIntoTheParameterList) {
    EXPECT_EQ(fixed(invalid_parameter(0x123, 7)),
              bytes({0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x26, 0, 0, 0x8f, 0x01, 0x23}));
    EXPECT_EQ(fixed(invalid_parameter(4)),
              bytes({0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x26, 0, 0, 0x80, 0, 4}));
}

TEST(Sense, FixedFormatCarriesInformationOfFourBytes) {
    EXPECT_EQ(fixed(lba_out_of_range(0xffff'ffff)),
              bytes({0xf0, 0, 0x05, 0xff, 0xff, 0xff, 0xff, 10, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0}));
}

TEST(Sense, FixedFormatLeavesOutInformationThatIsTooWide) {
    EXPECT_EQ(fixed(lba_out_of_range(0x1'0000'0000)),
              bytes({0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0}));
}

TEST(Sense, BothFormatsCarryTheProgress) {
    const Sense formatting{.key = SenseKey::not_ready,
                           .asc = Asc::logical_unit_not_ready_format_in_progress,
                           .progress = 0x8001};
    EXPECT_EQ(fixed(formatting),
              bytes({0x70, 0, 0x02, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x04, 0x04, 0, 0x80, 0x80, 0x01}));
    EXPECT_EQ(descriptor(formatting), bytes({0x72, 0x02, 0x04, 0x04, 0, 0, 0, 8,  //
                                             0x02, 6, 0, 0, 0x80, 0x80, 0x01, 0}));
}

TEST(Sense, DescriptorFormatOfAKeyAndACodeIsItsHeader) {
    EXPECT_EQ(descriptor(unit_attention(Asc::i_t_nexus_loss_occurred)),
              bytes({0x72, 0x06, 0x29, 0x07, 0, 0, 0, 0}));
}

TEST(Sense, DescriptorFormatCarriesInformationOfEightBytes) {
    EXPECT_EQ(descriptor(miscompare(0x0102'0304'0506'0708)),
              bytes({0x72, 0x0e, 0x1d, 0x00, 0, 0, 0, 12,  //
                     0x00, 10,   0x80, 0,    1, 2, 3, 4,  5, 6, 7, 8}));
}

TEST(Sense, DescriptorFormatPointsAtTheField) {
    EXPECT_EQ(descriptor(invalid_field(wire::bits(1, 7, 5))), bytes({0x72, 0x05, 0x24, 0x00, 0, 0, 0, 8,  //
                                                                     0x02, 6, 0, 0, 0xcf, 0, 1, 0}));
}

TEST(Sense, DescriptorFormatPutsInformationBeforeTheFieldPointer) {
    Sense sense = invalid_parameter(8, 7);
    sense.information = 0x2a;
    EXPECT_EQ(descriptor(sense), bytes({0x72, 0x05, 0x26, 0x00, 0,    0, 0, 20,                 //
                                        0x00, 10,   0x80, 0,    0,    0, 0, 0,  0, 0, 0, 0x2a,  //
                                        0x02, 6,    0,    0,    0x8f, 0, 8, 0}));
}

TEST(Sense, OfDeferredErrorsHasResponseCodesOfItsOwn) {
    std::array<std::byte, kMaxSenseBytes> out{};
    Sense sense{.key = SenseKey::medium_error, .asc = Asc::write_error, .deferred = true};
    encode(sense, SenseFormat::fixed, out);
    EXPECT_EQ(out[0], std::byte{0x71});
    encode(sense, SenseFormat::descriptor, out);
    EXPECT_EQ(out[0], std::byte{0x73});
}

TEST(Sense, TellsABlockAsCommandSpecificInformation) {
    std::array<std::byte, kMaxSenseBytes> out{};
    Sense sense{.key = SenseKey::medium_error, .asc = Asc::write_error, .command_specific = 0x01020304};
    encode(sense, SenseFormat::fixed, out);
    EXPECT_EQ(out[8], std::byte{1});
    EXPECT_EQ(out[11], std::byte{4});
    sense.command_specific = 0x1'0000'0000;
    encode(sense, SenseFormat::fixed, out);
    EXPECT_EQ(out[8], std::byte{0xff}) << "it does not fit";
    EXPECT_EQ(encode(sense, SenseFormat::descriptor, out), 8U + 12);
    EXPECT_EQ(out[8], std::byte{1});
    EXPECT_EQ(out[8 + 7], std::byte{1});
}

}  // namespace
}  // namespace targe::scsi
