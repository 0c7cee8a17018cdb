// A drive of CDs and DVDs: a file that is a disc, or none.
#include "admin/config_parts.h"

#include <fmt/format.h>

#include <string_view>

namespace targe::admin {
namespace {

constexpr auto kTypes = std::to_array<std::pair<std::string_view, bool>>({
    {"disk", false},
    {"cdrom", true},
});

struct Refused {
    std::string_view key;
    std::string_view cause;
};
constexpr std::string_view kOfTheImage = "it is as large as its image";
constexpr std::string_view kNothingIsWritten = "nothing is ever written to a disc";
constexpr std::string_view kEveryDrive = "every drive reads alone, and has a disc that can be taken out";

/// What every drive is, and what means nothing for any.
constexpr auto kRefused = std::to_array<Refused>({
    {"size", kOfTheImage},
    {"block_size", "a disc has blocks of 2048 bytes"},
    {"physical_block_size", "a disc has blocks of 2048 bytes"},
    {"thin", kNothingIsWritten},
    {"threshold_available", kNothingIsWritten},
    {"threshold_used", kNothingIsWritten},
    {"write_cache", kNothingIsWritten},
    {"read_only", kEveryDrive},
    {"removable", kEveryDrive},
    {"rotational", "every drive says so"},
    {"direct", "images are read through the page cache"},
});

}  // namespace

bool is_drive(const Section& section) {
    bool drive = false;
    section.read_choice<bool>("type", drive, kTypes);
    return drive;
}

void read_drive(const Section& section, DeviceConfig& device) {
    constexpr std::uint32_t kBlockSize = 2048;
    section.read_path("path", device.path);
    for (const Refused& each : kRefused) {
        if (const Entry* const entry = section.find(each.key)) {
            section.reading().problems.error(entry->place,
                                             fmt::format("'{}' means nothing with type \"cdrom\"", each.key),
                                             std::string(each.cause), "take the line out");
        }
    }
    device.drive = true;
    device.block_size = kBlockSize;
    device.read_only = true;
    device.removable = true;
}

}  // namespace targe::admin
