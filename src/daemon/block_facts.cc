#include "daemon/block_facts.h"

#include <fmt/core.h>
#include <sys/sysmacros.h>

#include <fstream>

namespace targe::daemon {

namespace fs = std::filesystem;

fs::path folder_of(const StoresOfHost& host, const StoreId& block_device) {
    return fs::path(host.block_devices) /
           fmt::format("{}:{}", major(block_device.device), minor(block_device.device));
}

std::string line_of(const fs::path& file) {
    std::string line;
    std::ifstream in(file);
    std::getline(in, line);
    return line;
}

std::uint64_t number_of(const fs::path& file) {
    std::uint64_t number = 0;
    std::ifstream in(file);
    in >> number;
    return in ? number : 0;
}

std::optional<StoreId> block_device_of(const fs::path& file) {
    unsigned major_number = 0;
    unsigned minor_number = 0;
    char colon = 0;
    std::ifstream in(file);
    in >> major_number >> colon >> minor_number;
    return in ? std::optional(StoreId{.is_file = false, .device = makedev(major_number, minor_number)})
              : std::nullopt;
}

}  // namespace targe::daemon
