// Tokens that stand for data: ROD tokens, [SPC-4 r37] and [SBC-3 r36].
#pragma once

#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <vector>

namespace targe::scsi {

inline constexpr std::size_t kRodTokenBytes = 512;
using RodTokenBytes = std::array<std::byte, kRodTokenBytes>;

/// What a token promises of the data that it stands for.
enum class RodType : std::uint32_t {
    /// They are what they were when it was made. It is worth nothing any more once one of them was written.
    change_vulnerable = 0x0080'0001,
    /// They are zeroes. Anybody can make one.
    zeroes = 0xffff'0001,
};

[[nodiscard]] std::uint32_t rod_type(const RodTokenBytes& token);

struct RodTokenMaker {
    const UnitDescription& unit;            ///< where the data are
    std::string_view target;                ///< the name of the target device
    std::uint64_t bytes;                    ///< that it stands for
    std::span<const std::byte, 32> secret;  ///< so that nobody makes one up
};
[[nodiscard]] RodTokenBytes make_rod_token(const RodTokenMaker& maker);

/// Blocks of a unit, by one block device range descriptor.
struct TokenRange {
    std::uint64_t lba = 0;
    std::uint64_t blocks = 0;
    bool operator==(const TokenRange&) const = default;
};

struct PopulateToken {
    std::uint32_t timeout_s = 0;
    std::uint64_t blocks = 0;        ///< of all ranges
    std::vector<TokenRange> ranges;  ///< none of no blocks, and none that overlaps another
};
/// `list` is not empty.
[[nodiscard]] std::expected<PopulateToken, Sense> parse_populate_token(wire::Bytes list,
                                                                       const UnitDescription& unit);

struct WriteUsingToken {
    bool immediate = false;
    bool deletes = false;      ///< DEL_TKN: the token is done with afterwards
    std::uint64_t offset = 0;  ///< blocks of the token's data that are passed over
    RodTokenBytes token{};
    std::uint64_t blocks = 0;
    std::vector<TokenRange> ranges;
};
[[nodiscard]] std::expected<WriteUsingToken, Sense> parse_write_using_token(wire::Bytes list,
                                                                            const UnitDescription& unit);

}  // namespace targe::scsi
