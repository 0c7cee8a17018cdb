// What a tape file consists of: a header a segment, then one record for each logical object. All of it is
// checksummed, and each record says which object it is, so that nothing stale or damaged is taken for data.
#pragma once

#include "wire/field.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace targe::vtl {

enum class ObjectType : std::uint8_t { block = 1, filemark = 2 };

/// In front of each logical object. What follows is `extra_bytes` that belong to encryption, then
/// `stored_bytes` of the block as it is kept.
struct RecordHeader {
    ObjectType type = ObjectType::block;
    bool compressed = false;      ///< stored as one zstd frame
    bool encrypted = false;       ///< AES-256-GCM over what would be stored otherwise
    std::uint64_t object = 0;     ///< logical object identifier: objects of the partition before it
    std::uint64_t filemarks = 0;  ///< filemarks of the partition before it
    std::uint64_t epoch = 0;  ///< grows each time something is overwritten, and never shrinks along a tape
    std::uint32_t stored_bytes = 0;
    std::uint32_t logical_bytes = 0;  ///< length of the block as the initiator wrote it
    std::uint32_t extra_bytes = 0;
    std::uint32_t previous_bytes = 0;  ///< all of the record before it in this segment; 0 for the first
    std::uint32_t payload_crc = 0;     ///< CRC32C over extra and stored bytes

    static constexpr std::size_t kBytes = 64;
    [[nodiscard]] std::uint64_t payload_bytes() const { return std::uint64_t{extra_bytes} + stored_bytes; }
    [[nodiscard]] std::uint64_t record_bytes() const { return kBytes + payload_bytes(); }
    bool operator==(const RecordHeader&) const = default;
};

/// The first bytes of a segment's file.
struct SegmentHeader {
    std::uint64_t cartridge = 0;  ///< drawn by lot when the cartridge was made
    std::uint32_t format = 0;     ///< how often the cartridge was formatted
    std::uint32_t partition = 0;
    std::uint32_t number = 0;
    std::uint64_t first_object = 0;
    std::uint64_t first_filemarks = 0;
    std::uint64_t epoch = 0;
    std::uint32_t previous_bytes = 0;  ///< of the last record of the segment before

    static constexpr std::size_t kBytes = 64;
    bool operator==(const SegmentHeader&) const = default;
};

/// A line of a segment's index: where an object begins. `committed` also says that all before it was synced.
struct IndexEntry {
    bool committed = false;
    std::uint64_t object = 0;
    std::uint64_t filemarks = 0;
    std::uint64_t offset = 0;
    std::uint64_t epoch = 0;
    std::uint32_t previous_bytes = 0;  ///< of the record that ends at `offset`; 0 at the segment's begin

    static constexpr std::size_t kBytes = 48;
    bool operator==(const IndexEntry&) const = default;
};

/// Longer than any block that a drive takes, with room for what encryption adds.
inline constexpr std::uint32_t kMaxStoredBytes = 0x00ff'ffff + 4096;

void encode(const RecordHeader& header, std::span<std::byte, RecordHeader::kBytes> out);
void encode(const SegmentHeader& header, std::span<std::byte, SegmentHeader::kBytes> out);
void encode(const IndexEntry& entry, std::span<std::byte, IndexEntry::kBytes> out);

/// Nothing where checksum, mark or a length is wrong.
[[nodiscard]] std::optional<RecordHeader> decode_record(std::span<const std::byte, RecordHeader::kBytes> raw);
[[nodiscard]] std::optional<SegmentHeader> decode_segment(
    std::span<const std::byte, SegmentHeader::kBytes> raw);
[[nodiscard]] std::optional<IndexEntry> decode_index(std::span<const std::byte, IndexEntry::kBytes> raw);

}  // namespace targe::vtl
