// Prints the command table as the rows of docs/conformance.md.
#include "scsi/command_table.h"

#include <fmt/core.h>

#include <string>

namespace {

using namespace targe::scsi;

std::string code(const CommandInfo& command) {
    return command.service_action ? fmt::format("{:02X}h/{:02X}h", command.opcode, *command.service_action)
                                  : fmt::format("{:02X}h", command.opcode);
}

std::string_view units(Availability available) {
    switch (available) {
        case Availability::always:
            return "all";
        case Availability::thin:
            return "thin";
        case Availability::thick:
            return "thick";
        case Availability::anchoring:
            return "thin, can anchor";
        case Availability::not_anchoring:
            return "thin, cannot anchor";
        case Availability::removable:
            return "removable";
        case Availability::fixed:
            return "not removable";
        case Availability::atomic:
            return "that write atomically";
        case Availability::asymmetric:
            return "in a device group";
        case Availability::settable_access:
            return "in a device group with `explicit`";
    }
    return "";
}

std::string usage(const CommandInfo& command) {
    std::string text;
    for (const std::byte byte : command.usage) {
        text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    }
    return text;
}

std::string_view yes(bool is) {
    return is ? "yes" : "";
}

void print(CommandSet set) {
    fmt::print(
        "| command | code | units | writes | through a pending unit attention | through another's RESERVE | "
        "CDB usage |\n"
        "|---|---|---|---|---|---|---|\n");
    for (const CommandInfo& command : command_table(set)) {
        const bool conditional = command.rules.under_reserve != ReservedAccess::conflicts &&
                                 command.rules.under_reserve != ReservedAccess::allowed;
        fmt::print("| {} | {} | {} | {} | {} | {} | `{}` |\n", command.name, code(command),
                   units(command.available), yes(command.rules.writes_medium),
                   yes(command.rules.skips_unit_attention),
                   conditional ? "in part" : yes(command.rules.under_reserve == ReservedAccess::allowed),
                   usage(command));
    }
}

}  // namespace

int main() {
    print(CommandSet::block);
    fmt::print("\nDrives of CDs and DVDs (`type = \"cdrom\"`) have these instead:\n\n");
    print(CommandSet::multimedia);
}
