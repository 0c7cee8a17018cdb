#include "scsi/lun.h"

#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

TEST(Lun, OfEveryNumberComesBack) {
    for (std::uint32_t n = 0; n <= kMaxLun.value; ++n) {
        EXPECT_EQ(decode_lun(encode_lun(Lun{n})), Lun{n});
    }
}

TEST(Lun, IsPeripheralUpTo255AndFlatAbove) {
    EXPECT_EQ(encode_lun(Lun{0}), 0U);
    EXPECT_EQ(encode_lun(Lun{255}), 0x00ff'0000'0000'0000U);
    EXPECT_EQ(encode_lun(Lun{256}), 0x4100'0000'0000'0000U);
    EXPECT_EQ(encode_lun(Lun{0x3fff}), 0x7fff'0000'0000'0000U);
}

struct Form {
    std::uint64_t field;
    std::optional<std::uint32_t> number;
};

TEST(Lun, IsUnderstoodInEverySingleLevelForm) {
    constexpr Form kForms[] = {
        {0x0001'0000'0000'0000, 1},             // peripheral
        {0x0101'0000'0000'0000, std::nullopt},  // bus 1: a second level
        {0x0001'0001'0000'0000, std::nullopt},  // a second level
        {0x0000'0000'0000'0001, std::nullopt},  // a fourth level
        {0x4001'0000'0000'0000, 1},             // flat, though it would fit peripheral
        {0x4001'0000'0100'0000, std::nullopt},  //
        {0x8005'0000'0000'0000, 5},             // logical unit addressing, bus 0, target 0
        {0x8025'0000'0000'0000, std::nullopt},  // bus 1
        {0x8105'0000'0000'0000, std::nullopt},  // target 1
        {0xd200'0007'0000'0000, 7},             // extended flat
        {0xd201'0000'0000'0000, 0x10000},       //
        {0xd200'0007'0001'0000, std::nullopt},  //
        {0xe200'0000'0007'0000, 7},             // long extended flat
        {0xe201'0000'0007'0000, std::nullopt},  // over 32 bits: no such unit
        {0xc101'0000'0000'0000, std::nullopt},  // REPORT LUNS well-known unit
        {0xffff'ffff'ffff'ffff, std::nullopt},  // not specified
        {0xd100'0000'0000'0000, std::nullopt},  // reserved
    };
    for (const Form& form : kForms) {
        const auto lun = decode_lun(form.field);
        EXPECT_EQ(lun ? std::optional{lun->value} : std::nullopt, form.number) << std::hex << form.field;
    }
}

}  // namespace
}  // namespace targe::scsi
