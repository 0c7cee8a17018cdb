#include "scsi/log_parameters.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <span>

namespace targe::scsi {
namespace {

constexpr std::string_view kDate = "accounting-date";
constexpr std::string_view kCycles = "load-unload-cycles";
constexpr std::string_view kApplication = "application.";

std::string hex(std::span<const std::byte> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte b : bytes) {
        text += kDigits[std::to_integer<std::size_t>(b >> 4U)];
        text += kDigits[std::to_integer<std::size_t>(b & std::byte{0x0f})];
    }
    return text;
}

template <class Number>
bool read_number(std::string_view text, Number& value, int base = 10) {
    const char* const last = std::to_address(text.end());
    const auto [end, error] = std::from_chars(std::to_address(text.begin()), last, value, base);
    return error == std::errc{} && end == last;
}

bool read_bytes(std::string_view text, std::span<std::byte> bytes) {
    if (text.size() != bytes.size() * 2) {
        return false;
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::uint8_t value = 0;
        if (!read_number(text.substr(2 * i, 2), value, 16)) {
            return false;
        }
        bytes[i] = std::byte{value};
    }
    return true;
}

bool take_date(std::string_view value, KeptLog& log) {
    std::array<std::byte, LogParameters::kDateBytes> bytes{};
    if (!read_bytes(value, bytes)) {
        return false;
    }
    std::ranges::transform(bytes, log.parameters.accounting_date.begin(),
                           [](std::byte b) { return static_cast<char>(b); });
    return true;
}

bool take_application(std::string_view number, std::string_view value, KeptLog& log) {
    std::uint16_t code = 0;
    LogParameters::Application bytes{};
    if (!read_number(number, code) || code >= LogParameters::kApplicationParameters ||
        !read_bytes(value, bytes)) {
        return false;
    }
    log.parameters.set_application(code, bytes);
    return true;
}

/// A name that is not known is from another release, and is left alone.
bool take_line(std::string_view line, KeptLog& log) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
        return false;
    }
    const std::string_view name = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (name == kDate) {
        return take_date(value, log);
    }
    if (name == kCycles) {
        return read_number(value, log.load_unload_cycles);
    }
    return !name.starts_with(kApplication) || take_application(name.substr(kApplication.size()), value, log);
}

}  // namespace

void LogParameters::set_application(std::uint16_t code, const Application& bytes) {
    if (bytes == Application{}) {
        application.erase(code);
    } else {
        application.insert_or_assign(code, bytes);
    }
}

std::string keep(const KeptLog& log) {
    std::string text(kDate);
    text += "=" + hex(std::as_bytes(std::span(log.parameters.accounting_date))) + "\n";
    text += std::string(kCycles) + "=" + std::to_string(log.load_unload_cycles) + "\n";
    for (const auto& [code, bytes] : log.parameters.application) {
        text += std::string(kApplication) + std::to_string(code) + "=" + hex(bytes) + "\n";
    }
    return text;
}

std::optional<KeptLog> kept_log(std::string_view text) {
    KeptLog log;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos || !take_line(text.substr(0, end), log)) {
            return std::nullopt;
        }
        text.remove_prefix(end + 1);
    }
    return log;
}

}  // namespace targe::scsi
