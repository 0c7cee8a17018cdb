// FORMAT UNIT and SANITIZE, [SBC-3 r36]: what makes a medium forget.
#pragma once

#include "scsi/command_id.h"
#include "scsi/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace targe::scsi {

/// Defect lists other than an empty one, protection information and the short forms of both are not offered.
struct FormatUnitCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kLongList = wire::bit(1, 5);    ///< LONGLIST
    static constexpr wire::Field kFormatData = wire::bit(1, 4);  ///< FMTDATA
    static constexpr wire::Field kCompleteList = wire::bit(1, 3);
    static constexpr wire::Field kDefectListFormat = wire::bits(1, 2, 0);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kLongList, kFormatData, kCompleteList, kDefectListFormat});
};

/// ZNR means something for zoned devices only.
struct SanitizeCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kImmediate = wire::bit(1, 7);         ///< IMMED
    static constexpr wire::Field kUnrestrictedExit = wire::bit(1, 5);  ///< AUSE
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kParameterListLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kImmediate, kUnrestrictedExit, kServiceAction, kParameterListLength});
};

struct Erasure {
    enum class Kind : std::uint8_t {
        format,       ///< everything reads as zeroes afterwards
        block_erase,  ///< the same, and the space is given back where the device can
        overwrite,    ///< every block is written, as often as `passes` says
    };
    Kind kind = Kind::format;
    bool unrestricted_exit = false;  ///< EXIT FAILURE MODE is allowed when it fails
    std::uint8_t passes = 1;
    bool inverts = false;            ///< each pass writes the complement of what the pass before it wrote
    std::vector<std::byte> pattern;  ///< repeated to fill a block; at least one byte for `overwrite`
    bool operator==(const Erasure&) const = default;

    /// What fills a block in a pass, counted from zero.
    void fill(std::span<std::byte> block, std::uint8_t pass) const;
};

struct ErasureRequest {
    Erasure what;
    bool immediate = false;
};

/// How many bytes of parameter list FORMAT UNIT brings: it has no length in its CDB, only a header to read.
[[nodiscard]] std::size_t format_list_bytes(wire::Bytes cdb);

/// Of SANITIZE, known before its parameter list is: why it is refused.
[[nodiscard]] std::optional<Sense> refuse_sanitize(CommandId id, wire::Bytes cdb, std::uint32_t block_size);

/// What FORMAT UNIT, SANITIZE OVERWRITE or SANITIZE BLOCK ERASE asks for.
[[nodiscard]] std::expected<ErasureRequest, Sense> plan_erasure(CommandId id, wire::Bytes cdb,
                                                                wire::Bytes list, std::uint32_t block_size);

/// As it is kept while it goes on, and back.
[[nodiscard]] std::string keep(const Erasure& erasure);
[[nodiscard]] std::optional<Erasure> kept_erasure(std::string_view text);

}  // namespace targe::scsi
