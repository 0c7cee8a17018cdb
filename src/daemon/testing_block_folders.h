// Folders as sysfs has them of block devices, for tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <utility>

namespace targe::daemon::testing {

class BlockFolders {
public:
    /// In a folder that outlives this.
    explicit BlockFolders(std::string root) : root_(std::move(root)) {}

    /// Each device by its number: what StoresOfHost::block_devices is to be.
    [[nodiscard]] std::string by_number() const { return root_ / "block"; }
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
