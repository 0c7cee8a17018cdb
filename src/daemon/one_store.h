// Whether two devices are one store under two names, or lie on one.
#pragma once

#include "admin/config.h"
#include "admin/problem.h"

#include <sys/types.h>

#include <compare>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace targe::daemon {

/// Of a file the file system and the inode; of a block device its number, whatever its nodes are called.
struct StoreId {
    bool is_file = true;
    dev_t device = 0;
    ino_t inode = 0;
    auto operator<=>(const StoreId&) const = default;
};

/// What the host says of stores. A seam: not every machine has block devices to test with.
struct StoresOfHost {
    /// Nothing when nothing is there.
    std::function<std::optional<StoreId>(const std::string& path)> find;
    /// When a file was made, to the nanosecond, in whatever notation. Nothing where the file system does not
    /// say so.
    std::function<std::optional<std::string>(const std::string& path)> born = {};
    /// Has a folder for each block device, called by its number: "8:1".
    std::string block_devices = "/sys/dev/block";
    /// Another one after each start of the host.
    std::string boot_id = "/proc/sys/kernel/random/boot_id";
};
[[nodiscard]] StoresOfHost stores_of_host();

/// Two of the devices, whose stores are there, that are the same file or block device, or of which one lies
/// on the other (a partition and its disk, a loop device and its file, a volume and what it is made of), and
/// of which one may write it. The configuration is checked for two that have one path, not every file system
/// has the locks that keep links to one file apart, and the system keeps only writers of block devices apart.
[[nodiscard]] std::optional<admin::Problem> one_store_twice(std::span<const admin::DeviceConfig> devices,
                                                            const StoresOfHost& host = stores_of_host());

/// Why what `drive` has as its path cannot be its disc: one of the devices may write it. May block, as long
/// as the store of any of them does not answer.
[[nodiscard]] std::optional<admin::Problem> disc_is_written(std::span<const admin::DeviceConfig> devices,
                                                            const admin::DeviceConfig& drive,
                                                            const StoresOfHost& host = stores_of_host());

}  // namespace targe::daemon
