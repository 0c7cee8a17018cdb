#include "iscsi/text_value.h"

#include <charconv>
#include <memory>

namespace targe::iscsi {
namespace {

bool has_prefix(std::string_view text, char letter) {
    return text.size() >= 2 && text[0] == '0' && (text[1] | 0x20) == letter;
}

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<unsigned>(c - 'a' + 10);
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<unsigned>(c - 'A' + 10);
    }
    return std::nullopt;
}

std::optional<unsigned> base64_digit(char c) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t at = kDigits.find(c);
    return at == std::string_view::npos ? std::nullopt : std::optional{static_cast<unsigned>(at)};
}

struct Utf8Form {
    std::size_t length;
    std::uint32_t least;  ///< smaller code points have a shorter form
};

Utf8Form utf8_form(unsigned char lead) {
    if (lead < 0x80U) {
        return {.length = 1, .least = 0x20};
    }
    if ((lead & 0xe0U) == 0xc0U) {
        return {.length = 2, .least = 0xa0};  // 80h to 9Fh are control characters
    }
    if ((lead & 0xf0U) == 0xe0U) {
        return {.length = 3, .least = 0x800};
    }
    return {.length = (lead & 0xf8U) == 0xf0U ? std::size_t{4} : std::size_t{0}, .least = 0x10000};
}

/// Takes one printable character off the front; false when there is none.
bool skip_printable(std::string_view& text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const Utf8Form form = utf8_form(lead);
    if (form.length == 0 || form.length > text.size()) {
        return false;
    }
    std::uint32_t code = form.length == 1 ? lead : lead & (0x7fU >> form.length);
    for (const char c : text.substr(1, form.length - 1)) {
        const auto next = static_cast<unsigned char>(c);
        if ((next & 0xc0U) != 0x80U) {
            return false;
        }
        code = code << 6U | (next & 0x3fU);
    }
    text.remove_prefix(form.length);
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= form.least && code != 0x7f && !surrogate && code <= 0x10ffff;
}

std::optional<std::vector<std::byte>> parse_hex(std::string_view digits, std::size_t max_bytes) {
    if (digits.size() % 2 != 0 || digits.size() / 2 > max_bytes) {
        return std::nullopt;
    }
    std::vector<std::byte> bytes;
    bytes.reserve(digits.size() / 2);
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        const auto high = hex_digit(digits[i]);
        const auto low = hex_digit(digits[i + 1]);
        if (!high || !low) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<std::byte>(*high << 4U | *low));
    }
    return bytes;
}

// [RFC 4648 4]. Padding may be missing, but what is there must fill the last group of four.
std::optional<std::vector<std::byte>> parse_base64(std::string_view digits, std::size_t max_bytes) {
    const std::size_t length = digits.size();
    for (int pads = 0; pads < 2 && length % 4 == 0 && digits.ends_with('='); ++pads) {
        digits.remove_suffix(1);
    }
    if (digits.size() % 4 == 1 || digits.size() * 3 / 4 > max_bytes) {
        return std::nullopt;
    }
    std::vector<std::byte> bytes;
    bytes.reserve(digits.size() * 3 / 4);
    std::uint32_t run = 0;
    unsigned run_bits = 0;
    for (const char c : digits) {
        const auto digit = base64_digit(c);
        if (!digit) {
            return std::nullopt;
        }
        run = (run << 6U | *digit) & 0xffffU;
        run_bits += 6;
        if (run_bits >= 8) {
            run_bits -= 8;
            bytes.push_back(static_cast<std::byte>(run >> run_bits & 0xffU));
        }
    }
    return bytes;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
    int base = 10;
    if (has_prefix(text, 'x')) {
        text.remove_prefix(2);
        base = 16;
    } else if (text.size() > 1 && text.front() == '0') {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    const std::span<const char> digits{text};
    const char* const end = std::to_address(digits.end());
    const auto [stop, error] = std::from_chars(std::to_address(digits.begin()), end, value, base);
    if (error != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return value;
}

bool is_printable_utf8(std::string_view text) {
    while (!text.empty()) {
        if (!skip_printable(text)) {
            return false;
        }
    }
    return true;
}

std::optional<bool> parse_boolean(std::string_view text) {
    if (text == "Yes") {
        return true;
    }
    if (text == "No") {
        return false;
    }
    return std::nullopt;
}

std::optional<std::string_view> ListReader::next() {
    if (!rest_) {
        return std::nullopt;
    }
    const std::size_t comma = rest_->find(',');
    const std::string_view element = rest_->substr(0, comma);
    rest_ = comma == std::string_view::npos ? std::nullopt : std::optional{rest_->substr(comma + 1)};
    return element;
}

std::optional<std::vector<std::byte>> parse_binary(std::string_view text, std::size_t max_bytes) {
    if (has_prefix(text, 'x')) {
        return parse_hex(text.substr(2), max_bytes);
    }
    if (has_prefix(text, 'b')) {
        return parse_base64(text.substr(2), max_bytes);
    }
    return std::nullopt;
}

std::string to_hex(std::span<const std::byte> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text = "0x";
    text.reserve(2 + 2 * bytes.size());
    for (const std::byte b : bytes) {
        text.push_back(kDigits[std::to_integer<unsigned>(b >> 4U)]);
        text.push_back(kDigits[std::to_integer<unsigned>(b & std::byte{0xf})]);
    }
    return text;
}

}  // namespace targe::iscsi
