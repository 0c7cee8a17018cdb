#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace targe::cli {
namespace {

/// Characters on the screen, near enough: UTF-8 continuation bytes take no column.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out.push_back(c);
        }
    }
    return out;
}

void Table::add(std::vector<std::string> cells) {
    for (std::string& cell : cells) {
        cell = cell.empty() ? "-" : printable(cell);
    }
    cells.resize(columns_.size(), "-");
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::string> titles;
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        titles.emplace_back(columns_[i].title);
        std::size_t widest = width(titles.back());
        for (const auto& row : rows_) {
            widest = std::max(widest, width(row[i]));
        }
        widths.push_back(widest);
    }
    std::string out;
    const auto put = [&](const std::vector<std::string>& cells) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const std::string blanks(widths[i] - width(cells[i]), ' ');
            const bool right = columns_[i].align == Align::right;
            line += (i == 0 ? "" : "  ") + (right ? blanks + cells[i] : cells[i] + blanks);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    };
    put(titles);
    std::ranges::for_each(rows_, put);
    return out;
}

std::string bytes_for_people(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    auto amount = static_cast<double>(bytes);
    while (amount >= 1024 && unit + 1 < kUnits.size()) {
        amount /= 1024;
        ++unit;
    }
    const bool whole = amount == static_cast<double>(static_cast<std::uint64_t>(amount));
    return whole ? fmt::format("{:.0f} {}", amount, kUnits[unit])
                 : fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

std::string seconds_for_people(std::uint64_t seconds) {
    constexpr std::array<std::pair<std::uint64_t, std::string_view>, 4> kUnits = {
        {{86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}}};
    for (std::size_t i = 0; i + 1 < kUnits.size(); ++i) {
        const auto [large, large_name] = kUnits[i];
        const auto [small, small_name] = kUnits[i + 1];
        if (seconds >= large) {
            return fmt::format("{}{} {}{}", seconds / large, large_name, seconds % large / small, small_name);
        }
    }
    return fmt::format("{}s", seconds);
}

}  // namespace targe::cli
