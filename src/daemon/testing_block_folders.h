// Folders as sysfs has them of block devices, for tests.
#pragma once

#include "daemon/one_store.h"

#include <sys/sysmacros.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace targe::daemon::testing {

class BlockFolders {
public:
    /// In a folder that outlives this.
    explicit BlockFolders(std::string root) : root_(std::move(root)) {}

    /// Files of one line. With a number: the folder is that of the device which has it now.
    void put(const std::string& folder, const std::string& number,
             const std::map<std::string, std::string>& files) const {
        const auto path = root_ / "devices" / folder;
        for (const auto& [name, text] : files) {
            std::filesystem::create_directories((path / name).parent_path());
            std::ofstream(path / name) << text << '\n';
        }
        if (!number.empty()) {
            link(folder, number);
        }
    }
    /// A host whose block devices these are, at paths such as /dev/8:1, and whose files are those of this
    /// one.
    [[nodiscard]] StoresOfHost host() const {
        StoresOfHost host = stores_of_host();
        host.block_devices = root_ / "block";
        host.find = [real = host.find](const std::string& path) -> std::optional<StoreId> {
            unsigned major_number = 0;
            unsigned minor_number = 0;
            if (std::sscanf(path.c_str(), "/dev/%u:%u", &major_number, &minor_number) != 2) {
                return real(path);
            }
            return StoreId{.is_file = false, .device = makedev(major_number, minor_number)};
        };
        return host;
    }
    void link(const std::string& folder, const std::string& number) const {
        std::filesystem::create_directories(root_ / "block");
        std::filesystem::remove(root_ / "block" / number);
        std::filesystem::create_directory_symlink(std::filesystem::path("../devices") / folder,
                                                  root_ / "block" / number);
    }

private:
    std::filesystem::path root_;
};

}  // namespace targe::daemon::testing
