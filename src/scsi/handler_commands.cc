#include "scsi/handler_commands.h"

#include <algorithm>
#include <array>

namespace targe::scsi {
namespace {

constexpr CommandInfo of_handler(const CommandRules& rules) {
    return {.id = CommandId::test_unit_ready,
            .opcode = 0,
            .service_action = {},
            .name = "COMMAND OF A HANDLER",
            .available = Availability::always,
            .data = DataDirection::none,
            .length_unit = LengthUnit::none,
            .length = {},
            .rules = rules,
            .timeouts = {.nominal_s = 0, .recommended_s = 0},
            .usage = {}};
}

constexpr auto kAllowed = ReservedAccess::allowed;

/// What may be asked whoever holds a reservation, [SPC-4 r37 5.13.1].
constexpr CommandInfo kIdentify = of_handler({.skips_unit_attention = true,
                                              .under_reserve = kAllowed,
                                              .under_write_exclusive = kAllowed,
                                              .under_exclusive_access = kAllowed,
                                              .while_reservations_lost = kAllowed,
                                              .least_access_state = LeastAccessState::transitioning});
constexpr CommandInfo kProbe = of_handler(
    {.under_reserve = kAllowed, .under_write_exclusive = kAllowed, .under_exclusive_access = kAllowed});
constexpr CommandInfo kReport = of_handler({.under_write_exclusive = kAllowed});
constexpr CommandInfo kPrevent =
    of_handler({.under_reserve = ReservedAccess::allowed_if_it_allows_removal,
                .under_write_exclusive = ReservedAccess::allowed_if_it_allows_removal,
                .under_exclusive_access = ReservedAccess::allowed_if_it_allows_removal});
constexpr CommandInfo kOrdinary = of_handler({});
constexpr CommandInfo kWrite = of_handler({.writes_medium = true});

struct Known {
    DeviceType type;
    std::uint8_t opcode;
    const CommandInfo* row;
};

/// Of every type: what only tells of the unit.
constexpr auto kOfAll = std::to_array<std::pair<std::uint8_t, const CommandInfo*>>({
    {0x00, &kProbe},    // TEST UNIT READY
    {0x1a, &kReport},   // MODE SENSE(6)
    {0x1e, &kPrevent},  // PREVENT ALLOW MEDIUM REMOVAL
    {0x4d, &kProbe},    // LOG SENSE
    {0x5a, &kReport},   // MODE SENSE(10)
    {0x8c, &kReport},   // READ ATTRIBUTE
    {0x8d, &kWrite},    // WRITE ATTRIBUTE
    {0xa3, &kReport},   // MAINTENANCE IN
});
constexpr auto kOfTypes = std::to_array<Known>({
    {DeviceType::tape, 0x04, &kWrite},      // FORMAT MEDIUM
    {DeviceType::tape, 0x05, &kProbe},      // READ BLOCK LIMITS
    {DeviceType::tape, 0x0a, &kWrite},      // WRITE(6)
    {DeviceType::tape, 0x0b, &kWrite},      // SET CAPACITY
    {DeviceType::tape, 0x10, &kWrite},      // WRITE FILEMARKS(6)
    {DeviceType::tape, 0x19, &kWrite},      // ERASE(6)
    {DeviceType::tape, 0x44, &kProbe},      // REPORT DENSITY SUPPORT
    {DeviceType::tape, 0x80, &kWrite},      // WRITE FILEMARKS(16)
    {DeviceType::tape, 0x8a, &kWrite},      // WRITE(16)
    {DeviceType::tape, 0x93, &kWrite},      // ERASE(16)
    {DeviceType::changer, 0xb8, &kReport},  // READ ELEMENT STATUS
    {DeviceType::cdrom, 0x25, &kProbe},     // READ CAPACITY
    {DeviceType::cdrom, 0x28, &kReport},    // READ(10)
    {DeviceType::cdrom, 0x43, &kReport},    // READ TOC/PMA/ATIP
    {DeviceType::cdrom, 0x46, &kReport},    // GET CONFIGURATION
    {DeviceType::cdrom, 0x4a, &kReport},    // GET EVENT STATUS NOTIFICATION
    {DeviceType::cdrom, 0x51, &kReport},    // READ DISC INFORMATION
    {DeviceType::cdrom, 0xa8, &kReport},    // READ(12)
});

/// The commands of disks have the rules that they have at the engine's own, whatever of them the handler has.
const CommandInfo* row_of_blocks(std::uint8_t opcode, std::optional<std::uint8_t> action) {
    constexpr UnitTraits kAll{
        .thin = true, .removable = true, .atomic = true, .access = AccessSupport::implicit_and_explicit};
    const CommandInfo* const same = offered_command(kAll, opcode, action);
    if (same == nullptr) {
        return &kOrdinary;
    }
    const CommandRules& rules = same->rules;
    // What a copy writes the engine looks at when it does, and of a handler's copies it sees nothing.
    return &row_of({.writes_medium = rules.writes_medium || rules.executed_in_pieces,
                    .passes_write_exclusive = rules.under_write_exclusive == kAllowed,
                    .passes_every_reservation =
                        rules.under_reserve == kAllowed && rules.under_exclusive_access == kAllowed});
}

const CommandInfo* row_of(DeviceType type, std::uint8_t opcode, std::optional<std::uint8_t> action) {
    const auto* const common =
        std::ranges::find(kOfAll, opcode, &std::pair<std::uint8_t, const CommandInfo*>::first);
    if (common != kOfAll.end()) {
        return common->second;
    }
    const auto* const own = std::ranges::find_if(
        kOfTypes, [&](const Known& known) { return known.type == type && known.opcode == opcode; });
    if (type == DeviceType::disk) {
        return row_of_blocks(opcode, action);
    }
    // Whatever nobody knows conflicts with every reservation of another nexus.
    return own != kOfTypes.end() ? own->row : &kOrdinary;
}

bool kept_by_engine(CommandId id) {
    switch (id) {
        case CommandId::inquiry:
        case CommandId::request_sense:
        case CommandId::report_luns:
        case CommandId::reserve_6:
        case CommandId::reserve_10:
        case CommandId::release_6:
        case CommandId::release_10:
        case CommandId::persistent_reserve_in:
        case CommandId::persistent_reserve_out:
        case CommandId::report_target_port_groups:
        case CommandId::set_target_port_groups:
            return true;
        default:
            return false;
    }
}

bool asks_for_page_of_handler(std::span<const std::uint8_t> pages, wire::Bytes cdb) {
    constexpr std::size_t kInquiryBytes = 6;
    constexpr std::byte kEvpd{0x01};
    return cdb.size() >= kInquiryBytes && cdb[1] == kEvpd &&
           std::ranges::find(pages, std::to_integer<std::uint8_t>(cdb[2])) != pages.end();
}

}  // namespace

std::expected<const CommandInfo*, Sense> find_handler_command(DeviceType type, const UnitTraits& traits,
                                                              std::span<const std::uint8_t> handlers_pages,
                                                              wire::Bytes cdb) {
    constexpr std::uint8_t kInquiry = 0x12;
    if (cdb.empty()) {
        return std::unexpected{illegal_request(Asc::invalid_command_operation_code)};
    }
    const auto opcode = std::to_integer<std::uint8_t>(cdb[0]);
    if (opcode == kInquiry && asks_for_page_of_handler(handlers_pages, cdb)) {
        return &kIdentify;
    }
    std::optional<std::uint8_t> action;
    if (has_service_actions(opcode) && cdb.size() > kServiceAction.byte) {
        action = static_cast<std::uint8_t>(field_value(cdb, kServiceAction));
    }
    const CommandInfo* const known = offered_command(traits, opcode, action);
    if (known != nullptr && kept_by_engine(known->id)) {
        return find_command(traits, cdb);
    }
    return row_of(type, opcode, action);
}

const CommandInfo& row_of(const HandlerRule& rule) {
    if (rule.writes_medium) {
        return kWrite;
    }
    return rule.passes_every_reservation ? kProbe : rule.passes_write_exclusive ? kReport : kOrdinary;
}

bool is_for_handler(const CommandInfo& row) {
    return row.usage.empty();  // every other row has its operation code there
}

}  // namespace targe::scsi
