// What drives of CDs and DVDs say of themselves and of their discs, [MMC-6 r2g], and how their discs are
// changed.
#include "engine/drive.h"

#include "base/assert.h"
#include "device/disc_drive.h"
#include "engine/background.h"
#include "engine/command_path.h"
#include "engine/lane.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/parameter_in.h"
#include "scsi/disc.h"
#include "scsi/multimedia_drive.h"

#include <memory>
#include <optional>
#include <utility>

namespace targe::engine {

namespace {

using scsi::CommandId;

static_assert(device::DiscDrive::kBlockSize == scsi::kDiscBlockSize);

/// The disc information of a BD, with its header.
constexpr std::size_t kLongestAnswer = 4100;

scsi::DriveEvents untold(const NexusUnit& unit, const Tray& tray) {
    return {.media = unit.media_events_told != tray.media_events ? tray.latest : scsi::MediaEvent::none,
            .operational_change = unit.operational_changes_told != tray.operational_changes};
}

std::optional<scsi::Sense> write_events(Command& command, scsi::ParameterWriter& out) {
    using L = scsi::GetEventStatusNotificationCdb;
    NexusUnit& unit = *command.life.unit;
    const UnitState& state = unit.lane.state();
    const auto told = scsi::get_event_status_notification(command.cdb.first<L::kSize>(), state.drive_status(),
                                                          untold(unit, state.tray), out);
    if (!told) {
        return told.error();
    }
    if (*told == scsi::EventTold::media) {
        unit.media_events_told = state.tray.media_events;
    } else if (*told == scsi::EventTold::operational_change) {
        unit.operational_changes_told = state.tray.operational_changes;
    }
    return std::nullopt;
}

template <class Layout>
using Answer = std::optional<scsi::Sense> (*)(scsi::CdbOf<Layout>, std::uint64_t, scsi::ParameterWriter&);

template <class Layout>
std::optional<scsi::Sense> of_disc(Answer<Layout> answer, const Command& command, const UnitState& state,
                                   scsi::ParameterWriter& out) {
    return answer(command.cdb.first<Layout::kSize>(), state.description.blocks, out);
}

std::optional<scsi::Sense> write_answer(Command& command, scsi::ParameterWriter& out) {
    const UnitState& state = command.life.unit->lane.state();
    switch (command.life.info->id) {
        case CommandId::get_configuration:
            return scsi::get_configuration(command.cdb.first<scsi::GetConfigurationCdb::kSize>(),
                                           state.drive_status(), state.description.identity.serial, out);
        case CommandId::get_event_status_notification:
            return write_events(command, out);
        case CommandId::mechanism_status:
            scsi::mechanism_status(state.drive_status(), out);
            return std::nullopt;
        case CommandId::read_toc_pma_atip:
            return of_disc<scsi::ReadTocCdb>(scsi::read_toc, command, state, out);
        case CommandId::read_disc_information:
            return of_disc<scsi::ReadDiscInformationCdb>(scsi::read_disc_information, command, state, out);
        case CommandId::read_track_information:
            return of_disc<scsi::ReadTrackInformationCdb>(scsi::read_track_information, command, state, out);
        case CommandId::read_disc_structure:
            return of_disc<scsi::ReadDiscStructureCdb>(scsi::read_disc_structure, command, state, out);
        case CommandId::get_performance:
            return of_disc<scsi::GetPerformanceCdb>(scsi::get_performance, command, state, out);
        default:
            return scsi::illegal_request(scsi::Asc::invalid_command_operation_code);
    }
}

/// Where force took a disc from those who wanted it to stay nobody prevents the removal of the next one.
Background exchange(std::shared_ptr<LogicalUnit> unit, DiscChange wanted,
                    std::move_only_function<void(DiscChanged)> done) {
    Change change{unit->home()};
    co_await change.begin();
    UnitState& state = change.state();
    if (!wanted.force && state.removal_prevention.keeps_from_operator(state.medium_loaded)) {
        state.tray.happened(scsi::MediaEvent::eject_request);
        co_await change.commit();
        done(DiscChanged::prevented);
        co_return;
    }
    if (wanted.force) {
        state.removal_prevention.clear();
    }
    auto* const drive = dynamic_cast<device::DiscDrive*>(&unit->device());
    TARGE_ASSERT(drive != nullptr);  // whoever made the unit a drive has given it one
    drive->exchange(std::move(wanted.disc));
    unit->take_disc(state);
    state.tray.changed(state.medium_loaded ? scsi::MediaEvent::new_media : scsi::MediaEvent::media_removal);
    if (state.medium_loaded) {
        change.raise({scsi::Asc::not_ready_to_ready_change_medium_may_have_changed});
    }
    co_await change.commit();
    done(DiscChanged::changed);
}

/// One that an initiator has ejected is another when it is loaded again.
Background another_disc(std::shared_ptr<LogicalUnit> unit, std::move_only_function<void()> told) {
    Change change{unit->home()};
    co_await change.begin();
    UnitState& state = change.state();
    const bool loaded = state.medium_loaded;
    unit->take_disc(state);
    state.medium_loaded = state.medium_loaded && loaded;
    if (state.medium_loaded) {
        state.tray.changed(scsi::MediaEvent::new_media);
        change.raise({scsi::Asc::not_ready_to_ready_change_medium_may_have_changed});
    }
    co_await change.commit();
    told();
}

}  // namespace

void take_another_disc(std::shared_ptr<LogicalUnit> unit, std::move_only_function<void()> told) {
    base::Core& home = unit->home().core();
    base::post(home, [unit = std::move(unit), told = std::move(told)]() mutable {
        another_disc(std::move(unit), std::move(told));
    });
}

scsi::Outcome answer_of_drive(Command& command) {
    return answer_with(command, kLongestAnswer,
                       [&](scsi::ParameterWriter& out) { return write_answer(command, out); });
}

void LogicalUnit::change_disc(DiscChange wanted, std::move_only_function<void(DiscChanged)> done) {
    base::post(home_.core(),
               [unit = shared_from_this(), wanted = std::move(wanted), done = std::move(done)]() mutable {
                   exchange(std::move(unit), std::move(wanted), std::move(done));
               });
}

}  // namespace targe::engine
