#include "iscsi/text.h"

#include "iscsi/text_value.h"

#include <algorithm>
#include <array>

namespace targe::iscsi {
namespace {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_capital(char c) {
    return c >= 'A' && c <= 'Z';
}
constexpr bool is_label_character(char c) {
    return is_digit(c) || is_capital(c) || (c >= 'a' && c <= 'z') ||
           std::string_view{".-+@_"}.find(c) != std::string_view::npos;
}

// X# keys carry a character that no standard label has, [RFC 7143 13.22].
bool may_be_key(std::string_view text) {
    return !text.empty() && text.size() <= kMaxKeyBytes &&
           std::ranges::all_of(text, [](char c) { return is_label_character(c) || c == '#'; });
}

std::expected<TextPair, TextError> parse_pair(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        return std::unexpected{TextError::no_equals_sign};
    }
    const TextPair pair{.key = text.substr(0, equals), .value = text.substr(equals + 1)};
    if (!may_be_key(pair.key)) {
        return std::unexpected{TextError::malformed_key};
    }
    if (pair.value.size() > kMaxValueBytes) {
        return std::unexpected{TextError::value_too_long};
    }
    return pair;
}

}  // namespace

std::string_view describe(TextError error) {
    switch (error) {
        case TextError::not_terminated:
            return "the last key=value pair does not end in NUL";
        case TextError::no_equals_sign:
            return "text without an equals sign";
        case TextError::malformed_key:
            return "a key that is empty, too long or has characters that no key may have";
        case TextError::value_too_long:
            return "a value that is too long";
        case TextError::too_many_pairs:
            return "too many keys";
        case TextError::duplicate_key:
            return "a key that comes twice";
    }
    __builtin_unreachable();
}

bool is_standard_label(std::string_view text) {
    return !text.empty() && text.size() <= kMaxKeyBytes && is_capital(text.front()) &&
           std::ranges::all_of(text, is_label_character);
}

bool is_iscsi_name(std::string_view text) {
    constexpr std::size_t kMaxNameBytes = 223;
    constexpr std::array<std::string_view, 3> kTypes = {"iqn.", "eui.", "naa."};
    const auto type = std::ranges::find_if(kTypes, [&](std::string_view t) { return text.starts_with(t); });
    if (type == kTypes.end() || text.size() <= type->size() || text.size() > kMaxNameBytes ||
        !is_printable_utf8(text)) {
        return false;
    }
    // Bytes of multi-byte UTF-8 characters pass; of ASCII only what [RFC 7143 4.2.7] allows, and
    // capitals and the underscore, which initiators use although stringprep would fold or forbid them.
    return std::ranges::all_of(text, [](char c) {
        return (static_cast<unsigned char>(c) & 0x80U) != 0 ||
               (is_label_character(c) && c != '+' && c != '@') || c == ':';
    });
}

std::string canonical_name(std::string_view name) {
    std::string canonical{name};
    for (char& c : canonical) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return canonical;
}

std::expected<std::vector<TextPair>, TextError> parse_text(std::string_view text) {
    std::vector<TextPair> pairs;
    while (!text.empty()) {
        const std::size_t end = text.find('\0');
        if (end == std::string_view::npos) {
            return std::unexpected{TextError::not_terminated};
        }
        const std::string_view one = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (one.empty()) {
            continue;  // pairs are separated by at least one NUL, [RFC 7143 6.1]
        }
        const auto pair = parse_pair(one);
        if (!pair) {
            return std::unexpected{pair.error()};
        }
        if (pairs.size() == kMaxTextPairs) {
            return std::unexpected{TextError::too_many_pairs};
        }
        if (std::ranges::find(pairs, pair->key, &TextPair::key) != pairs.end()) {
            return std::unexpected{TextError::duplicate_key};
        }
        pairs.push_back(*pair);
    }
    return pairs;
}

bool TextAccumulator::append(std::span<const std::byte> data) {
    if (data.size() > limit_bytes_ - text_.size()) {
        return false;
    }
    text_.append(data.size(), '\0');
    std::ranges::transform(data, text_.end() - static_cast<std::ptrdiff_t>(data.size()),
                           [](std::byte b) { return static_cast<char>(b); });
    return true;
}

void TextAnswer::add(std::string_view key, std::string_view value) {
    text_.append(key).append(1, '=').append(value).append(1, '\0');
}

TextAnswer::Piece TextAnswer::next(std::size_t max_bytes) {
    Piece piece{.data = text_.substr(sent_, max_bytes)};
    sent_ += piece.data.size();
    piece.more = !empty();
    return piece;
}

}  // namespace targe::iscsi
