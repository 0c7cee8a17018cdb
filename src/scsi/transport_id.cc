#include "scsi/transport_id.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace targe::scsi {
namespace {

constexpr std::size_t kHeader = 4;
constexpr std::size_t kLeastAdditional = 20;
constexpr unsigned kProtocolIscsi = 0x05;
constexpr unsigned kFormatDevice = 0x00;
constexpr unsigned kFormatPort = 0x40;
constexpr std::string_view kSeparator = ",i,0x";
constexpr std::size_t kIsidDigits = 12;

constexpr std::size_t padded(std::size_t size) {
    return (size + 3U) & ~std::size_t{3};
}

std::size_t additional_length(const InitiatorPort& port) {
    const std::size_t text = port.name.size() + kSeparator.size() + kIsidDigits + 1;
    return std::max(kLeastAdditional, padded(text));
}

std::string text_of(wire::Bytes bytes) {
    std::string text;
    for (const std::byte byte : bytes) {
        if (byte == std::byte{0}) {
            break;  // whatever the length says
        }
        text.push_back(static_cast<char>(byte));
    }
    return text;
}

/// Of an iSCSI name: no blanks and no control characters, nor the comma, which ends it here.
bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kMaxIscsiName && std::ranges::none_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= 0x20 || byte == 0x7f || c == ',';
    });
}

std::optional<std::uint64_t> isid_of(std::string_view digits) {
    std::uint64_t isid = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), isid, 16);
    const bool good = error == std::errc{} && stop == digits.data() + digits.size() && !digits.empty() &&
                      digits.size() <= kIsidDigits;
    return good ? std::optional{isid} : std::nullopt;
}

std::optional<TransportId> identity(std::string_view text, bool names_port) {
    if (!names_port) {
        return is_name(text) ? std::optional{TransportId{.name = folded(text), .isid = {}}} : std::nullopt;
    }
    const std::size_t at = text.find(kSeparator);
    if (at == std::string_view::npos || !is_name(text.substr(0, at))) {
        return std::nullopt;
    }
    const auto isid = isid_of(text.substr(at + kSeparator.size()));
    if (!isid) {
        return std::nullopt;
    }
    return TransportId{.name = folded(text.substr(0, at)), .isid = isid};
}

}  // namespace

std::string folded(std::string_view iscsi_name) {
    std::string name(iscsi_name);
    std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return name;
}

InitiatorPort initiator_port(std::string_view iscsi_name, std::uint64_t isid) {
    return {.isid = isid, .name = folded(iscsi_name)};
}

std::expected<TransportIdAt, std::size_t> read_transport_id(wire::Bytes bytes) {
    if (bytes.size() < kHeader + kLeastAdditional) {
        return std::unexpected(std::size_t{0});
    }
    const auto first = std::to_integer<unsigned>(bytes[0]);
    const unsigned format = first & 0xc0U;
    if ((first & 0x0fU) != kProtocolIscsi || (format != kFormatDevice && format != kFormatPort)) {
        return std::unexpected(std::size_t{0});
    }
    const std::size_t additional =
        std::to_integer<std::size_t>(bytes[2]) << 8U | std::to_integer<std::size_t>(bytes[3]);
    if (additional < kLeastAdditional || additional % 4 != 0 || additional > bytes.size() - kHeader) {
        return std::unexpected(std::size_t{2});
    }
    auto id = identity(text_of(bytes.subspan(kHeader, additional)), format == kFormatPort);
    if (!id) {
        return std::unexpected(kHeader);
    }
    return TransportIdAt{.id = std::move(*id), .size = kHeader + additional};
}

std::size_t transport_id_size(const InitiatorPort& port) {
    return kHeader + additional_length(port);
}

void write_transport_id(const InitiatorPort& port, ParameterWriter& out) {
    const std::size_t additional = additional_length(port);
    out.u8(static_cast<std::uint8_t>(kFormatPort | kProtocolIscsi));
    out.u8(0);
    out.u16(static_cast<std::uint16_t>(additional));
    out.characters(port.name);
    out.characters(kSeparator);
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (std::size_t i = kIsidDigits; i-- > 0;) {
        out.u8(static_cast<std::uint8_t>(kDigits[(port.isid >> (4U * i)) & 0xfU]));
    }
    out.zeroes(additional - port.name.size() - kSeparator.size() - kIsidDigits);
}

}  // namespace targe::scsi
