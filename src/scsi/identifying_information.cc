#include "scsi/identifying_information.h"

#include <charconv>
#include <cstdint>

namespace targe::scsi {
namespace {

enum Type : std::uint8_t { information = 0x00, text = 0x02, supported = 0x7f };

/// Whether `bytes` are well-formed UTF-8 with one NUL, at the end. Overlong forms and surrogates are not
/// looked for: nothing here reads the text.
bool is_terminated_utf_8(std::string_view bytes) {
    if (bytes.find('\0') != bytes.size() - 1) {
        return false;
    }
    std::size_t continuation = 0;
    for (const char c : bytes) {
        const auto byte = static_cast<std::uint8_t>(c);
        const bool continues = (byte & 0xc0U) == 0x80U;
        if (continues != (continuation > 0)) {
            return false;
        }
        if (continues) {
            --continuation;
        } else if (byte >= 0xf8U) {
            return false;
        } else {
            continuation = byte >= 0xf0U ? 3 : byte >= 0xe0U ? 2 : byte >= 0xc0U ? 1 : 0;
        }
    }
    return continuation == 0;
}

std::string characters_of(wire::Bytes bytes) {
    std::string characters;
    for (const std::byte byte : bytes) {
        characters.push_back(static_cast<char>(byte));
    }
    return characters;
}

void write_information(std::string_view information, ParameterWriter& out) {
    out.u16(0);
    out.u16(static_cast<std::uint16_t>(information.size()));
    out.characters(information);
}

void write_supported(ParameterWriter& out) {
    constexpr std::uint16_t kDescriptors = 2 * 4;
    const auto descriptor = [&out](Type type, std::size_t longest) {
        out.u8(static_cast<std::uint8_t>(type << 1U));
        out.u8(0);
        out.u16(static_cast<std::uint16_t>(longest));
    };
    out.u16(0);
    out.u16(kDescriptors);
    descriptor(information, IdentifyingInformation::kMaxInformation);
    descriptor(text, IdentifyingInformation::kMaxText);
}

}  // namespace

std::optional<Sense> report_identifying_information(
    std::span<const std::byte, ReportIdentifyingInformationCdb::kSize> cdb,
    const IdentifyingInformation& current, ParameterWriter& out) {
    using L = ReportIdentifyingInformationCdb;
    switch (wire::get<L::kInformationType>(cdb)) {
        case information:
            write_information(current.information, out);
            return std::nullopt;
        case text:
            write_information(current.text, out);
            return std::nullopt;
        case supported:
            write_supported(out);
            return std::nullopt;
        default:
            return invalid_field(L::kInformationType);
    }
}

std::optional<Sense> refuse_set_identifying_information(
    std::span<const std::byte, SetIdentifyingInformationCdb::kSize> cdb) {
    using L = SetIdentifyingInformationCdb;
    const auto type = wire::get<L::kInformationType>(cdb);
    if (type != information && type != text) {
        return invalid_field(L::kInformationType);
    }
    const std::size_t longest =
        type == text ? IdentifyingInformation::kMaxText : IdentifyingInformation::kMaxInformation;
    return wire::get<L::kParameterListLength>(cdb) > longest
               ? std::optional{invalid_field(L::kParameterListLength)}
               : std::nullopt;
}

std::expected<IdentifyingInformation, Sense> set_identifying_information(
    std::span<const std::byte, SetIdentifyingInformationCdb::kSize> cdb, wire::Bytes list,
    const IdentifyingInformation& current) {
    if (const auto refused = refuse_set_identifying_information(cdb)) {
        return std::unexpected(*refused);
    }
    const std::string given = characters_of(list);
    IdentifyingInformation next = current;
    if (wire::get<SetIdentifyingInformationCdb::kInformationType>(cdb) == information) {
        next.information = given;
        return next;
    }
    if (!given.empty() && !is_terminated_utf_8(given)) {
        return std::unexpected(invalid_parameter(0));
    }
    next.text = given;
    return next;
}

std::string keep(const IdentifyingInformation& information) {
    return std::to_string(information.information.size()) + "\n" + information.information + information.text;
}

std::optional<IdentifyingInformation> kept_identifying_information(std::string_view text) {
    std::size_t first = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), first);
    const auto read = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || read >= text.size() || text[read] != '\n') {
        return std::nullopt;
    }
    const std::string_view rest = text.substr(read + 1);
    if (first > IdentifyingInformation::kMaxInformation || first > rest.size() ||
        rest.size() - first > IdentifyingInformation::kMaxText) {
        return std::nullopt;
    }
    return IdentifyingInformation{.information = std::string(rest.substr(0, first)),
                                  .text = std::string(rest.substr(first))};
}

}  // namespace targe::scsi
