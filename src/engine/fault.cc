#include "engine/fault.h"

#include "engine/aca.h"
#include "engine/command_path.h"
#include "engine/every_lane.h"
#include "engine/lane.h"
#include "engine/nexus.h"

#include <memory>
#include <optional>
#include <utility>

namespace targe::engine {

namespace {

/// QERR. In a task set of one nexus both values that end tasks end the same.
std::optional<AbortScope> ended_with(const Command& command) {
    const NexusUnit& unit = *command.life.unit;
    const auto management = unit.lane.state().pages.queue_error_management;
    if (management == scsi::QueueErrorManagement::none) {
        return std::nullopt;
    }
    AbortScope scope = AbortScope::own_tasks(unit);
    if (unit.task_set.shared && management == scsi::QueueErrorManagement::every_task) {
        scope.only.reset();
        scope.lun.reset();
    }
    scope.spared = &command;
    scope.by_fault = true;
    return scope;
}

}  // namespace

void end_in_fault(Command& command, const scsi::Outcome& outcome) {
    NexusUnit& unit = *command.life.unit;
    const AcaChange aca = change_aca(command);
    const auto scope = ended_with(command);
    const bool concerns_others = unit.task_set.shared && (aca != AcaChange::none || (scope && !scope->only));
    if (!scope && !concerns_others) {
        conclude(command, outcome);
        return;
    }
    const auto ending = std::make_shared<detail::Ending>(detail::Ending{&command, outcome});
    unit.lane.set_aside(command, *ending);
    std::function<void()> ended = [ending] {
        if (ending->command != nullptr) {
            conclude(*ending->command, ending->outcome);
        }
    };
    if (!concerns_others) {
        unit.lane.abort(*scope, std::move(ended));
        return;
    }
    on_every_lane(
        unit.lane,
        [aca, scope, from = &unit.lane](Lane& lane, const std::function<void()>& answered) {
            if (&lane != from) {
                follow_aca(lane.shared_tasks(), aca);
            }
            if (scope) {
                lane.abort(*scope, answered);
            } else {
                answered();
            }
        },
        std::move(ended));
}

}  // namespace targe::engine
