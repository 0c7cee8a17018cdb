// The parameter list of UNMAP, [SBC-3 r36 5.28].
#pragma once

#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>

namespace targe::scsi {

struct UnmapRange {
    std::uint64_t lba;
    std::uint32_t blocks;
    bool operator==(const UnmapRange&) const = default;
};

/// The block descriptors of a list that parse_unmap() has checked. Looks into the list, which must outlive
/// it and must not change: descriptors are not copied.
class UnmapRanges {
public:
    UnmapRanges() = default;
    explicit UnmapRanges(wire::Bytes descriptors) : descriptors_(descriptors) {}

    [[nodiscard]] std::size_t size() const { return descriptors_.size() / kDescriptorSize; }
    [[nodiscard]] UnmapRange operator[](std::size_t i) const;

    static constexpr std::size_t kDescriptorSize = 16;

private:
    wire::Bytes descriptors_;
};

/// Every range lies within the unit and may be of no blocks; ranges may overlap. An empty list is no error.
[[nodiscard]] std::expected<UnmapRanges, Sense> parse_unmap(wire::Bytes list, const UnitDescription& unit);

}  // namespace targe::scsi
