// Rows of the command table: drives of CDs and DVDs, [MMC-6 r2g].
#pragma once

#include "scsi/command_rows.h"
#include "scsi/multimedia_cdbs.h"
#include "scsi/parameter_cdbs.h"

#include <array>

namespace targe::scsi::rows {

/// Tells of the drive. What is pending stays pending: these two are how an initiator learns of changes
/// without being told of them by a unit attention.
inline constexpr CommandRules kTellsOfDrive = kIdentify;
inline constexpr CommandRules kTellsOfDisc{.accesses_medium = true, .under_write_exclusive = kAllowed};
inline constexpr CommandRules kTellsOfMechanism{.under_write_exclusive = kAllowed};

inline constexpr auto kMultimediaCommands = std::to_array<CommandInfo>({
    row<ReadCapacity10Cdb>(0x25, read_capacity_10, "READ CAPACITY(10)", to_initiator, kCapacity, kQuick),
    row<DiscRead10Cdb>(0x28, read_10, "READ(10)", to_initiator, kRead, kOrdinary),
    row<Seek10Cdb>(0x2b, seek_10, "SEEK(10)", none, kRead, kQuick),
    row<DiscVerify10Cdb>(0x2f, verify_10, "VERIFY(10)", none, kRead, kOrdinary),
    row<ReadTocCdb>(0x43, read_toc_pma_atip, "READ TOC/PMA/ATIP", to_initiator, kTellsOfDisc, kQuick),
    row<GetConfigurationCdb>(0x46, get_configuration, "GET CONFIGURATION", to_initiator, kTellsOfDrive,
                             kQuick),
    row<GetEventStatusNotificationCdb>(0x4a, get_event_status_notification, "GET EVENT STATUS NOTIFICATION",
                                       to_initiator, kTellsOfDrive, kQuick),
    row<ReadDiscInformationCdb>(0x51, read_disc_information, "READ DISC INFORMATION", to_initiator,
                                kTellsOfDisc, kQuick),
    row<ReadTrackInformationCdb>(0x52, read_track_information, "READ TRACK INFORMATION", to_initiator,
                                 kTellsOfDisc, kQuick),
    row<DiscRead12Cdb>(0xa8, read_12, "READ(12)", to_initiator, kRead, kOrdinary),
    row<GetPerformanceCdb>(0xac, get_performance, "GET PERFORMANCE", to_initiator, kTellsOfDisc, kQuick),
    row<ReadDiscStructureCdb>(0xad, read_disc_structure, "READ DISC STRUCTURE", to_initiator, kTellsOfDisc,
                              kQuick),
    row<ReadCdMsfCdb>(0xb9, read_cd_msf, "READ CD MSF", to_initiator, kRead, kOrdinary),
    row<SetCdSpeedCdb>(0xbb, set_cd_speed, "SET CD SPEED", none, kTellsOfMechanism, kQuick),
    row<MechanismStatusCdb>(0xbd, mechanism_status, "MECHANISM STATUS", to_initiator, kTellsOfMechanism,
                            kQuick),
    row<ReadCdCdb>(0xbe, read_cd, "READ CD", to_initiator, kRead, kOrdinary),
});

}  // namespace targe::scsi::rows
