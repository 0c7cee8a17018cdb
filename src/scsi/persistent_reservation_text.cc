#include "scsi/persistent_reservation_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>
#include <vector>

namespace targe::scsi {
namespace {

// A line each, ended by a line feed:
//   persistent reservations 1
//   kept 0|1
//   reserved TYPE                                 0 without a reservation
//   registrant KEY PORT ISID HOLDS NAME           in hexadecimal, but for HOLDS, 0 or 1; %XX in NAME
//   end
constexpr std::string_view kTitle = "persistent reservations 1";
constexpr std::string_view kDigits = "0123456789abcdef";

std::string hex(std::uint64_t value, std::size_t digits) {
    std::string text(digits, '0');
    for (std::size_t i = digits; i-- > 0; value >>= 4U) {
        text[i] = kDigits[value & 0xfU];
    }
    return text;
}

std::string escaped(std::string_view name) {
    std::string text;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte == 0x7f || c == '%') {
            text += '%' + hex(byte, 2);
        } else {
            text += c;
        }
    }
    return text;
}

std::optional<std::uint64_t> number(std::string_view digits, int base) {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    return error == std::errc{} && stop == digits.data() + digits.size() && !digits.empty()
               ? std::optional{value}
               : std::nullopt;
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string name;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            name += text[i];
            continue;
        }
        const auto byte = number(text.substr(i + 1, 2), 16);
        if (!byte || text.size() < i + 3) {
            return std::nullopt;
        }
        name += static_cast<char>(*byte);
        i += 2;
    }
    return name;
}

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

std::optional<std::uint64_t> value_of(std::string_view line, std::string_view name) {
    return line.starts_with(name) ? number(line.substr(name.size()), 10) : std::nullopt;
}

bool read_registrant(std::string_view line, PersistentReservations& unit) {
    const auto parts = split(line, ' ');
    if (parts.size() != 6 || parts[0] != "registrant") {
        return false;
    }
    const auto key = number(parts[1], 16);
    const auto port = number(parts[2], 16);
    const auto isid = number(parts[3], 16);
    const auto name = unescaped(parts[5]);
    if (!key || !port || *port > UINT16_MAX || !isid || !name) {
        return false;
    }
    unit.registrants.push_back({.nexus = {.target_port = static_cast<std::uint16_t>(*port),
                                          .initiator = {.isid = *isid, .name = *name}},
                                .key = *key});
    if (parts[4] == "1") {
        unit.holder = unit.registrants.back().nexus;
    }
    return true;
}

/// What no action can have led to.
bool is_consistent(const PersistentReservations& unit) {
    for (const Registrant& each : unit.registrants) {
        if (each.key == 0 || unit.find(each.nexus) != &each) {
            return false;
        }
    }
    const bool one_holder = unit.reserved && !is_all_registrants(*unit.reserved);
    return one_holder == unit.holder.has_value() && (!unit.reserved || !unit.registrants.empty());
}

}  // namespace

std::string to_text(const PersistentReservations& unit) {
    std::string text{kTitle};
    const bool kept = unit.through_power_loss;
    const unsigned type = kept && unit.reserved ? std::to_underlying(*unit.reserved) : 0;
    text += kept ? "\nkept 1\n" : "\nkept 0\n";
    text += "reserved " + std::to_string(type) + "\n";
    for (const Registrant& each : unit.registrants) {
        if (!kept) {
            break;
        }
        text += "registrant " + hex(each.key, 16) + ' ' + hex(each.nexus.target_port, 4) + ' ' +
                hex(each.nexus.initiator.isid, 12) + (unit.holder == each.nexus ? " 1 " : " 0 ") +
                escaped(each.nexus.initiator.name) + '\n';
    }
    return text + "end\n";
}

std::optional<PersistentReservations> reservations_from_text(std::string_view text) {
    const auto lines = split(text, '\n');
    const std::size_t count = lines.size();
    if (count < 5 || count > kMaxRegistrants + 5 || lines[0] != kTitle || lines[count - 2] != "end" ||
        !lines[count - 1].empty()) {
        return std::nullopt;
    }
    PersistentReservations unit;
    const auto type = value_of(lines[2], "reserved ");
    unit.through_power_loss = value_of(lines[1], "kept ") == 1U;
    unit.reserved = type && *type <= 0xf ? reservation_type(static_cast<std::uint8_t>(*type)) : std::nullopt;
    for (std::size_t i = 3; i < count - 2; ++i) {
        if (!read_registrant(lines[i], unit)) {
            return std::nullopt;
        }
    }
    // Whatever it would not have been written as is not what was written.
    return is_consistent(unit) && to_text(unit) == text ? std::optional{std::move(unit)} : std::nullopt;
}

}  // namespace targe::scsi
