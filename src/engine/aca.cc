#include "engine/aca.h"

#include "engine/command_path.h"
#include "engine/lane.h"
#include "engine/nexus.h"
#include "scsi/cdb.h"

namespace targe::engine {

using detail::Stage;
using scsi::TaskAttribute;

namespace {

bool is_aca(const Command& command) {
    return command.attribute == TaskAttribute::aca;
}

}  // namespace

std::optional<scsi::Outcome> meets_aca(const Command& command) {
    const NexusUnit& unit = *command.life.unit;
    if (!unit.aca) {
        return is_aca(command)
                   ? std::optional<scsi::Outcome>{scsi::illegal_request(scsi::Asc::invalid_message_error)}
                   : std::nullopt;
    }
    const bool admitted = is_aca(command) && !unit.lane.state().pages.task_management_functions_only &&
                          !unit.lane.has_other_aca_task(command);
    return admitted ? std::nullopt : std::optional<scsi::Outcome>{scsi::Status::aca_active};
}

void block(Command& command) {
    command.life.stage = Stage::parked;
    command.life.unit->blocked.push_back(command);
}

void faulted(Command& command) {
    NexusUnit& unit = *command.life.unit;
    if (scsi::asks_for_aca(command.cdb.bytes())) {
        unit.aca = true;
    } else if (is_aca(command)) {
        clear_aca(unit);
    }
}

void clear_aca(NexusUnit& unit) {
    if (!unit.aca) {
        return;
    }
    unit.aca = false;
    base::IntrusiveList<Command, Parked> again;
    while (!unit.blocked.empty()) {
        again.push_back(unit.blocked.pop_front());
    }
    // One of them may establish the condition anew: the others then block again.
    while (!again.empty()) {
        proceed(again.pop_front());
    }
    next_in_order(unit);
}

}  // namespace targe::engine
