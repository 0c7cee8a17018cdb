// Amounts as people write them: "10GiB", "15s".
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace targe::admin {

/// Whole bytes, or B, KiB, MiB, GiB, TiB, PiB after a whole number. The error says what is wrong with it.
[[nodiscard]] std::expected<std::uint64_t, std::string> parse_size(std::string_view text);

/// ms, s, min, h after a whole number.
[[nodiscard]] std::expected<std::chrono::milliseconds, std::string> parse_duration(std::string_view text);

/// The largest unit that says it exactly: "10GiB", "1000B".
[[nodiscard]] std::string size_text(std::uint64_t bytes);
/// "15s"
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);

}  // namespace targe::admin
