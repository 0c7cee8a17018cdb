// Bytes for tests: written as the standards' tables are, read back as numbers.
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/unit_description.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace targe::scsi::testing {

using ByteVector = std::vector<std::byte>;

inline ByteVector bytes(std::initializer_list<unsigned> values) {
    ByteVector made;
    for (const unsigned value : values) {
        made.push_back(static_cast<std::byte>(value));
    }
    return made;
}

inline ByteVector operator+(ByteVector left, const ByteVector& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

inline ByteVector text(std::string_view characters) {
    ByteVector made;
    for (const char c : characters) {
        made.push_back(static_cast<std::byte>(c));
    }
    return made;
}

/// What `write` puts into a parameter writer with room for `room` bytes, over old content that must not show.
template <class Write>
ByteVector written(Write write, std::size_t room = 8192) {
    ByteVector memory(room, std::byte{0xee});
    ParameterWriter out{memory};
    write(out);
    return {out.written().begin(), out.written().end()};
}

inline UnitDescription thin_disk() {
    UnitDescription unit;
    unit.identity.product = "disk0";
    unit.identity.serial = "0123456789abcdef";
    unit.identity.t10_vendor_specific = "disk0 0123";
    for (unsigned i = 0; i < 16; ++i) {
        unit.identity.naa.at(i) = static_cast<std::byte>(i == 0 ? 0x60U : i);
    }
    unit.blocks = 2048000;
    unit.physical_block_exponent = 3;
    unit.provisioning = {.managed = true,
                         .unmap = true,
                         .write_same_16 = true,
                         .write_same_10 = true,
                         .unmapped_blocks_read_zero = true};
    unit.limits.max_unmap = 0x10'0000;
    unit.limits.max_unmap_descriptors = 256;
    unit.limits.optimal_unmap_granularity = 8;
    unit.limits.unmap_granularity_alignment = 0;
    return unit;
}

}  // namespace targe::scsi::testing
