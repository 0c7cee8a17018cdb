#include "scsi/command_table.h"

#include "base/assert.h"
#include "scsi/block_commands.h"
#include "scsi/copy_commands.h"
#include "scsi/diagnostic_commands.h"
#include "scsi/erasure_commands.h"
#include "scsi/log_commands.h"
#include "scsi/maintenance_commands.h"
#include "scsi/multimedia_commands.h"
#include "scsi/parameter_cdbs.h"
#include "scsi/reservation_commands.h"
#include "scsi/start_stop_unit.h"
#include "scsi/unit_commands.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

namespace targe::scsi {
namespace {

constexpr auto key_of = [](const CommandInfo& row) {
    return row.opcode << 8 | row.service_action.value_or(0);
};

/// The rows of all families, in order. Stable: rows of the same command keep the order that they were written
/// in.
template <std::size_t... N>
consteval auto in_order(const std::array<CommandInfo, N>&... families) {
    std::vector<CommandInfo> all;
    (all.insert(all.end(), families.begin(), families.end()), ...);
    for (std::size_t i = 1; i < all.size(); ++i) {  // an insertion sort: few rows are out of place
        for (std::size_t j = i; j > 0 && key_of(all[j]) < key_of(all[j - 1]); --j) {
            std::swap(all[j], all[j - 1]);
        }
    }
    std::array<CommandInfo, (N + ...)> table{};
    std::ranges::copy(all, table.begin());
    return table;
}

// Protection information, extents and third parties of RESERVE, ANCHOR, and LINK, which is obsolete, are in
// no usage mask: they are not offered. Nor is the LUN that SCSI-2 put in bits 7 to 5 of byte 1: a unit that
// claims SPC-4 gets no such CDB, and those bits now belong to RDPROTECT and its kin.
constexpr auto kBlockRows = in_order(rows::kUnitCommands, rows::kBlockCommands, rows::kReservationCommands,
                                     rows::kMaintenanceCommands, rows::kDiagnosticCommands,
                                     rows::kErasureCommands, rows::kLogCommands, rows::kCopyCommands);
constexpr auto kMultimediaRows = in_order(rows::kUnitCommands, rows::kReservationCommands,
                                          rows::kMaintenanceCommands, rows::kMultimediaCommands);
static_assert(std::ranges::is_sorted(kBlockRows, {}, key_of));
static_assert(std::ranges::is_sorted(kMultimediaRows, {}, key_of));

/// The undefined bits of an ordinary CDB, as two words in memory order; none after the command's own length.
using ReservedWords = std::array<std::uint64_t, kMaxOrdinaryCdbBytes / sizeof(std::uint64_t)>;

constexpr ReservedWords reserved_words(std::span<const std::byte> usage) {
    std::array<std::byte, kMaxOrdinaryCdbBytes> reserved{};
    std::ranges::transform(usage, reserved.begin(), [](std::byte used) { return ~used; });
    return std::bit_cast<ReservedWords>(reserved);
}

constexpr std::uint8_t kNoRow = 0xff;

/// The rows of a command set, and what is computed of them when this is compiled.
template <const auto& Rows>
struct Table {
    static constexpr std::size_t kSize = Rows.size();
    static_assert(kSize < kNoRow);

    static constexpr auto kReserved = [] {
        std::array<ReservedWords, kSize> words{};
        std::ranges::transform(Rows, words.begin(),
                               [](const CommandInfo& row) { return reserved_words(row.usage); });
        return words;
    }();

    /// The first row of each operation code.
    static constexpr auto kFirst = [] {
        std::array<std::uint8_t, 256> first{};
        first.fill(kNoRow);
        for (std::size_t i = kSize; i-- > 0;) {
            first.at(Rows.at(i).opcode) = static_cast<std::uint8_t>(i);
        }
        return first;
    }();

