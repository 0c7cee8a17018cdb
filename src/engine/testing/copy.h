// Parameter lists of third-party copy, for tests.
#pragma once

#include "engine/testing/initiator.h"
#include "scsi/unit_description.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace targe::engine::testing {

inline void append(ByteVector& to, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = bytes; i-- > 0;) {
        to.push_back(static_cast<std::byte>(value >> 8U * i));
    }
}

/// An identification CSCD descriptor that names the unit by its NAA designator.
inline ByteVector cscd(const scsi::UnitIdentity& identity, std::uint32_t block_size = 512) {
    const bool extended = (identity.naa.front() >> 4U) == std::byte{6};
    const std::size_t length = extended ? 16 : 8;
    ByteVector made{std::byte{0xe4}, std::byte{0}, std::byte{0}, std::byte{0},
                    std::byte{1},    std::byte{3}, std::byte{0}, static_cast<std::byte>(length)};
    made.insert(made.end(), identity.naa.begin(), identity.naa.begin() + static_cast<std::ptrdiff_t>(length));
    made.resize(28);
    append(made, block_size, 4);
    return made;
}

struct BlockSegment {
    std::uint16_t source = 0;
    std::uint16_t destination = 0;
    std::uint16_t blocks = 0;
    std::uint64_t source_lba = 0;
    std::uint64_t destination_lba = 0;
};

inline ByteVector segment(const BlockSegment& what) {
    ByteVector made;
    append(made, 0x02000018, 4);
    append(made, what.source, 2);
    append(made, what.destination, 2);
    append(made, 0, 2);
    append(made, what.blocks, 2);
    append(made, what.source_lba, 8);
    append(made, what.destination_lba, 8);
    return made;
}

inline ByteVector joined(const std::vector<ByteVector>& parts) {
    ByteVector all;
    for (const ByteVector& part : parts) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

inline ByteVector lid1_list(std::uint8_t id, const std::vector<ByteVector>& cscds,
                            const std::vector<ByteVector>& segments, unsigned usage = 0) {
    const ByteVector sources = joined(cscds);
    const ByteVector work = joined(segments);
    ByteVector list{static_cast<std::byte>(id), static_cast<std::byte>(usage << 3U)};
    append(list, sources.size(), 2);
    append(list, 0, 4);
    append(list, work.size(), 4);
    append(list, 0, 4);
    return joined({list, sources, work});
}

inline ByteVector lid4_list(std::uint32_t id, const std::vector<ByteVector>& cscds,
                            const std::vector<ByteVector>& segments, bool immediate = false,
                            unsigned usage = 0) {
    const ByteVector sources = joined(cscds);
    const ByteVector work = joined(segments);
    ByteVector list{std::byte{1}, static_cast<std::byte>(usage << 3U), std::byte{0}, std::byte{0x20}};
    list.resize(15);
    append(list, immediate ? 1 : 0, 1);
    append(list, 0xff, 1);
    append(list, 0, 3);
    append(list, id, 4);
    list.resize(42);
    append(list, sources.size(), 2);
    append(list, work.size(), 2);
    append(list, 0, 2);
    return joined({list, sources, work});
}

/// A CDB of operation code 83h or 84h, with an identifier in bytes 2 to 5, and a length in bytes 10 to 13.
inline ByteVector copy_cdb(unsigned opcode, unsigned action, std::size_t length, std::uint32_t id = 0) {
    ByteVector made{static_cast<std::byte>(opcode), static_cast<std::byte>(action)};
    append(made, id, 4);
    made.resize(10);
    append(made, length, 4);
    made.resize(16);
    return made;
}

}  // namespace targe::engine::testing
