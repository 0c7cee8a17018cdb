#include "scsi/multimedia_drive.h"

#include <algorithm>
#include <array>

namespace targe::scsi {
namespace {

/// A feature's place in GET CONFIGURATION, and whether it is current with what is in the drive.
struct Feature {
    std::uint16_t code;
    std::uint8_t version;
    bool persistent;
    bool (*current)(Profile profile);
    void (*write)(const DriveStatus& drive, std::string_view serial, ParameterWriter& out);
};

bool always(Profile /*profile*/) {
    return true;
}
bool with_disc(Profile profile) {
    return profile != Profile::none;
}
bool with_cd(Profile profile) {
    return profile == Profile::cd_rom;
}
bool with_dvd(Profile profile) {
    return profile == Profile::dvd_rom;
}
bool with_bd(Profile profile) {
    return profile == Profile::bd_rom;
}

void nothing(const DriveStatus& /*drive*/, std::string_view /*serial*/, ParameterWriter& /*out*/) {}

/// The best comes first.
void profiles(const DriveStatus& drive, std::string_view /*serial*/, ParameterWriter& out) {
    for (const Profile profile : {Profile::bd_rom, Profile::dvd_rom, Profile::cd_rom}) {
        out.u16(static_cast<std::uint16_t>(profile));
        out.u8(profile_of(drive.blocks) == profile ? 1 : 0);
        out.u8(0);
    }
}

void core(const DriveStatus& /*drive*/, std::string_view /*serial*/, ParameterWriter& out) {
    constexpr std::uint32_t kScsiFamily = 1;
    constexpr std::uint8_t kInquiryAndBusyEvents = 0x03;  // INQ2, DBE
    out.u32(kScsiFamily);
    out.u8(kInquiryAndBusyEvents);
    out.zeroes(3);
}

void morphing(const DriveStatus& /*drive*/, std::string_view /*serial*/, ParameterWriter& out) {
    constexpr std::uint8_t kOperationalEvents = 0x02;  // OCEVENT; ASYNC is of ATAPI
    out.u8(kOperationalEvents);
    out.zeroes(3);
}

void removable_medium(const DriveStatus& /*drive*/, std::string_view /*serial*/, ParameterWriter& out) {
    constexpr std::uint8_t kTray = 0x20;           // LOADING MECHANISM TYPE 001b
    constexpr std::uint8_t kLoadEjectLock = 0x19;  // LOAD, EJECT, LOCK
    out.u8(kTray | kLoadEjectLock);
    out.zeroes(3);
}

/// BLOCKING: blocks that are corrected together.
std::uint16_t blocking(Profile profile) {
    constexpr std::uint16_t kOfDvd = 16;
    constexpr std::uint16_t kOfBd = 32;
    if (profile == Profile::bd_rom) {
        return kOfBd;
    }
    return profile == Profile::dvd_rom ? kOfDvd : 1;
}

void random_readable(const DriveStatus& drive, std::string_view /*serial*/, ParameterWriter& out) {
    constexpr std::uint8_t kErrorRecoveryPage = 1;
    out.u32(kDiscBlockSize);
    out.u16(blocking(profile_of(drive.blocks)));
    out.u8(kErrorRecoveryPage);
    out.u8(0);
}

/// No digital audio play, no C2 flags, no CD-Text.
void cd_read(const DriveStatus& /*drive*/, std::string_view /*serial*/, ParameterWriter& out) {
    out.zeroes(4);
}

/// Versions that are read, a bit each: of BD-RE, BD-R and BD-ROM in turn for classes 0 to 3.
void bd_read(const DriveStatus& /*drive*/, std::string_view /*serial*/, ParameterWriter& out) {
    constexpr std::size_t kClasses = 4;
    constexpr std::uint16_t kVersion1 = 0x0002;
    out.zeroes(4);
    out.zeroes(2 * kClasses * sizeof(std::uint16_t));
    out.u16(kVersion1);
    out.zeroes((kClasses - 1) * sizeof(std::uint16_t));
}

void serial_number(const DriveStatus& /*drive*/, std::string_view serial, ParameterWriter& out) {
    out.ascii(serial, (serial.size() + 3) / 4 * 4);
}

/// Ascending. Each brings mandatory commands with it, all of which are in the command table.
constexpr auto kFeatures = std::to_array<Feature>({
    {0x0000, 0, true, always, profiles},
    {0x0001, 2, true, always, core},
    {0x0002, 1, true, always, morphing},
    {0x0003, 2, true, always, removable_medium},
    {0x0010, 0, false, with_disc, random_readable},
    {0x001e, 2, false, with_cd, cd_read},
    {0x001f, 0, false, with_dvd, nothing},  // DVD Read
    {0x0040, 0, false, with_bd, bd_read},
    {0x0100, 0, true, always, nothing},  // Power Management
    {0x0105, 0, true, always, nothing},  // Timeout
    {0x0108, 0, true, always, serial_number},
});
static_assert(std::ranges::is_sorted(kFeatures, {}, &Feature::code));

void put_feature(const Feature& feature, const DriveStatus& drive, std::string_view serial,
                 ParameterWriter& out) {
    out.u16(feature.code);
    out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(feature.version) << 2U |
                                     (feature.persistent ? 2U : 0U) |
                                     (feature.current(profile_of(drive.blocks)) ? 1U : 0U)));
    const std::size_t length_at = out.size();
    out.u8(0);
    feature.write(drive, serial, out);
    out.patch(length_at, static_cast<std::uint8_t>(out.size() - length_at - 1));
}

