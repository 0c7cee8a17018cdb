#include "scsi/identifying_information.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace targe::scsi {
namespace {

constexpr unsigned kInformation = 0x00;
constexpr unsigned kText = 0x02;
constexpr unsigned kSupported = 0x7f;

std::array<std::byte, 12> set_cdb(unsigned type, unsigned length) {
    std::array<std::byte, 12> cdb{};
    cdb[0] = std::byte{0xa4};
    cdb[1] = std::byte{0x06};
    cdb[8] = static_cast<std::byte>(length >> 8U);
    cdb[9] = static_cast<std::byte>(length & 0xffU);
    cdb[10] = static_cast<std::byte>(type << 1U);
    return cdb;
}

std::string reported(unsigned type, const IdentifyingInformation& current) {
    std::array<std::byte, 12> cdb{};
    cdb[10] = static_cast<std::byte>(type << 1U);
    std::array<std::byte, 512> room{};
    ParameterWriter out(room);
    if (report_identifying_information(cdb, current, out)) {
        return "refused";
    }
    return {reinterpret_cast<const char*>(out.written().data()), out.written().size()};
}

std::expected<IdentifyingInformation, Sense> set(unsigned type, std::string_view text,
                                                 const IdentifyingInformation& current = {}) {
    const auto cdb = set_cdb(type, static_cast<unsigned>(text.size()));
    return set_identifying_information(cdb, std::as_bytes(std::span(text)), current);
}

using namespace std::string_view_literals;

TEST(IdentifyingInformation, IsReportedAsItWasSet) {
    const auto one = set(kInformation, "rack 7\0\xff"sv);
    ASSERT_TRUE(one);
    EXPECT_EQ(reported(kInformation, *one), "\0\0\0\x08rack 7\0\xff"sv);
    EXPECT_EQ(reported(kText, *one), "\0\0\0\0"sv);
    const auto both = set(kText, "Gestell 7 \xc3\xbc\0"sv, *one);
    ASSERT_TRUE(both);
    EXPECT_EQ(both->information, one->information);
    EXPECT_EQ(reported(kText, *both), "\0\0\0\x0dGestell 7 \xc3\xbc\0"sv);
}

TEST(IdentifyingInformation, IsTakenAwayByAnEmptyList) {
    const auto none = set(kInformation, ""sv, {.information = "x", .text = {}});
    ASSERT_TRUE(none);
    EXPECT_EQ(none->information, "");
}

TEST(IdentifyingInformation, TellsWhatItMayBe) {
    EXPECT_EQ(reported(kSupported, {}), "\0\0\0\x08\0\0\0\x40\x04\0\x01\0"sv);
    EXPECT_EQ(reported(0x03, {}), "refused");
}

TEST(IdentifyingInformation, RefusesWhatIsTooLong) {
    const auto at_byte_6 = invalid_field(SetIdentifyingInformationCdb::kParameterListLength);
    EXPECT_EQ(refuse_set_identifying_information(set_cdb(kInformation, 64)), std::nullopt);
    EXPECT_EQ(refuse_set_identifying_information(set_cdb(kInformation, 65)), at_byte_6);
    EXPECT_EQ(refuse_set_identifying_information(set_cdb(kText, 256)), std::nullopt);
    EXPECT_EQ(refuse_set_identifying_information(set_cdb(kText, 257)), at_byte_6);
    EXPECT_EQ(refuse_set_identifying_information(set_cdb(kSupported, 0)),
              invalid_field(SetIdentifyingInformationCdb::kInformationType));
}

TEST(IdentifyingInformation, RefusesTextThatIsNone) {
    for (const std::string_view text : {"no end"sv, "two\0ends\0"sv, "\xc3\0"sv, "\x80\0"sv, "\xff\0"sv}) {
        EXPECT_EQ(set(kText, text), std::unexpected(invalid_parameter(0)));
    }
}

TEST(IdentifyingInformation, IsKeptWhole) {
    for (const IdentifyingInformation& one : {IdentifyingInformation{},
                                              {.information = "a\nb\0c", .text = "d"},
                                              {.information = {}, .text = "7\n"}}) {
        EXPECT_EQ(kept_identifying_information(keep(one)), one);
    }
    for (const std::string_view damaged : {""sv, "x"sv, "9\nabc"sv, "-1\n"sv, "3"sv}) {
        EXPECT_EQ(kept_identifying_information(damaged), std::nullopt);
    }
}

}  // namespace
}  // namespace targe::scsi
