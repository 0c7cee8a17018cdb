#include "admin/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <span>
#include <system_error>

namespace targe::admin {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr auto kSizes = std::to_array<Unit>({{"PiB", std::uint64_t{1} << 50U},
                                             {"TiB", std::uint64_t{1} << 40U},
                                             {"GiB", std::uint64_t{1} << 30U},
                                             {"MiB", std::uint64_t{1} << 20U},
                                             {"KiB", std::uint64_t{1} << 10U},
                                             {"B", 1}});
constexpr auto kDurations = std::to_array<Unit>({{"h", 3'600'000}, {"min", 60'000}, {"s", 1'000}, {"ms", 1}});

std::string names(std::span<const Unit> units) {
    std::string text;
    for (const Unit& unit : units) {
        text.append(text.empty() ? "" : ", ").append(unit.name);
    }
    return text;
}

/// "10G" and "10GB" for "10GiB": people write them, and tools differ in what they mean by them.
std::string misspelt(std::uint64_t number, std::string_view unit_text, std::span<const Unit> units) {
    const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
    for (const Unit& unit : units) {
        const bool like = unit.name.ends_with("iB") &&
                          same(unit_text.front(), static_cast<char>(unit.name.front() - 'A' + 'a'));
        if (like &&
            (unit_text.size() == 1 || std::ranges::equal(unit_text.substr(1), std::string_view("b"), same) ||
             std::ranges::equal(unit_text.substr(1), std::string_view("ib"), same))) {
            return fmt::format("'{}' is no unit; probably {}{} is meant", unit_text, number, unit.name);
        }
    }
    return {};
}

std::expected<std::uint64_t, std::string> parse(std::string_view text, std::span<const Unit> units) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) {
        return std::unexpected("the number is too large");
    }
    if (error != std::errc{}) {
        return std::unexpected("it does not begin with a whole number");
    }
    std::string_view unit_text = text.substr(static_cast<std::size_t>(end - text.data()));
    if (unit_text.starts_with(' ')) {
        unit_text.remove_prefix(1);
    }
    for (const Unit& unit : units) {
        if (unit.name == unit_text) {
            if (number > UINT64_MAX / unit.factor) {
                return std::unexpected("the number is too large");
            }
            return number * unit.factor;
        }
    }
    if (unit_text.empty()) {
        return std::unexpected(fmt::format("it has no unit ({})", names(units)));
    }
    if (unit_text.starts_with('.') || unit_text.starts_with(',')) {
        return std::unexpected(
            fmt::format("it is no whole number; a smaller unit makes it one ({})", names(units)));
    }
    if (const std::string meant = misspelt(number, unit_text, units); !meant.empty()) {
        return std::unexpected(meant);
    }
    return std::unexpected(fmt::format("'{}' is no unit; the units are {}", unit_text, names(units)));
}

std::string text_of(std::uint64_t amount, std::span<const Unit> units) {
    for (const Unit& unit : units) {
        if (amount != 0 && amount % unit.factor == 0) {
            return fmt::format("{}{}", amount / unit.factor, unit.name);
        }
    }
    return fmt::format("{}{}", amount, units.back().name);
}

}  // namespace

std::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
    return parse(text, kSizes);
}

std::expected<std::chrono::milliseconds, std::string> parse_duration(std::string_view text) {
    const auto ms = parse(text, kDurations);
    if (!ms) {
        return std::unexpected(ms.error());
    }
    if (*ms > INT64_MAX) {
        return std::unexpected("the number is too large");
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(*ms));
}

std::string size_text(std::uint64_t bytes) {
    return text_of(bytes, kSizes);
}

std::string duration_text(std::chrono::milliseconds duration) {
    return text_of(static_cast<std::uint64_t>(duration.count()), kDurations);
}

}  // namespace targe::admin
