// What a drive of CDs and DVDs says of itself, [MMC-6 r2g]: GET CONFIGURATION, GET EVENT STATUS NOTIFICATION,
// MECHANISM STATUS.
#pragma once

#include "scsi/disc.h"
#include "scsi/multimedia_cdbs.h"
#include "scsi/parameter_writer.h"
#include "scsi/sense.h"

#include <cstdint>
#include <expected>
#include <string_view>

namespace targe::scsi {

/// Of the drive at the moment.
struct DriveStatus {
    std::uint64_t blocks = 0;  ///< of the disc; 0: none is loaded
    bool tray_open = false;
    bool persistent_prevention = false;  ///< of the removal of the medium, by whichever I_T nexus
};

/// In kilobytes (1,000 bytes) a second: what a drive of 48 times CD speed reads. No disc turns here, and
/// nothing is held to it.
inline constexpr std::uint16_t kDriveSpeed = 8467;

/// NOT READY, and where the disc is that is missing.
[[nodiscard]] constexpr Sense no_disc(bool tray_open) {
    return {.key = SenseKey::not_ready,
            .asc = tray_open ? Asc::medium_not_present_tray_open : Asc::medium_not_present_tray_closed};
}

[[nodiscard]] std::optional<Sense> get_configuration(CdbOf<GetConfigurationCdb> cdb, const DriveStatus& drive,
                                                     std::string_view serial, ParameterWriter& out);

/// Media event codes.
enum class MediaEvent : std::uint8_t { none = 0, eject_request = 1, new_media = 2, media_removal = 3 };

/// What an I_T nexus has not been told of.
struct DriveEvents {
    MediaEvent media = MediaEvent::none;
    bool operational_change = false;  ///< features are current that were not, or the other way round
};

/// Which event was told, if one was: it is told no more.
enum class EventTold : std::uint8_t { none, operational_change, media };

[[nodiscard]] std::expected<EventTold, Sense> get_event_status_notification(
    CdbOf<GetEventStatusNotificationCdb> cdb, const DriveStatus& drive, const DriveEvents& events,
    ParameterWriter& out);

void mechanism_status(const DriveStatus& drive, ParameterWriter& out);

}  // namespace targe::scsi
