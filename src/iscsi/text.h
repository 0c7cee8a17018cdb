// Key=value text as login and text PDUs carry it: put together from PDUs, cut into pairs, answered, split
// again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace targe::iscsi {

/// Views into the text that was parsed.
struct TextPair {
    std::string_view key;
    std::string_view value;
    bool operator==(const TextPair&) const = default;
};

enum class TextError : std::uint8_t {
    not_terminated,  ///< the last pair lacks its NUL
    no_equals_sign,
    malformed_key,
    value_too_long,
    too_many_pairs,
    duplicate_key,
};

/// For the log.
[[nodiscard]] std::string_view describe(TextError error);

/// A standard-label may not be longer, [RFC 7143 6.1].
inline constexpr std::size_t kMaxKeyBytes = 63;
/// Room for the longest value there is: a binary value of 1024 bytes in hexadecimal, [RFC 7143 6.1].
inline constexpr std::size_t kMaxValueBytes = 8192;
/// One negotiation may name no more keys. There are some forty that anybody ever registered.
inline constexpr std::size_t kMaxTextPairs = 256;
/// What the initiator may send before its text is complete.
inline constexpr std::size_t kMaxTextBytes = 65536;

/// Letters, digits and .-+@_ after a capital letter, [RFC 7143 6.1].
[[nodiscard]] bool is_standard_label(std::string_view text);

/// iqn., eui. or naa. and up to 223 bytes without blanks, [RFC 7143 4.2.7].
[[nodiscard]] bool is_iscsi_name(std::string_view text);
/// A name as it is compared: capitals of ASCII are folded, [RFC 7143 4.2.7.2].
[[nodiscard]] std::string canonical_name(std::string_view name);

/// The pairs in the order in which they came. A key that is not a standard label but looks like a
/// key is kept: it is answered NotUnderstood like any other that nobody knows.
[[nodiscard]] std::expected<std::vector<TextPair>, TextError> parse_text(std::string_view text);

/// Text that arrives over several PDUs, of which all but the last have the C bit, [RFC 7143 6.2].
class TextAccumulator {
public:
    explicit TextAccumulator(std::size_t limit_bytes = kMaxTextBytes) : limit_bytes_(limit_bytes) {}

    /// False, and nothing is taken, when the text would outgrow the limit.
    [[nodiscard]] bool append(std::span<const std::byte> data);
    [[nodiscard]] std::string_view text() const { return text_; }
    void clear() { text_.clear(); }

private:
    std::size_t limit_bytes_;
    std::string text_;
};

/// The text of an answer, handed out in pieces that fit a PDU.
class TextAnswer {
public:
    struct Piece {
        std::string data;
        bool more = false;  ///< the C bit: the rest follows after an empty request
    };

    void add(std::string_view key, std::string_view value);
    [[nodiscard]] bool empty() const { return sent_ == text_.size(); }
    /// All that has not been handed out yet.
    [[nodiscard]] std::string_view text() const { return std::string_view{text_}.substr(sent_); }
    /// The next `max_bytes` at most.
    [[nodiscard]] Piece next(std::size_t max_bytes);

private:
    std::string text_;
    std::size_t sent_ = 0;
};

}  // namespace targe::iscsi
