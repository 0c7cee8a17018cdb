// The values that text keys have: numbers, booleans, lists, binary values, [RFC 7143 6.1].
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace targe::iscsi {

/// Answers that any key may get, [RFC 7143 6.2].
inline constexpr std::string_view kReject = "Reject";
inline constexpr std::string_view kNotUnderstood = "NotUnderstood";
inline constexpr std::string_view kIrrelevant = "Irrelevant";

/// True of what an initiator says about a key that the target sent; it must not be answered again.
[[nodiscard]] constexpr bool is_refusal(std::string_view value) {
    return value == kReject || value == kNotUnderstood || value == kIrrelevant;
}

/// Decimal without leading zeros, or hexadecimal after 0x, up to 2**64 - 1.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);

/// Well-formed UTF-8 without control characters: fit for a log, JSON and a web page.
[[nodiscard]] bool is_printable_utf8(std::string_view text);

/// "Yes" or "No".
[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text);
[[nodiscard]] constexpr std::string_view to_text(bool value) {
    return value ? "Yes" : "No";
}

/// Cuts the first element off a comma-separated list; nothing when the list is used up.
/// An empty list has one empty element.
class ListReader {
public:
    explicit ListReader(std::string_view list) : rest_(list) {}
    [[nodiscard]] std::optional<std::string_view> next();

private:
    std::optional<std::string_view> rest_;
};

/// Bytes written as hexadecimal after 0x or as base64 after 0b. Nothing when the text is neither, or has
/// more than `max_bytes`.
[[nodiscard]] std::optional<std::vector<std::byte>> parse_binary(std::string_view text,
                                                                 std::size_t max_bytes);

/// 0x and hexadecimal digits, which every initiator reads.
[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);

}  // namespace targe::iscsi