    static bool has_service_actions(std::uint8_t opcode) {
        return kFirst[opcode] != kNoRow && Rows[kFirst[opcode]].service_action.has_value();
    }
    static const CommandInfo* offered_row(const UnitTraits& unit, std::uint8_t opcode,
                                          std::optional<std::uint8_t> service_action);
    static std::expected<const CommandInfo*, Sense> find(const UnitTraits& unit, wire::Bytes cdb);

private:
    static bool only_used_bits(wire::Bytes cdb, std::size_t row);
    static std::expected<const CommandInfo*, Sense> check(wire::Bytes cdb, std::size_t row);
};

/// `cdb` is at least as long as the command.
template <const auto& Rows>
bool Table<Rows>::only_used_bits(wire::Bytes cdb, std::size_t row) {
    ReservedWords words{};
    std::memcpy(words.data(), cdb.data(), std::min(cdb.size(), sizeof words));
    return ((words[0] & kReserved[row][0]) | (words[1] & kReserved[row][1])) == 0;
}

template <const auto& Rows>
std::expected<const CommandInfo*, Sense> Table<Rows>::check(wire::Bytes cdb, std::size_t row) {
    const CommandInfo& command = Rows[row];
    if (cdb.size() < command.cdb_length()) {
        return std::unexpected{illegal_request(Asc::invalid_field_in_cdb)};
    }
    if (only_used_bits(cdb, row)) {
        return &command;
    }
    const auto refused = reserved_bit_set(cdb, command.usage);
    TARGE_ASSERT(refused.has_value());
    return std::unexpected{*refused};
}

/// The service action that the CDB names for this row's operation code; none where they have none.
std::optional<std::uint8_t> named_service_action(const CommandInfo& row, wire::Bytes cdb) {
    if (!row.service_action || cdb.size() <= kServiceAction.byte) {
        return std::nullopt;
    }
    return static_cast<std::uint8_t>(field_value(cdb, kServiceAction));
}

template <const auto& Rows>
const CommandInfo* Table<Rows>::offered_row(const UnitTraits& unit, std::uint8_t opcode,
                                            std::optional<std::uint8_t> service_action) {
    for (std::size_t i = kFirst[opcode]; i < kSize && Rows[i].opcode == opcode; ++i) {
        if (Rows[i].service_action == service_action && offered(Rows[i].available, unit)) {
            return &Rows[i];
        }
    }
    return nullptr;
}

template <const auto& Rows>
std::expected<const CommandInfo*, Sense> Table<Rows>::find(const UnitTraits& unit, wire::Bytes cdb) {
    bool opcode_offered = false;
    if (!cdb.empty()) {
        const auto opcode = std::to_integer<std::uint8_t>(cdb[0]);
        for (std::size_t i = kFirst[opcode]; i < kSize && Rows[i].opcode == opcode; ++i) {
            if (!offered(Rows[i].available, unit)) {
                continue;
            }
            opcode_offered = true;
            if (Rows[i].service_action == named_service_action(Rows[i], cdb)) {
                return check(cdb, i);
            }
        }
    }
    return std::unexpected{opcode_offered ? invalid_field(kServiceAction)
                                          : illegal_request(Asc::invalid_command_operation_code)};
}

using BlockTable = Table<kBlockRows>;
using MultimediaTable = Table<kMultimediaRows>;

std::uint32_t length_in(LengthUnit unit, const CommandInfo& command, wire::Bytes cdb) {
    return command.length_unit == unit ? static_cast<std::uint32_t>(field_value(cdb, command.length)) : 0;
}

}  // namespace

std::span<const CommandInfo> command_table(CommandSet set) {
    return set == CommandSet::multimedia ? std::span<const CommandInfo>(kMultimediaRows) : kBlockRows;
}

bool has_service_actions(std::uint8_t opcode, CommandSet set) {
    return set == CommandSet::multimedia ? MultimediaTable::has_service_actions(opcode)
                                         : BlockTable::has_service_actions(opcode);
}

const CommandInfo* offered_command(const UnitTraits& unit, std::uint8_t opcode,
                                   std::optional<std::uint8_t> service_action) {
    return unit.set == CommandSet::multimedia ? MultimediaTable::offered_row(unit, opcode, service_action)
                                              : BlockTable::offered_row(unit, opcode, service_action);
}

std::expected<const CommandInfo*, Sense> find_command(const UnitTraits& unit, wire::Bytes cdb) {
    return BlockTable::find(unit, cdb);
}

std::expected<const CommandInfo*, Sense> find_multimedia_command(const UnitTraits& unit, wire::Bytes cdb) {
    return MultimediaTable::find(unit, cdb);
}

std::optional<Sense> reserved_bit_set(wire::Bytes cdb, wire::Bytes usage) {
    for (std::size_t i = 0; i < usage.size(); ++i) {
        const std::byte reserved = cdb[i] & ~usage[i];
        if (reserved != std::byte{0}) {
            const int bit = std::bit_width(std::to_integer<std::uint8_t>(reserved)) - 1;
            return invalid_field(
                {.byte = static_cast<std::uint16_t>(i), .msb = static_cast<std::uint8_t>(bit), .width = 1});
        }
    }
    return std::nullopt;
}

bool allowed(ReservedAccess access, wire::Bytes cdb) {
    switch (access) {
        case ReservedAccess::conflicts:
            return false;
        case ReservedAccess::allowed:
            return true;
        case ReservedAccess::allowed_if_it_allows_removal:
            return field_value(cdb, PreventAllowMediumRemovalCdb::kPrevent) == 0;
        case ReservedAccess::allowed_if_it_only_starts:
            return plan_start_stop_unit(layout_of<StartStopUnitCdb::kSize>(cdb)).action == StartStop::start;
    }
    __builtin_unreachable();
}

std::uint32_t allocation_length(const CommandInfo& command, wire::Bytes cdb) {
    return length_in(LengthUnit::allocation_bytes, command, cdb);
}

std::uint32_t parameter_list_length(const CommandInfo& command, wire::Bytes cdb) {
    return length_in(LengthUnit::parameter_list_bytes, command, cdb);
}

}  // namespace targe::scsi
