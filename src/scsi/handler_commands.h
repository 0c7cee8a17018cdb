// Commands of units whose device server is another program: what the engine must know of them, and which it
// keeps for itself.
#pragma once

#include "scsi/command_table.h"
#include "scsi/unit_description.h"

namespace targe::scsi {

/// The row that serves this CDB at a unit of `type`: one of the command table, where the engine answers it
/// for all units alike; else one that is_for_handler(). That says which reservations let the command through,
/// whether it writes, and whether it skips unit attentions; its id means nothing, and its usage is empty.
///
/// Kept by the engine: INQUIRY but for VPD pages of the handler, REQUEST SENSE, REPORT LUNS, reservations,
/// and target port groups. Reserved bits are looked at in these alone.
[[nodiscard]] std::expected<const CommandInfo*, Sense> find_handler_command(
    DeviceType type, const UnitTraits& traits, std::span<const std::uint8_t> handlers_pages, wire::Bytes cdb);

/// What the handler itself says of a command.
struct HandlerRule {
    bool writes_medium = false;
    bool passes_write_exclusive = false;  ///< not with `writes_medium`, nor is the next
    bool passes_every_reservation = false;
};
/// The row for that: is_for_handler() as well.
[[nodiscard]] const CommandInfo& row_of(const HandlerRule& rule);

[[nodiscard]] bool is_for_handler(const CommandInfo& row);

}  // namespace targe::scsi