/// Notification classes.
enum class Class : std::uint8_t { none = 0, operational_change = 1, power = 2, media = 4, device_busy = 6 };
constexpr auto kClasses =
    std::to_array<Class>({Class::operational_change, Class::power, Class::media, Class::device_busy});

constexpr std::uint8_t bit(Class notification) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(notification));
}
constexpr std::uint8_t kSupported =
    bit(Class::operational_change) | bit(Class::power) | bit(Class::media) | bit(Class::device_busy);

bool has_happened(Class notification, const DriveEvents& events) {
    switch (notification) {
        case Class::operational_change:
            return events.operational_change;
        case Class::media:
            return events.media != MediaEvent::none;
        case Class::none:
        case Class::power:
        case Class::device_busy:
            break;
    }
    return false;
}

/// Of the classes asked for the first in which something has happened, else the first at all.
Class to_report(std::uint8_t asked, const DriveEvents& events) {
    Class first = Class::none;
    for (const Class each : kClasses) {
        if ((asked & bit(each)) == 0) {
            continue;
        }
        if (has_happened(each, events)) {
            return each;
        }
        first = first == Class::none ? each : first;
    }
    return first;
}

void put_event(Class notification, const DriveStatus& drive, const DriveEvents& events,
               ParameterWriter& out) {
    constexpr std::uint8_t kChangedState = 2;
    constexpr std::uint16_t kFeatureChange = 1;
    constexpr std::uint8_t kActive = 1;
    constexpr std::uint8_t kPersistentPrevented = 0x80;
    constexpr std::uint8_t kMediaPresent = 0x02;
    constexpr std::uint8_t kTrayOpen = 0x01;
    switch (notification) {
        case Class::operational_change:
            out.u8(events.operational_change ? kChangedState : 0);
            out.u8(drive.persistent_prevention ? kPersistentPrevented : 0);
            out.u16(events.operational_change ? kFeatureChange : 0);
            return;
        case Class::power:
            out.u8(0);
            out.u8(kActive);
            out.u16(0);
            return;
        case Class::media:
            out.u8(static_cast<std::uint8_t>(events.media));
            out.u8(static_cast<std::uint8_t>((drive.blocks != 0 ? kMediaPresent : 0U) |
                                             (drive.tray_open ? kTrayOpen : 0U)));
            out.u16(0);
            return;
        case Class::device_busy:  // never
        case Class::none:
            out.u32(0);
            return;
    }
}

}  // namespace

std::optional<Sense> get_configuration(CdbOf<GetConfigurationCdb> cdb, const DriveStatus& drive,
                                       std::string_view serial, ParameterWriter& out) {
    using L = GetConfigurationCdb;
    enum class Requested : std::uint8_t { all = 0, current = 1, one = 2 };
    const auto requested = static_cast<Requested>(wire::get<L::kRequestedType>(cdb));
    const std::uint16_t from = wire::get<L::kStartingFeature>(cdb);
    if (requested > Requested::one) {
        return invalid_field(L::kRequestedType);
    }
    const std::size_t begin = out.size();
    out.u32(0);
    out.u16(0);
    out.u16(static_cast<std::uint16_t>(profile_of(drive.blocks)));
    for (const Feature& feature : kFeatures) {
        const bool wanted = requested == Requested::one ? feature.code == from : feature.code >= from;
        if (wanted && (requested != Requested::current || feature.current(profile_of(drive.blocks)))) {
            put_feature(feature, drive, serial, out);
        }
    }
    out.patch(begin, static_cast<std::uint32_t>(out.size() - begin - sizeof(std::uint32_t)));
    return std::nullopt;
}

std::expected<EventTold, Sense> get_event_status_notification(CdbOf<GetEventStatusNotificationCdb> cdb,
                                                              const DriveStatus& drive,
                                                              const DriveEvents& events,
                                                              ParameterWriter& out) {
    using L = GetEventStatusNotificationCdb;
    constexpr std::uint8_t kNoEventAvailable = 0x80;  // NEA
    constexpr std::uint16_t kHeaderBytes = 4;
    if (wire::get<L::kPolled>(cdb) == 0) {
        return std::unexpected(invalid_field(L::kPolled));  // there are no asynchronous ones
    }
    const Class notification = to_report(wire::get<L::kClasses>(cdb), events);
    const bool any = notification != Class::none;
    // [MMC-6 r2g]: the length does not count itself.
    out.u16(any ? 2 * kHeaderBytes - 2 : kHeaderBytes - 2);
    out.u8(static_cast<std::uint8_t>((any ? 0U : kNoEventAvailable) | static_cast<unsigned>(notification)));
    out.u8(kSupported);
    if (!any) {
        return EventTold::none;
    }
    put_event(notification, drive, events, out);
    // A header alone tells of no event, so it is not told of yet.
    if (wire::get<L::kAllocationLength>(cdb) <= kHeaderBytes || !has_happened(notification, events)) {
        return EventTold::none;
    }
    return notification == Class::media ? EventTold::media : EventTold::operational_change;
}

void mechanism_status(const DriveStatus& drive, ParameterWriter& out) {
    constexpr std::uint8_t kTrayOpen = 0x10;  // DOOR OPEN
    out.u8(0);
    out.u8(drive.tray_open ? kTrayOpen : 0);
    out.zeroes(6);  // the current address, which nobody keeps; no slots
}

}  // namespace targe::scsi
