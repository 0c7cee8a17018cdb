#include "engine/aca.h"

#include "engine/command_path.h"
#include "engine/every_lane.h"
#include "engine/lane.h"
#include "engine/nexus.h"
#include "scsi/cdb.h"
#include "scsi/command_id.h"
#include "scsi/persistent_reserve_out.h"

#include <utility>

namespace targe::engine {

using detail::Stage;
using scsi::TaskAttribute;

namespace {

bool is_aca(const Command& command) {
    return command.attribute == TaskAttribute::aca;
}

/// The way out for others when the faulted nexus does nothing.
bool preempts_and_aborts(const Command& command) {
    using Cdb = scsi::PersistentReserveOutCdb;
    constexpr std::uint8_t kPersistentReserveOut = 0x5f;
    const auto cdb = command.cdb.first<Cdb::kSize>();
    return wire::get<Cdb::kOpcode>(cdb) == kPersistentReserveOut &&
           wire::get<Cdb::kServiceAction>(cdb) ==
               static_cast<std::uint8_t>(scsi::ReservationAction::preempt_and_abort);
}

void end_condition(TaskSet& set) {
    TARGE_ASSERT(set.aca_conditions > 0);
    if (--set.aca_conditions > 0) {
        return;
    }
    base::IntrusiveList<Command, Parked> again;
    while (!set.blocked.empty()) {
        again.push_back(set.blocked.pop_front());
    }
    // One of them may establish a condition anew: the others then block again.
    while (!again.empty()) {
        proceed(again.pop_front());
    }
    next_in_order(set);
}

}  // namespace

std::optional<scsi::Outcome> meets_aca(Command& command) {
    const NexusUnit& unit = *command.life.unit;
    if (unit.task_set.aca_conditions == 0) {
        return is_aca(command)
                   ? std::optional<scsi::Outcome>{scsi::illegal_request(scsi::Asc::invalid_message_error)}
                   : std::nullopt;
    }
    if (unit.faulted) {
        command.life.passes_aca = is_aca(command) &&
                                  !unit.lane.state().pages.task_management_functions_only &&
                                  !unit.lane.has_other_aca_task(command);
        return command.life.passes_aca ? std::nullopt
                                       : std::optional<scsi::Outcome>{scsi::Status::aca_active};
    }
    command.life.passes_aca = preempts_and_aborts(command);
    if (command.life.passes_aca) {
        return std::nullopt;
    }
    return scsi::asks_for_aca(command.cdb.bytes()) ? scsi::Status::aca_active : scsi::Status::busy;
}

void block(Command& command) {
    command.life.stage = Stage::parked;
    command.life.unit->task_set.blocked.push_back(command);
}

AcaChange change_aca(const Command& command) {
    NexusUnit& unit = *command.life.unit;
    if (scsi::asks_for_aca(command.cdb.bytes())) {
        if (unit.faulted) {
            return AcaChange::none;  // it lasts
        }
        unit.faulted = true;
        ++unit.task_set.aca_conditions;
        return AcaChange::established;
    }
    if (is_aca(command) && unit.faulted) {
        unit.faulted = false;
        end_condition(unit.task_set);
        return AcaChange::cleared;
    }
    return AcaChange::none;
}

void follow_aca(TaskSet& set, AcaChange change) {
    if (change == AcaChange::established) {
        ++set.aca_conditions;
    } else if (change == AcaChange::cleared) {
        end_condition(set);
    }
}

void clear_aca(NexusUnit& unit, std::function<void()> cleared) {
    const bool had_one = std::exchange(unit.faulted, false);
    if (had_one) {
        end_condition(unit.task_set);
    }
    if (!cleared) {
        cleared = [] {};
    }
    if (!had_one || !unit.task_set.shared) {
        cleared();
        return;
    }
    on_every_lane(
        unit.lane,
        [from = &unit.lane](Lane& lane, const std::function<void()>& answered) {
            if (&lane != from) {
                follow_aca(lane.shared_tasks(), AcaChange::cleared);
            }
            answered();
        },
        std::move(cleared));
}

}  // namespace targe::engine
