// How records, segments and lines of an index lie on the disk: tapes of today are to be read tomorrow.
#include "vtl/record.h"

#include "wire/crc32c.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace targe::vtl {
namespace {

template <std::size_t N>
std::array<std::byte, N> from_hex(std::string_view digits) {
    std::array<std::byte, N> bytes{};
    EXPECT_EQ(digits.size(), 2 * N);
    for (std::size_t i = 0; i < N; ++i) {
        bytes[i] = static_cast<std::byte>(std::stoul(std::string(digits.substr(2 * i, 2)), nullptr, 16));
    }
    return bytes;
}

/// With the checksum that it ought to have, which is at its end.
template <std::size_t N>
void correct(std::array<std::byte, N>& raw) {
    const std::uint32_t crc = wire::crc32c(0, std::span<const std::byte>(raw).first(N - 4));
    for (std::size_t i = 0; i < 4; ++i) {
        raw[N - 4 + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
    }
}

/// `thing` lies as `raw`, and comes back from there; with any bit of it changed nothing does.
template <std::size_t N>
void expect_to_lie_as(const auto& thing, const std::array<std::byte, N>& raw, const auto& decode) {
    std::array<std::byte, N> made{};
    made.fill(std::byte{0xff});
    encode(thing, std::span{made});
    EXPECT_EQ(made, raw);
    EXPECT_EQ(decode(raw), thing);
    for (std::size_t bit = 0; bit < N * 8; ++bit) {
        std::array<std::byte, N> wrong = raw;
        wrong[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        EXPECT_EQ(decode(wrong), std::nullopt) << bit;
    }
}

constexpr auto kDecodeRecord = [](const auto& raw) { return decode_record(raw); };
constexpr auto kDecodeSegment = [](const auto& raw) { return decode_segment(raw); };
constexpr auto kDecodeIndex = [](const auto& raw) { return decode_index(raw); };

constexpr RecordHeader kRecord{.type = ObjectType::filemark,
                               .compressed = true,
                               .object = 0x0102'0304'0506'0708,
                               .filemarks = 0x1112'1314'1516'1718,
                               .epoch = 0x2122'2324'2526'2728,
                               .stored_bytes = 0x0032'3334,
                               .logical_bytes = 0x0042'4344,
                               .extra_bytes = 0x0f53,
                               .previous_bytes = 0x6162'6364,
                               .payload_crc = 0x7172'7374};
constexpr SegmentHeader kSegment{.cartridge = 0x0102'0304'0506'0708,
                                 .format = 0x1112'1314,
                                 .partition = 0x2122'2324,
                                 .number = 0x3132'3334,
                                 .first_object = 0x4142'4344'4546'4748,
                                 .first_filemarks = 0x5152'5354'5556'5758,
                                 .epoch = 0x6162'6364'6566'6768,
                                 .previous_bytes = 0x7172'7374};
constexpr IndexEntry kLine{.committed = true,
                           .object = 0x0102'0304'0506'0708,
                           .filemarks = 0x1112'1314'1516'1718,
                           .offset = 0x2122'2324'2526'2728,
                           .epoch = 0x3132'3334'3536'3738,
                           .previous_bytes = 0x4142'4344};

TEST(TapeFormat, OfARecord) {
    expect_to_lie_as(kRecord,
                     from_hex<RecordHeader::kBytes>("5467426b020100000102030405060708"
                                                    "11121314151617182122232425262728"
                                                    "003233340042434400000f5361626364"
                                                    "71727374000000000000000079ab0d8b"),
                     kDecodeRecord);
    expect_to_lie_as(RecordHeader{.encrypted = true},
                     from_hex<RecordHeader::kBytes>("5467426b010200000000000000000000"
                                                    "00000000000000000000000000000000"
                                                    "00000000000000000000000000000000"
                                                    "0000000000000000000000001639d6c7"),
                     kDecodeRecord);
}

TEST(TapeFormat, OfASegment) {
    const auto raw = from_hex<SegmentHeader::kBytes>(
        "54675367000000010102030405060708"
        "11121314212223243132333471727374"
        "41424344454647485152535455565758"
        "6162636465666768000000001d11b961");
    expect_to_lie_as(kSegment, raw, kDecodeSegment);
    auto of_another_version = raw;
    of_another_version[7] = std::byte{2};
    correct(of_another_version);
    EXPECT_EQ(decode_segment(of_another_version), std::nullopt);
}

TEST(TapeFormat, OfALineOfAnIndex) {
    expect_to_lie_as(kLine,
                     from_hex<IndexEntry::kBytes>("54674978000000010102030405060708"
                                                  "11121314151617182122232425262728"
                                                  "3132333435363738414243440fd0dec0"),
                     kDecodeIndex);
}

TEST(TapeFormat, HasNothingThatIsTakenForSomethingElse) {
    std::array<std::byte, RecordHeader::kBytes> record{};
    encode(kRecord, record);
    EXPECT_EQ(decode_segment(record), std::nullopt);
    encode(kSegment, record);
    EXPECT_EQ(decode_record(record), std::nullopt);
    auto line = from_hex<IndexEntry::kBytes>(std::string(2 * IndexEntry::kBytes, '0'));
    encode(kLine, line);
    line[0] ^= std::byte{1};
    correct(line);
    EXPECT_EQ(decode_index(line), std::nullopt) << "its mark";
}

// What the checksum lets pass is looked at: memory is taken for what a record says.
TEST(TapeFormat, HasRecordsWhoseTypeAndLengthsCanBe) {
    const auto is_one = [](const RecordHeader& header) {
        std::array<std::byte, RecordHeader::kBytes> raw{};
        encode(header, raw);
        return decode_record(raw) == header;
    };
    for (unsigned type = 0; type < 256; ++type) {
        EXPECT_EQ(is_one({.type = static_cast<ObjectType>(type)}), type == 1 || type == 2) << type;
    }
    EXPECT_TRUE(
        is_one({.stored_bytes = kMaxStoredBytes, .logical_bytes = kMaxStoredBytes, .extra_bytes = 4096}));
    EXPECT_FALSE(is_one({.stored_bytes = kMaxStoredBytes + 1}));
    EXPECT_FALSE(is_one({.logical_bytes = kMaxStoredBytes + 1}));
    EXPECT_FALSE(is_one({.extra_bytes = 4097}));
}

}  // namespace
}  // namespace targe::vtl
