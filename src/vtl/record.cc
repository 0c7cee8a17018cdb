#include "vtl/record.h"

#include "wire/crc32c.h"

#include <algorithm>

namespace targe::vtl {
namespace {

/// "TgBk", "TgSg", "TgIx".
constexpr std::uint32_t kRecordMark = 0x5467'426b;
constexpr std::uint32_t kSegmentMark = 0x5467'5367;
constexpr std::uint32_t kIndexMark = 0x5467'4978;

struct RecordLayout {
    static constexpr wire::Field kMark = wire::bytes(0, 3);
    static constexpr wire::Field kType = wire::bytes(4, 4);
    static constexpr wire::Field kEncrypted = wire::bit(5, 1);
    static constexpr wire::Field kCompressed = wire::bit(5, 0);
    static constexpr wire::Field kObject = wire::bytes(8, 15);
    static constexpr wire::Field kFilemarks = wire::bytes(16, 23);
    static constexpr wire::Field kEpoch = wire::bytes(24, 31);
    static constexpr wire::Field kStored = wire::bytes(32, 35);
    static constexpr wire::Field kLogical = wire::bytes(36, 39);
    static constexpr wire::Field kExtra = wire::bytes(40, 43);
    static constexpr wire::Field kPrevious = wire::bytes(44, 47);
    static constexpr wire::Field kPayloadCrc = wire::bytes(48, 51);
    static constexpr wire::Field kCrc = wire::bytes(60, 63);
};

struct SegmentLayout {
    static constexpr wire::Field kMark = wire::bytes(0, 3);
    static constexpr wire::Field kVersion = wire::bytes(4, 7);
    static constexpr wire::Field kCartridge = wire::bytes(8, 15);
    static constexpr wire::Field kFormat = wire::bytes(16, 19);
    static constexpr wire::Field kPartition = wire::bytes(20, 23);
    static constexpr wire::Field kNumber = wire::bytes(24, 27);
    static constexpr wire::Field kPrevious = wire::bytes(28, 31);
    static constexpr wire::Field kFirstObject = wire::bytes(32, 39);
    static constexpr wire::Field kFirstFilemarks = wire::bytes(40, 47);
    static constexpr wire::Field kEpoch = wire::bytes(48, 55);
    static constexpr wire::Field kCrc = wire::bytes(60, 63);
};

struct IndexLayout {
    static constexpr wire::Field kMark = wire::bytes(0, 3);
    static constexpr wire::Field kCommitted = wire::bit(7, 0);
    static constexpr wire::Field kObject = wire::bytes(8, 15);
    static constexpr wire::Field kFilemarks = wire::bytes(16, 23);
    static constexpr wire::Field kOffset = wire::bytes(24, 31);
    static constexpr wire::Field kEpoch = wire::bytes(32, 39);
    static constexpr wire::Field kPrevious = wire::bytes(40, 43);
    static constexpr wire::Field kCrc = wire::bytes(44, 47);
};

constexpr std::uint32_t kVersion = 1;

template <class L, std::size_t N>
void seal(std::span<std::byte, N> out) {
    wire::put<L::kCrc>(out, wire::crc32c(0, out.template first<N - 4>()));
}

template <class L, std::size_t N>
bool sealed(std::span<const std::byte, N> raw, std::uint32_t mark) {
    return wire::get<L::kMark>(raw) == mark &&
           wire::get<L::kCrc>(raw) == wire::crc32c(0, raw.template first<N - 4>());
}

}  // namespace

void encode(const RecordHeader& header, std::span<std::byte, RecordHeader::kBytes> out) {
    using L = RecordLayout;
    std::ranges::fill(out, std::byte{0});
    wire::put<L::kMark>(out, kRecordMark);
    wire::put<L::kType>(out, static_cast<std::uint8_t>(header.type));
    wire::put<L::kEncrypted>(out, header.encrypted ? 1 : 0);
    wire::put<L::kCompressed>(out, header.compressed ? 1 : 0);
    wire::put<L::kObject>(out, header.object);
    wire::put<L::kFilemarks>(out, header.filemarks);
    wire::put<L::kEpoch>(out, header.epoch);
    wire::put<L::kStored>(out, header.stored_bytes);
    wire::put<L::kLogical>(out, header.logical_bytes);
    wire::put<L::kExtra>(out, header.extra_bytes);
    wire::put<L::kPrevious>(out, header.previous_bytes);
    wire::put<L::kPayloadCrc>(out, header.payload_crc);
    seal<L>(out);
}

std::optional<RecordHeader> decode_record(std::span<const std::byte, RecordHeader::kBytes> raw) {
    using L = RecordLayout;
    if (!sealed<L>(raw, kRecordMark)) {
        return std::nullopt;
    }
    const std::uint8_t type = wire::get<L::kType>(raw);
    const RecordHeader header{.type = static_cast<ObjectType>(type),
                              .compressed = wire::get<L::kCompressed>(raw) != 0,
                              .encrypted = wire::get<L::kEncrypted>(raw) != 0,
                              .object = wire::get<L::kObject>(raw),
                              .filemarks = wire::get<L::kFilemarks>(raw),
                              .epoch = wire::get<L::kEpoch>(raw),
                              .stored_bytes = wire::get<L::kStored>(raw),
                              .logical_bytes = wire::get<L::kLogical>(raw),
                              .extra_bytes = wire::get<L::kExtra>(raw),
                              .previous_bytes = wire::get<L::kPrevious>(raw),
                              .payload_crc = wire::get<L::kPayloadCrc>(raw)};
    const bool known = header.type == ObjectType::block || header.type == ObjectType::filemark;
    if (!known || header.stored_bytes > kMaxStoredBytes || header.logical_bytes > kMaxStoredBytes ||
        header.extra_bytes > 4096) {
        return std::nullopt;
    }
    return header;
}

void encode(const SegmentHeader& header, std::span<std::byte, SegmentHeader::kBytes> out) {
    using L = SegmentLayout;
    std::ranges::fill(out, std::byte{0});
    wire::put<L::kMark>(out, kSegmentMark);
    wire::put<L::kVersion>(out, kVersion);
    wire::put<L::kCartridge>(out, header.cartridge);
    wire::put<L::kFormat>(out, header.format);
    wire::put<L::kPartition>(out, header.partition);
    wire::put<L::kNumber>(out, header.number);
    wire::put<L::kPrevious>(out, header.previous_bytes);
    wire::put<L::kFirstObject>(out, header.first_object);
    wire::put<L::kFirstFilemarks>(out, header.first_filemarks);
    wire::put<L::kEpoch>(out, header.epoch);
    seal<L>(out);
}

std::optional<SegmentHeader> decode_segment(std::span<const std::byte, SegmentHeader::kBytes> raw) {
    using L = SegmentLayout;
    if (!sealed<L>(raw, kSegmentMark) || wire::get<L::kVersion>(raw) != kVersion) {
        return std::nullopt;
    }
    return SegmentHeader{.cartridge = wire::get<L::kCartridge>(raw),
                         .format = wire::get<L::kFormat>(raw),
                         .partition = wire::get<L::kPartition>(raw),
                         .number = wire::get<L::kNumber>(raw),
                         .first_object = wire::get<L::kFirstObject>(raw),
                         .first_filemarks = wire::get<L::kFirstFilemarks>(raw),
                         .epoch = wire::get<L::kEpoch>(raw),
                         .previous_bytes = wire::get<L::kPrevious>(raw)};
}

void encode(const IndexEntry& entry, std::span<std::byte, IndexEntry::kBytes> out) {
    using L = IndexLayout;
    std::ranges::fill(out, std::byte{0});
    wire::put<L::kMark>(out, kIndexMark);
    wire::put<L::kCommitted>(out, entry.committed ? 1 : 0);
    wire::put<L::kObject>(out, entry.object);
    wire::put<L::kFilemarks>(out, entry.filemarks);
    wire::put<L::kOffset>(out, entry.offset);
    wire::put<L::kEpoch>(out, entry.epoch);
    wire::put<L::kPrevious>(out, entry.previous_bytes);
    seal<L>(out);
}

std::optional<IndexEntry> decode_index(std::span<const std::byte, IndexEntry::kBytes> raw) {
    using L = IndexLayout;
    if (!sealed<L>(raw, kIndexMark)) {
        return std::nullopt;
    }
    return IndexEntry{.committed = wire::get<L::kCommitted>(raw) != 0,
                      .object = wire::get<L::kObject>(raw),
                      .filemarks = wire::get<L::kFilemarks>(raw),
                      .offset = wire::get<L::kOffset>(raw),
                      .epoch = wire::get<L::kEpoch>(raw),
                      .previous_bytes = wire::get<L::kPrevious>(raw)};
}

}  // namespace targe::vtl
