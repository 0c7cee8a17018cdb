#include "scsi/medium_erasure.h"

#include "scsi/cdb.h"

#include <algorithm>
#include <span>

namespace targe::scsi {
namespace {

/// The SANITIZE OVERWRITE parameter list.
struct OverwriteList {
    static constexpr std::size_t kHeader = 4;
    static constexpr wire::Field kInvert = wire::bit(0, 7);
    static constexpr wire::Field kTest = wire::bits(0, 6, 5);
    static constexpr wire::Field kCount = wire::bits(0, 4, 0);
    static constexpr wire::Field kPatternLength = wire::bytes(2, 3);
};

/// Both headers of the FORMAT UNIT parameter list have this byte.
struct FormatList {
    static constexpr std::size_t kShort = 4;
    static constexpr std::size_t kLong = 8;
    static constexpr wire::Field kProtectionUsage = wire::bits(0, 2, 0);
    static constexpr wire::Field kOptionsValid = wire::bit(1, 7);           ///< FOV
    static constexpr wire::Field kDisablePrimary = wire::bit(1, 6);         ///< DPRY
    static constexpr wire::Field kDisableCertification = wire::bit(1, 5);   ///< DCRT
    static constexpr wire::Field kStopFormat = wire::bit(1, 4);             ///< STPF
    static constexpr wire::Field kInitializationPattern = wire::bit(1, 3);  ///< IP
    static constexpr wire::Field kDisableSaving = wire::bit(1, 2);          ///< DSP, obsolete since SBC-3
    static constexpr wire::Field kImmediate = wire::bit(1, 1);              ///< IMMED
    static constexpr wire::Field kShortDefects = wire::bytes(2, 3);
    static constexpr wire::Field kLongInformation = wire::bytes(3, 3);
    static constexpr wire::Field kLongDefects = wire::bytes(4, 7);
};

std::optional<Sense> must_be_zero(wire::Bytes list, wire::Field field) {
    return field_value(list, field) == 0 ? std::nullopt
                                         : std::optional{invalid_parameter(field.byte, field.msb)};
}

/// With FOV cleared the options have to be, too. Set, they may be what they like: there are no lists of
/// defects, nothing is certified, and no format saves mode parameters.
std::optional<Sense> options_without_fov(wire::Bytes list) {
    using L = FormatList;
    if (field_value(list, L::kOptionsValid) != 0) {
        return std::nullopt;
    }
    for (const wire::Field option :
         {L::kDisablePrimary, L::kDisableCertification, L::kStopFormat, L::kDisableSaving}) {
        if (auto refused = must_be_zero(list, option)) {
            return refused;
        }
    }
    return std::nullopt;
}

std::expected<ErasureRequest, Sense> plan_format(wire::Bytes cdb, wire::Bytes list) {
    ErasureRequest request{.what = {.kind = Erasure::Kind::format, .pattern = {}}};
    if (list.empty()) {
        return request;
    }
    const bool is_long = field_value(cdb, FormatUnitCdb::kLongList) != 0;
    if (list.size() < (is_long ? FormatList::kLong : FormatList::kShort)) {
        return std::unexpected(illegal_request(Asc::parameter_list_length_error));
    }
    auto refused = must_be_zero(list, FormatList::kProtectionUsage);
    if (!refused) {
        refused = options_without_fov(list);
    }
    if (!refused) {
        refused = must_be_zero(list, FormatList::kInitializationPattern);
    }
    if (!refused && is_long) {
        refused = must_be_zero(list, FormatList::kLongInformation);
    }
    if (!refused) {
        refused = must_be_zero(list, is_long ? FormatList::kLongDefects : FormatList::kShortDefects);
    }
    if (refused) {
        return std::unexpected(*refused);
    }
    request.immediate = field_value(list, FormatList::kImmediate) != 0;
    return request;
}

std::expected<Erasure, Sense> overwrite(wire::Bytes list, std::uint32_t block_size) {
    if (list.size() < OverwriteList::kHeader) {
        return std::unexpected(illegal_request(Asc::parameter_list_length_error));
    }
    const std::uint64_t count = field_value(list, OverwriteList::kCount);
    const std::uint64_t length = field_value(list, OverwriteList::kPatternLength);
    if (const auto refused = must_be_zero(list, OverwriteList::kTest)) {
        return std::unexpected(*refused);
    }
    if (count == 0) {
        return std::unexpected(invalid_parameter(OverwriteList::kCount.byte, OverwriteList::kCount.msb));
    }
    if (length == 0 || length > block_size || length > list.size() - OverwriteList::kHeader) {
        return std::unexpected(invalid_parameter(OverwriteList::kPatternLength.byte));
    }
    const auto pattern = list.subspan(OverwriteList::kHeader, static_cast<std::size_t>(length));
    return Erasure{.kind = Erasure::Kind::overwrite,
                   .passes = static_cast<std::uint8_t>(count),
                   .inverts = field_value(list, OverwriteList::kInvert) != 0,
                   .pattern = {pattern.begin(), pattern.end()}};
}

}  // namespace

void Erasure::fill(std::span<std::byte> block, std::uint8_t pass) const {
    const std::byte flip = inverts && pass % 2 == 1 ? std::byte{0xff} : std::byte{0};
    for (std::size_t i = 0; i < block.size(); ++i) {
        block[i] = pattern[i % pattern.size()] ^ flip;
    }
}

std::size_t format_list_bytes(wire::Bytes cdb) {
    if (field_value(cdb, FormatUnitCdb::kFormatData) == 0) {
        return 0;
    }
    return field_value(cdb, FormatUnitCdb::kLongList) != 0 ? FormatList::kLong : FormatList::kShort;
}

std::optional<Sense> refuse_sanitize(CommandId id, wire::Bytes cdb, std::uint32_t block_size) {
    using L = SanitizeCdb;
    const std::uint64_t length = field_value(cdb, L::kParameterListLength);
    const bool right = id == CommandId::sanitize_overwrite
                           ? length > OverwriteList::kHeader && length <= block_size + OverwriteList::kHeader
                           : length == 0;
    return right ? std::nullopt : std::optional{invalid_field(L::kParameterListLength)};
}

std::expected<ErasureRequest, Sense> plan_erasure(CommandId id, wire::Bytes cdb, wire::Bytes list,
                                                  std::uint32_t block_size) {
    if (id == CommandId::format_unit) {
        return plan_format(cdb, list);
    }
    ErasureRequest request{.what = {.kind = Erasure::Kind::block_erase, .pattern = {}}};
    if (id == CommandId::sanitize_overwrite) {
        auto what = overwrite(list, block_size);
        if (!what) {
            return std::unexpected(what.error());
        }
        request.what = std::move(*what);
    }
    request.immediate = field_value(cdb, SanitizeCdb::kImmediate) != 0;
    request.what.unrestricted_exit = field_value(cdb, SanitizeCdb::kUnrestrictedExit) != 0;
    return request;
}

std::string keep(const Erasure& erasure) {
    std::string text{static_cast<char>(erasure.kind), static_cast<char>(erasure.unrestricted_exit),
                     static_cast<char>(erasure.passes), static_cast<char>(erasure.inverts)};
    for (const std::byte byte : erasure.pattern) {
        text.push_back(static_cast<char>(byte));
    }
    return text;
}

std::optional<Erasure> kept_erasure(std::string_view text) {
    constexpr std::size_t kFixed = 4;
    constexpr auto kLastKind = static_cast<std::uint8_t>(Erasure::Kind::overwrite);
    if (text.size() < kFixed || static_cast<std::uint8_t>(text[0]) > kLastKind) {
        return std::nullopt;
    }
    Erasure erasure{.kind = static_cast<Erasure::Kind>(text[0]),
                    .unrestricted_exit = text[1] != 0,
                    .passes = static_cast<std::uint8_t>(text[2]),
                    .inverts = text[3] != 0,
                    .pattern = {}};
    for (const char c : text.substr(kFixed)) {
        erasure.pattern.push_back(static_cast<std::byte>(c));
    }
    const bool whole =
        erasure.kind != Erasure::Kind::overwrite || (!erasure.pattern.empty() && erasure.passes > 0);
    return whole ? std::optional{std::move(erasure)} : std::nullopt;
}

}  // namespace targe::scsi
