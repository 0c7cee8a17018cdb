#include "scsi/command_table.h"

#include "base/assert.h"
#include "scsi/cache.h"
#include "scsi/compare_and_write.h"
#include "scsi/parameter_cdbs.h"
#include "scsi/read_write.h"
#include "scsi/report_supported_operation_codes.h"
#include "scsi/report_supported_task_management_functions.h"
#include "scsi/start_stop_unit.h"
#include "scsi/verify.h"
#include "scsi/write_same.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace targe::scsi {
namespace {

using enum CommandId;
using enum DataDirection;

// Which reservations let what through follows [SPC-4 r37 5.13.1], and for RESERVE and RELEASE [SPC-2 r20];
// what each asymmetric access state executes, [SPC-4 r37].
constexpr auto kConflicts = ReservedAccess::conflicts;
constexpr auto kAllowed = ReservedAccess::allowed;

/// Tells who and what is there, and disturbs nothing.
constexpr CommandRules kIdentify{.skips_unit_attention = true,
                                 .under_reserve = kAllowed,
                                 .under_write_exclusive = kAllowed,
                                 .under_exclusive_access = kAllowed,
                                 .least_access_state = LeastAccessState::unavailable};
/// Tells of the medium.
constexpr CommandRules kProbe{.accesses_medium = true,
                              .under_reserve = kAllowed,
                              .under_write_exclusive = kAllowed,
                              .under_exclusive_access = kAllowed};
/// Tells what the unit can do.
constexpr CommandRules kReport{.under_write_exclusive = kAllowed};
constexpr CommandRules kModeSense{.under_write_exclusive = kAllowed,
                                  .least_access_state = LeastAccessState::standby};
constexpr CommandRules kModeSelect{.executed_at_home = true, .least_access_state = LeastAccessState::standby};
constexpr CommandRules kRead{.accesses_medium = true, .under_write_exclusive = kAllowed};
constexpr CommandRules kWrite{.writes_medium = true, .accesses_medium = true};
/// Writes nothing that was not written before, so write protection does not matter.
constexpr CommandRules kFlush{.accesses_medium = true};
/// Under persistent reservations RESERVE and RELEASE decide for themselves.
constexpr CommandRules kReserve{.executed_at_home = true,
                                .under_reserve = kConflicts,
                                .under_write_exclusive = kAllowed,
                                .under_exclusive_access = kAllowed};
/// A RELEASE by somebody else does nothing, successfully.
constexpr CommandRules kRelease{.executed_at_home = true,
                                .under_reserve = kAllowed,
                                .under_write_exclusive = kAllowed,
                                .under_exclusive_access = kAllowed};

constexpr CommandRules home_unless_conflict(ReservedAccess access) {
    return {.executed_at_home = true,
            .under_reserve = access,
            .under_write_exclusive = access,
            .under_exclusive_access = access};
}
constexpr CommandRules kStartStop = home_unless_conflict(ReservedAccess::allowed_if_it_only_starts);
constexpr CommandRules kPrevent = home_unless_conflict(ReservedAccess::allowed_if_it_allows_removal);

constexpr CommandTimeouts kQuick{.nominal_s = 1, .recommended_s = 10};
constexpr CommandTimeouts kOrdinary{.nominal_s = 5, .recommended_s = 60};
/// As long as the range is.
constexpr CommandTimeouts kLong{.nominal_s = 60, .recommended_s = 3600};

struct Length {
    LengthUnit unit = LengthUnit::none;
    wire::Field field{};
};

template <class L>
consteval Length length_of() {
    if constexpr (requires { L::kBlocks; }) {
        return {LengthUnit::blocks, L::kBlocks};
    } else if constexpr (requires { L::kAllocationLength; }) {
        return {LengthUnit::allocation_bytes, L::kAllocationLength};
    } else if constexpr (requires { L::kParameterListLength; }) {
        return {LengthUnit::parameter_list_bytes, L::kParameterListLength};
    } else {
        return {};
    }
}

/// A row whose usage depends on the unit.
template <class L>
consteval CommandInfo row(std::uint8_t opcode, CommandId id, std::string_view name, DataDirection data,
                          const CommandRules& rules, const CommandTimeouts& timeouts, Availability available,
                          std::span<const std::byte> usage) {
    constexpr Length kLength = length_of<L>();
    return {.id = id,
            .opcode = opcode,
            .service_action = {},
            .name = name,
            .available = available,
            .data = data,
            .length_unit = kLength.unit,
            .length = kLength.field,
            .rules = rules,
            .timeouts = timeouts,
            .usage = usage};
}
template <class L>
consteval CommandInfo row(std::uint8_t opcode, CommandId id, std::string_view name, DataDirection data,
                          const CommandRules& rules, const CommandTimeouts& timeouts,
                          Availability available = Availability::always) {
    return row<L>(opcode, id, name, data, rules, timeouts, available, L::kUsage);
}
consteval CommandInfo action(std::uint8_t service_action, CommandInfo info) {
    info.service_action = service_action;
    return info;
}

// SP of MODE SELECT, protection information, extents and third parties of RESERVE, ANCHOR, and all of the
// CONTROL byte (NACA, and LINK which is obsolete) are in no usage mask: they are not offered. Nor is the LUN
// that SCSI-2 put in bits 7 to 5 of byte 1: a unit that claims SPC-4 gets no such CDB, and those bits now
// belong to RDPROTECT and its kin.
constexpr auto kTable = std::to_array<CommandInfo>({
    row<TestUnitReadyCdb>(0x00, test_unit_ready, "TEST UNIT READY", none, kProbe, kQuick),
    row<RequestSenseCdb>(0x03, request_sense, "REQUEST SENSE", to_initiator, kIdentify, kQuick),
    row<ReadWrite6Cdb>(0x08, read_6, "READ(6)", to_initiator, kRead, kOrdinary),
    row<ReadWrite6Cdb>(0x0a, write_6, "WRITE(6)", from_initiator, kWrite, kOrdinary),
    row<InquiryCdb>(0x12, inquiry, "INQUIRY", to_initiator, kIdentify, kQuick),
    row<ModeSelect6Cdb>(0x15, mode_select_6, "MODE SELECT(6)", from_initiator, kModeSelect, kQuick),
    row<Reserve6Cdb>(0x16, reserve_6, "RESERVE(6)", none, kReserve, kQuick),
    row<Reserve6Cdb>(0x17, release_6, "RELEASE(6)", none, kRelease, kQuick),
    row<ModeSense6Cdb>(0x1a, mode_sense_6, "MODE SENSE(6)", to_initiator, kModeSense, kQuick),
    row<StartStopUnitCdb>(0x1b, start_stop_unit, "START STOP UNIT", none, kStartStop, kOrdinary,
                          Availability::fixed, StartStopUnitCdb::kUsageFixed),
    row<StartStopUnitCdb>(0x1b, start_stop_unit, "START STOP UNIT", none, kStartStop, kOrdinary,
                          Availability::removable, StartStopUnitCdb::kUsageRemovable),
    row<PreventAllowMediumRemovalCdb>(0x1e, prevent_allow_medium_removal, "PREVENT ALLOW MEDIUM REMOVAL",
                                      none, kPrevent, kQuick, Availability::removable),
    row<ReadCapacity10Cdb>(0x25, read_capacity_10, "READ CAPACITY(10)", to_initiator, kProbe, kQuick),
    row<ReadWrite10Cdb>(0x28, read_10, "READ(10)", to_initiator, kRead, kOrdinary),
    row<ReadWrite10Cdb>(0x2a, write_10, "WRITE(10)", from_initiator, kWrite, kOrdinary),
    row<Verify10Cdb>(0x2e, write_and_verify_10, "WRITE AND VERIFY(10)", from_initiator, kWrite, kOrdinary),
    row<Verify10Cdb>(0x2f, verify_10, "VERIFY(10)", from_initiator, kRead, kOrdinary),
    row<Cache10Cdb>(0x34, pre_fetch_10, "PRE-FETCH(10)", none, kRead, kOrdinary),
    row<SynchronizeCache10Cdb>(0x35, synchronize_cache_10, "SYNCHRONIZE CACHE(10)", none, kFlush, kLong),
    row<WriteSame10Cdb>(0x41, write_same_10, "WRITE SAME(10)", from_initiator, kWrite, kLong,
                        Availability::thick, WriteSame10Cdb::kUsageThick),
    row<WriteSame10Cdb>(0x41, write_same_10, "WRITE SAME(10)", from_initiator, kWrite, kLong,
                        Availability::thin, WriteSame10Cdb::kUsageThin),
    row<UnmapCdb>(0x42, unmap, "UNMAP", from_initiator, kWrite, kLong, Availability::thin),
    row<ModeSelect10Cdb>(0x55, mode_select_10, "MODE SELECT(10)", from_initiator, kModeSelect, kQuick),
    row<Reserve10Cdb>(0x56, reserve_10, "RESERVE(10)", none, kReserve, kQuick),
    row<Reserve10Cdb>(0x57, release_10, "RELEASE(10)", none, kRelease, kQuick),
    row<ModeSense10Cdb>(0x5a, mode_sense_10, "MODE SENSE(10)", to_initiator, kModeSense, kQuick),
    row<ReadWrite16Cdb>(0x88, read_16, "READ(16)", to_initiator, kRead, kOrdinary),
    row<CompareAndWriteCdb>(0x89, compare_and_write, "COMPARE AND WRITE", from_initiator, kWrite, kOrdinary),
    row<ReadWrite16Cdb>(0x8a, write_16, "WRITE(16)", from_initiator, kWrite, kOrdinary),
    row<Verify16Cdb>(0x8e, write_and_verify_16, "WRITE AND VERIFY(16)", from_initiator, kWrite, kOrdinary),
    row<Verify16Cdb>(0x8f, verify_16, "VERIFY(16)", from_initiator, kRead, kOrdinary),
    row<Cache16Cdb>(0x90, pre_fetch_16, "PRE-FETCH(16)", none, kRead, kOrdinary),
    row<SynchronizeCache16Cdb>(0x91, synchronize_cache_16, "SYNCHRONIZE CACHE(16)", none, kFlush, kLong),
    row<WriteSame16Cdb>(0x93, write_same_16, "WRITE SAME(16)", from_initiator, kWrite, kLong,
                        Availability::thick, WriteSame16Cdb::kUsageThick),
    row<WriteSame16Cdb>(0x93, write_same_16, "WRITE SAME(16)", from_initiator, kWrite, kLong,
                        Availability::thin, WriteSame16Cdb::kUsageThin),
    action(0x10,
           row<ReadCapacity16Cdb>(0x9e, read_capacity_16, "READ CAPACITY(16)", to_initiator, kProbe, kQuick)),
    // A thick unit and one that cannot tell holes from data answer "mapped or unknown".
    action(0x12,
           row<GetLbaStatusCdb>(0x9e, get_lba_status, "GET LBA STATUS", to_initiator, kRead, kOrdinary)),
    row<ReportLunsCdb>(0xa0, report_luns, "REPORT LUNS", to_initiator, kIdentify, kQuick),
    action(0x0c, row<ReportSupportedOperationCodesCdb>(0xa3, report_supported_operation_codes,
                                                       "REPORT SUPPORTED OPERATION CODES", to_initiator,
                                                       kReport, kQuick)),
    action(0x0d, row<ReportSupportedTaskManagementFunctionsCdb>(
                     0xa3, report_supported_task_management_functions,
                     "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", to_initiator, kReport, kQuick)),
    row<ReadWrite12Cdb>(0xa8, read_12, "READ(12)", to_initiator, kRead, kOrdinary),
    row<ReadWrite12Cdb>(0xaa, write_12, "WRITE(12)", from_initiator, kWrite, kOrdinary),
    row<Verify12Cdb>(0xae, write_and_verify_12, "WRITE AND VERIFY(12)", from_initiator, kWrite, kOrdinary),
    row<Verify12Cdb>(0xaf, verify_12, "VERIFY(12)", from_initiator, kRead, kOrdinary),
});
static_assert(std::ranges::is_sorted(kTable, {}, [](const CommandInfo& row) {
    return row.opcode << 8 | row.service_action.value_or(0);
}));

/// The undefined bits of an ordinary CDB, as two words in memory order; none after the command's own length.
using ReservedWords = std::array<std::uint64_t, kMaxOrdinaryCdbBytes / sizeof(std::uint64_t)>;

constexpr ReservedWords reserved_words(std::span<const std::byte> usage) {
    std::array<std::byte, kMaxOrdinaryCdbBytes> reserved{};
    std::ranges::transform(usage, reserved.begin(), [](std::byte used) { return ~used; });
    return std::bit_cast<ReservedWords>(reserved);
}

constexpr auto kReserved = [] {
    std::array<ReservedWords, kTable.size()> words{};
    std::ranges::transform(kTable, words.begin(),
                           [](const CommandInfo& row) { return reserved_words(row.usage); });
    return words;
}();

constexpr std::uint8_t kNoRow = 0xff;
static_assert(kTable.size() < kNoRow);

/// The first row of each operation code.
constexpr auto kFirstRow = [] {
    std::array<std::uint8_t, 256> first{};
    first.fill(kNoRow);
    for (std::size_t i = kTable.size(); i-- > 0;) {
        first.at(kTable.at(i).opcode) = static_cast<std::uint8_t>(i);
    }
    return first;
}();

/// `cdb` is at least as long as the command.
bool only_used_bits(wire::Bytes cdb, std::size_t row) {
    ReservedWords words{};
    std::memcpy(words.data(), cdb.data(), std::min(cdb.size(), sizeof words));
    return ((words[0] & kReserved[row][0]) | (words[1] & kReserved[row][1])) == 0;
}

std::expected<const CommandInfo*, Sense> check(wire::Bytes cdb, std::size_t row) {
    const CommandInfo& command = kTable[row];
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

std::uint32_t length_in(LengthUnit unit, const CommandInfo& command, wire::Bytes cdb) {
    return command.length_unit == unit ? static_cast<std::uint32_t>(field_value(cdb, command.length)) : 0;
}

}  // namespace

std::span<const CommandInfo> command_table() {
    return kTable;
}

bool has_service_actions(std::uint8_t opcode) {
    const std::uint8_t first = kFirstRow[opcode];
    return first != kNoRow && kTable[first].service_action.has_value();
}

const CommandInfo* offered_command(const UnitTraits& unit, std::uint8_t opcode,
                                   std::optional<std::uint8_t> service_action) {
    for (std::size_t i = kFirstRow[opcode]; i < kTable.size() && kTable[i].opcode == opcode; ++i) {
        if (kTable[i].service_action == service_action && offered(kTable[i].available, unit)) {
            return &kTable[i];
        }
    }
    return nullptr;
}

std::expected<const CommandInfo*, Sense> find_command(const UnitTraits& unit, wire::Bytes cdb) {
    bool opcode_offered = false;
    if (!cdb.empty()) {
        const auto opcode = std::to_integer<std::uint8_t>(cdb[0]);
        for (std::size_t i = kFirstRow[opcode]; i < kTable.size() && kTable[i].opcode == opcode; ++i) {
            if (!offered(kTable[i].available, unit)) {
                continue;
            }
            opcode_offered = true;
            if (kTable[i].service_action == named_service_action(kTable[i], cdb)) {
                return check(cdb, i);
            }
        }
    }
    return std::unexpected{opcode_offered ? invalid_field(kServiceAction)
                                          : illegal_request(Asc::invalid_command_operation_code)};
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
