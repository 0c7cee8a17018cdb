// Tokens of blocks, as a test asks for them.
#pragma once

#include "engine/testing/copies.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace targe::engine::testing {

inline constexpr std::size_t kTokenAt =
    38;  // in what RECEIVE ROD TOKEN INFORMATION answers without sense data

struct TokenRange {
    std::uint64_t lba;
    std::uint32_t blocks;
};

inline ByteVector descriptors(const std::vector<TokenRange>& ranges) {
    ByteVector made;
    for (const TokenRange& range : ranges) {
        append(made, range.lba, 8);
        append(made, range.blocks, 4);
        append(made, 0, 4);
    }
    return made;
}

inline ByteVector populate_list(const std::vector<TokenRange>& ranges, std::uint32_t timeout = 0) {
    const ByteVector tail = descriptors(ranges);
    ByteVector list;
    append(list, 14 + tail.size(), 2);
    append(list, 0, 2);
    append(list, timeout, 4);
    append(list, 0, 6);
    append(list, tail.size(), 2);
    return joined({list, tail});
}

inline ByteVector write_list(const ByteVector& token, const std::vector<TokenRange>& ranges,
                             std::uint64_t offset = 0, unsigned flags = 0) {
    const ByteVector tail = descriptors(ranges);
    ByteVector list;
    append(list, 534 + tail.size(), 2);
    append(list, flags, 1);
    append(list, 0, 5);
    append(list, offset, 8);
    list.insert(list.end(), token.begin(), token.end());
    append(list, 0, 6);
    append(list, tail.size(), 2);
    return joined({list, tail});
}

inline ByteVector token_cdb(unsigned action, std::uint32_t id, std::size_t length) {
    ByteVector made = copy_cdb(0x83, action, length);
    for (std::size_t i = 0; i < 4; ++i) {
        made[9 - i] = static_cast<std::byte>(id >> 8U * i);
    }
    return made;
}

struct Tokens : Copies {
    explicit Tokens(SceneOptions options = {}) : Copies(options) { fill(*disk0, 0, 2048); }

    Task& populate(Initiator& who, const std::vector<TokenRange>& ranges, std::uint32_t timeout = 0,
                   std::uint16_t lun = 0) {
        const ByteVector list = populate_list(ranges, timeout);
        return who.run(token_cdb(0x10, 1, list.size()), 0, list, lun);
    }
    static ByteVector information(Initiator& who, std::uint32_t id, std::uint16_t lun = 0) {
        return who.run(copy_cdb(0x84, 7, 1024, id), 1024, {}, lun).data_received;
    }
    ByteVector token(Initiator& who, const std::vector<TokenRange>& ranges, std::uint32_t timeout = 0,
                     std::uint16_t lun = 0) {
        EXPECT_EQ(populate(who, ranges, timeout, lun).status, 0);
        const ByteVector told = information(who, 1, lun);
        EXPECT_EQ(told.size(), kTokenAt + 512);
        return {told.begin() + kTokenAt, told.end()};
    }
    static Task& write(Initiator& who, const ByteVector& list, std::uint16_t lun = 5) {
        return who.run(token_cdb(0x11, 2, list.size()), 0, list, lun);
    }
};

}  // namespace targe::engine::testing
