// The parameter lists of EXTENDED COPY(LID1) and (LID4), [SPC-4 r37 6.4].
#pragma once

#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <vector>

namespace targe::scsi {

/// How a copy is named: by one byte, or by four. An initiator may use both at a time, each for itself.
enum class ListIdKind : std::uint8_t { lid1, lid4 };

struct CopyListId {
    ListIdKind kind = ListIdKind::lid1;
    std::uint32_t value = 0;
    bool operator==(const CopyListId&) const = default;
};

/// LIST ID USAGE: whether what became of the copy is kept until it is asked for.
enum class ListIdUsage : std::uint8_t {
    hold = 0b00,     ///< also what a copy had to tell that ended well
    discard = 0b10,  ///< only while it is under way, and when it failed
    none = 0b11,     ///< the copy has no identifier
};

/// A CSCD descriptor of type E4h: a copy source or copy destination, by one of the designators of its Device
/// Identification page.
struct Cscd {
    static constexpr std::size_t kMaxDesignatorBytes = 20;

    bool null = false;  ///< NUL: not to be accessed
    std::uint8_t device_type = 0;
    std::uint8_t code_set = 0;
    std::uint8_t association_and_type = 0;  ///< as the byte of the designator: ASSOCIATION, DESIGNATOR TYPE
    std::uint8_t designator_bytes = 0;
    std::array<std::byte, kMaxDesignatorBytes> designator{};
    std::uint32_t block_bytes = 0;  ///< DISK BLOCK LENGTH
    bool pad = false;

    [[nodiscard]] std::span<const std::byte> name() const {
        return std::span{designator}.first(designator_bytes);
    }
};

/// Whether the Device Identification page of a unit has the designator.
[[nodiscard]] bool designates(const Cscd& cscd, const UnitIdentity& identity);

/// A segment descriptor that copies from one block device to another.
struct CopySegment {
    enum class Type : std::uint8_t { blocks = 0x02, bytes_with_offset = 0x0a };

    Type type = Type::blocks;
    bool counts_destination_blocks = false;  ///< DC
    bool catenates = false;                  ///< CAT
    std::uint16_t source = 0;                ///< index of a CSCD descriptor
    std::uint16_t destination = 0;
    std::uint32_t count = 0;  ///< blocks, or bytes
    std::uint64_t source_lba = 0;
    std::uint64_t destination_lba = 0;
    std::uint16_t source_offset = 0;  ///< in bytes, from the beginning of the block
    std::uint16_t destination_offset = 0;
};

struct ExtendedCopy {
    CopyListId id;
    ListIdUsage usage = ListIdUsage::hold;
    bool immediate = false;             ///< IMMED: status before the work is done
    std::vector<Cscd> cscds;            // at most copy_limits::kCscdDescriptors
    std::vector<CopySegment> segments;  // at most copy_limits::kSegmentDescriptors
};

/// Reads the list, which is not empty. What it asks for may still be impossible: see plan_segment().
[[nodiscard]] std::expected<ExtendedCopy, Sense> parse_extended_copy(ListIdKind kind, wire::Bytes list);

/// Blocks of a copy, with both ends whole blocks of their units.
struct CopyExtent {
    std::uint64_t source_lba = 0;
    std::uint64_t destination_lba = 0;
    std::uint64_t bytes = 0;
    bool operator==(const CopyExtent&) const = default;
};

/// The bytes that a segment moves; `number` is its place in the list, for the sense data. What is not a whole
/// number of blocks at both ends cannot be copied: nothing is padded, and nothing kept for the next segment.
[[nodiscard]] std::expected<CopyExtent, Sense> plan_segment(const CopySegment& segment, std::uint16_t number,
                                                            const UnitDescription& source,
                                                            const UnitDescription& destination);

}  // namespace targe::scsi
