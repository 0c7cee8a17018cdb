// What a lane must know to execute ordinary commands.
#pragma once

#include "device/command_server.h"
#include "device/device.h"
#include "engine/nexus_unit.h"
#include "engine/removal_prevention.h"
#include "scsi/asymmetric_access.h"
#include "scsi/command_table.h"
#include "scsi/diagnostics.h"
#include "scsi/identifying_information.h"
#include "scsi/log_parameters.h"
#include "scsi/mode_pages.h"
#include "scsi/multimedia_drive.h"
#include "scsi/persistent_reservation.h"
#include "scsi/priority.h"
#include "scsi/timestamp.h"
#include "scsi/unit_description.h"

#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace targe::engine {

struct RodTokens;
struct SelfTestRun;
struct ExceptionToTell;

/// As many as the Self-Test Results log page has room for.
inline constexpr std::size_t kSelfTests = 20;

/// What keeps the medium from being used: FORMAT UNIT or SANITIZE, under way or ended badly; a WRITE ATOMIC
/// that a crash has interrupted, and that has not been brought to its end yet; or that one of these was begun
/// on another medium.
enum class MediumWork : std::uint8_t {
    none,
    formatting,
    sanitizing,
    format_failed,
    sanitize_failed,
    recovering,
    begun_elsewhere,
};

/// Of a removable medium's drive, and what of it GET EVENT STATUS NOTIFICATION tells each nexus once.
struct Tray {
    bool open = false;
    scsi::MediaEvent latest = scsi::MediaEvent::none;
    std::uint32_t media_events = 0;         ///< greater with each
    std::uint32_t operational_changes = 0;  ///< the same

    void happened(scsi::MediaEvent event) {
        latest = event;
        ++media_events;
    }
    /// With another medium other features are current.
    void changed(scsi::MediaEvent event) {
        open = event == scsi::MediaEvent::media_removal;
        happened(event);
        ++operational_changes;
    }
};

/// Immutable once a lane has it. The unit's home makes a new one for every change.
struct UnitState {
    scsi::UnitDescription description;
    scsi::UnitTraits traits;
    bool is_disk = true;  ///< the engine executes its commands, and they are of the block command set
    device::Capabilities capabilities;
    device::CommandServer* server = nullptr;  ///< of a unit whose device executes its commands itself
    device::ServerFacts facts;                ///< what INQUIRY tells of that
    scsi::ModePages pages;
    scsi::ModePages default_pages;
    std::optional<scsi::ModePages> saved_pages;
    bool keeps = false;  ///< the unit has a store: what must outlive the process can be offered
    scsi::IdentifyingInformation identification;
    scsi::UnitClock clock;
    /// Never null, as `persistent` below.
    std::shared_ptr<const scsi::NexusPriorities> priorities = std::make_shared<const scsi::NexusPriorities>();
    /// Neither is null. What initiators wrote into the log, and what of it they saved.
    std::shared_ptr<const scsi::LogParameters> log = std::make_shared<const scsi::LogParameters>();
    std::shared_ptr<const scsi::LogParameters> saved_log = log;
    std::uint32_t load_unload_cycles = 0;  ///< of a removable medium
    std::uint64_t powered_on_ms = 0;  ///< when the unit was made, in milliseconds since 1970-01-01 00:00 UTC
    std::shared_ptr<ExceptionToTell> exception;    ///< null: no command is to tell of one; see exceptions.h
    std::optional<scsi::Asc> polled_exception;     ///< for REQUEST SENSE
    std::optional<scsi::Asc> logged_exception;     ///< the latest, for the log
    std::uint64_t exception_selection = 0;         ///< greater whenever their telling was selected anew
    std::vector<scsi::SelfTestResult> self_tests;  ///< the newest first, at most kSelfTests
    std::shared_ptr<SelfTestRun> self_test;        ///< null: none is under way; see self_test.h
    std::shared_ptr<const scsi::AsymmetricAccess> access;  ///< null: every path is as good as another
    MediumWork work = MediumWork::none;
    bool unrestricted_exit = false;                        ///< AUSE of the latest SANITIZE
    std::shared_ptr<std::atomic<std::uint16_t>> progress;  ///< while it is under way, in 1/65536ths
    std::shared_ptr<const RodTokens> tokens;               ///< null: there are none; see rod_tokens.h
    bool read_only = false;                                ///< the unit's own, or the device's
    bool medium_loaded = true;                             ///< false: ejected
    Tray tray;
    std::optional<NexusId> reserved_by;  ///< RESERVE of SPC-2
    /// Never null. Shared from state to state, because most changes concern something else.
    std::shared_ptr<const scsi::PersistentReservations> persistent =
        std::make_shared<const scsi::PersistentReservations>();
    RemovalPrevention removal_prevention;

    void set_access(std::shared_ptr<const scsi::AsymmetricAccess> now) {
        access = std::move(now);
        description.access = !access                  ? scsi::AccessSupport::symmetric
                             : access->set_by_command ? scsi::AccessSupport::implicit_and_explicit
                                                      : scsi::AccessSupport::implicit;
        traits = scsi::traits_of(description);
    }
    /// How well the unit is reached through a port. One that is in no group leads nowhere.
    [[nodiscard]] scsi::AccessState access_through(std::uint16_t relative_target_port) const {
        if (!access) {
            return scsi::AccessState::active_optimized;
        }
        const scsi::TargetPortGroup* const group = access->group_of(relative_target_port);
        return group != nullptr ? group->state : scsi::AccessState::unavailable;
    }
    /// What a reset brings back: what was saved, else what the administrator configured.
    [[nodiscard]] const scsi::ModePages& restored_pages() const {
        return saved_pages ? *saved_pages : default_pages;
    }
    [[nodiscard]] scsi::ModeValues mode_values() const {
        return {.current = pages,
                .defaults = default_pages,
                .saved = restored_pages(),
                .can_save = keeps,
                .removal_prevented = removal_prevention.by_anybody()};
    }
    [[nodiscard]] bool is_multimedia() const {
        return server == nullptr && traits.set == scsi::CommandSet::multimedia;
    }
    [[nodiscard]] scsi::DriveStatus drive_status() const {
        return {.blocks = medium_loaded ? description.blocks : 0,
                .tray_open = tray.open,
                .persistent_prevention = removal_prevention.by_persistence()};
    }
    /// NOT READY, because there is no medium.
    [[nodiscard]] scsi::Sense no_medium() const {
        return is_multimedia()
                   ? scsi::no_disc(tray.open)
                   : scsi::Sense{.key = scsi::SenseKey::not_ready, .asc = scsi::Asc::medium_not_present};
    }
    /// What is kept of the log.
    [[nodiscard]] scsi::KeptLog kept_log() const {
        return {.parameters = *saved_log, .load_unload_cycles = load_unload_cycles};
    }
};

}  // namespace targe::engine
