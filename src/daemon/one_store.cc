#include "daemon/one_store.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <map>
#include <utility>

namespace targe::daemon {
namespace {

/// Of a file the file system and the inode; of a block device its number, whatever its nodes are called.
struct StoreId {
    bool is_file;
    dev_t device;
    ino_t inode;
    auto operator<=>(const StoreId&) const = default;
};

std::optional<StoreId> store_of(const admin::DeviceConfig& device) {
    struct stat found{};
    if (device.path.empty() || ::stat(device.path.c_str(), &found) != 0) {
        return std::nullopt;
    }
    return S_ISBLK(found.st_mode) ? StoreId{.is_file = false, .device = found.st_rdev, .inode = 0}
                                  : StoreId{.is_file = true, .device = found.st_dev, .inode = found.st_ino};
}

bool writes(const admin::DeviceConfig& device) {
    return !device.read_only && !device.drive;
}

admin::Problem problem_of(const admin::DeviceConfig& first, const admin::DeviceConfig& second) {
    return {.what = fmt::format("the devices {} and {} are one store", first.name, second.name),
            .cause = fmt::format("{} is another name of {}: of what one of them has written or reserved the "
                                 "other would not know",
                                 second.path, first.path),
            .cure =
                "map one device to several LUNs instead; only devices that are all read-only may share a "
                "store"};
}

}  // namespace

std::optional<admin::Problem> one_store_twice(std::span<const admin::DeviceConfig> devices) {
    std::map<StoreId, const admin::DeviceConfig*> first;
    for (const admin::DeviceConfig& device : devices) {
        const auto store = store_of(device);
        if (!store) {
            continue;
        }
        // One that writes is not beside another one, so that the first stands for all.
        const auto [earlier, fresh] = first.emplace(*store, &device);
        if (!fresh && (writes(device) || writes(*earlier->second))) {
            return problem_of(*earlier->second, device);
        }
    }
    return std::nullopt;
}

}  // namespace targe::daemon
