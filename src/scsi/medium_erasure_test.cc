#include "scsi/medium_erasure.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::operator+;

constexpr std::uint32_t kBlock = 512;

ByteVector sanitize_cdb(unsigned flags_and_action, unsigned length) {
    return bytes({0x48, flags_and_action, 0, 0, 0, 0, 0, length >> 8U, length & 0xffU, 0});
}

std::expected<Erasure, Sense> overwrite(const ByteVector& list) {
    const auto request = plan_erasure(CommandId::sanitize_overwrite,
                                      sanitize_cdb(0x01, static_cast<unsigned>(list.size())), list, kBlock);
    if (!request) {
        return std::unexpected(request.error());
    }
    return request->what;
}

TEST(Sanitize, OverwritesWithAPattern) {
    const auto request = plan_erasure(CommandId::sanitize_overwrite, sanitize_cdb(0xa1, 6),
                                      bytes({0x83, 0, 0, 2, 0xab, 0xcd}), kBlock);
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->immediate);
    EXPECT_EQ(request->what, (Erasure{.kind = Erasure::Kind::overwrite,
                                      .unrestricted_exit = true,
                                      .passes = 3,
                                      .inverts = true,
                                      .pattern = bytes({0xab, 0xcd})}));
    std::array<std::byte, 5> block{};
    request->what.fill(block, 0);
    EXPECT_EQ(ByteVector(block.begin(), block.end()), bytes({0xab, 0xcd, 0xab, 0xcd, 0xab}));
    request->what.fill(block, 1);
    EXPECT_EQ(ByteVector(block.begin(), block.end()), bytes({0x54, 0x32, 0x54, 0x32, 0x54}));
    request->what.fill(block, 2);
    EXPECT_EQ(block[0], std::byte{0xab});
}

TEST(Sanitize, RefusesWrongOverwriteParameters) {
    EXPECT_EQ(overwrite(bytes({0x00, 0, 0, 1, 0})), std::unexpected(invalid_parameter(0, 4))) << "no pass";
    EXPECT_EQ(overwrite(bytes({0x21, 0, 0, 1, 0})), std::unexpected(invalid_parameter(0, 6))) << "TEST";
    EXPECT_EQ(overwrite(bytes({0x01, 0, 0, 0, 0})), std::unexpected(invalid_parameter(2)));
    EXPECT_EQ(overwrite(bytes({0x01, 0, 2, 1}) + ByteVector(513)), std::unexpected(invalid_parameter(2)));
    EXPECT_EQ(overwrite(bytes({0x01, 0, 0, 3, 1, 2})), std::unexpected(invalid_parameter(2)))
        << "the pattern is cut";
}

TEST(Sanitize, RefusesWrongParameterListLengths) {
    const auto refused = [](CommandId id, unsigned length) {
        return refuse_sanitize(id, sanitize_cdb(0x01, length), kBlock).has_value();
    };
    EXPECT_TRUE(refused(CommandId::sanitize_overwrite, 0));
    EXPECT_TRUE(refused(CommandId::sanitize_overwrite, 4));
    EXPECT_FALSE(refused(CommandId::sanitize_overwrite, 5));
    EXPECT_FALSE(refused(CommandId::sanitize_overwrite, 516));
    EXPECT_TRUE(refused(CommandId::sanitize_overwrite, 517));
    for (const CommandId id : {CommandId::sanitize_block_erase, CommandId::sanitize_exit_failure_mode}) {
        EXPECT_FALSE(refused(id, 0));
        EXPECT_TRUE(refused(id, 8));
    }
}

TEST(FormatUnit, TakesBothHeaders) {
    const ByteVector plain = bytes({0x04, 0, 0, 0, 0, 0});
    const ByteVector with_short = bytes({0x04, 0x10, 0, 0, 0, 0});
    const ByteVector with_long = bytes({0x04, 0x30, 0, 0, 0, 0});
    EXPECT_EQ(format_list_bytes(plain), 0U);
    EXPECT_EQ(format_list_bytes(with_short), 4U);
    EXPECT_EQ(format_list_bytes(with_long), 8U);
    const auto plan = [](const ByteVector& cdb, const ByteVector& list) {
        return plan_erasure(CommandId::format_unit, cdb, list, kBlock);
    };
    EXPECT_FALSE(plan(plain, {})->immediate);
    EXPECT_TRUE(plan(with_short, bytes({0, 0x02, 0, 0}))->immediate);
    EXPECT_TRUE(plan(with_long, bytes({0, 0x02, 0, 0, 0, 0, 0, 0}))->immediate);
    EXPECT_EQ(plan(with_short, bytes({0, 0x08, 0, 0})).error(), invalid_parameter(1, 3)) << "IP";
    EXPECT_EQ(plan(with_short, bytes({0, 0, 0, 8})).error(), invalid_parameter(2, 7)) << "defects";
    EXPECT_EQ(plan(with_long, bytes({0, 0, 0, 1, 0, 0, 0, 0})).error(), invalid_parameter(3, 7));
    EXPECT_EQ(plan(with_long, bytes({0, 0, 0, 0})).error(),
              illegal_request(Asc::parameter_list_length_error));
}

TEST(FormatUnit, TakesOptionsOnlyWhereItIsToldThatTheyAreValid) {
    const ByteVector with_short = bytes({0x04, 0x10, 0, 0, 0, 0});
    const ByteVector with_long = bytes({0x04, 0x30, 0, 0, 0, 0});
    for (const unsigned bit : {6U, 5U, 4U, 2U}) {  // DPRY, DCRT, STPF, DSP
        for (const bool is_long : {false, true}) {
            SCOPED_TRACE(::testing::Message() << "bit " << bit << (is_long ? ", long" : ", short"));
            const auto plan = [&](unsigned options) {
                ByteVector list = bytes({0, options | 1U << bit, 0, 0});
                list.resize(is_long ? 8 : 4);
                return plan_erasure(CommandId::format_unit, is_long ? with_long : with_short, list, kBlock);
            };
            EXPECT_EQ(plan(0).error(), invalid_parameter(1, static_cast<std::uint8_t>(bit)));
            EXPECT_EQ(plan(0x02).error(), invalid_parameter(1, static_cast<std::uint8_t>(bit))) << "IMMED";
            EXPECT_TRUE(plan(0x80)) << "FOV";
            EXPECT_TRUE(plan(0x82)->immediate);
        }
    }
}

TEST(Erasure, IsKeptWhole) {
    for (const Erasure& one :
         {Erasure{.pattern = {}},
          Erasure{.kind = Erasure::Kind::block_erase, .unrestricted_exit = true, .pattern = {}},
          Erasure{.kind = Erasure::Kind::overwrite,
                  .passes = 31,
                  .inverts = true,
                  .pattern = bytes({0, 0xff, 10})}}) {
        EXPECT_EQ(kept_erasure(keep(one)), one);
    }
    EXPECT_EQ(kept_erasure(""), std::nullopt);
    EXPECT_EQ(kept_erasure("\x09\x01\x01\x01"), std::nullopt);
    EXPECT_EQ(kept_erasure(std::string("\x02\0\x01\0", 4)), std::nullopt) << "overwriting with nothing";
}

}  // namespace
}  // namespace targe::scsi
