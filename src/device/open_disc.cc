// Images of discs, for drives.
#include "base/log.h"
#include "device/disc_drive.h"
#include "device/open_store.h"

#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <system_error>

namespace targe::device {
namespace {

/// As much as the 32 bits of a CDB name.
constexpr std::uint64_t kMostBlocks = std::numeric_limits<std::uint32_t>::max();

/// Images are whole blocks: one that is not was cut, or is none. What there is of it may be what is wanted.
void warn_of_rest(const std::string& path) {
    std::error_code unreadable;
    const std::uintmax_t size = std::filesystem::file_size(path, unreadable);
    const std::uintmax_t rest = unreadable ? 0 : size % DiscDrive::kBlockSize;
    if (rest != 0) {
        TARGE_LOG(
            warning, "device",
            "{} has {} bytes, which is no multiple of {}: the last {} cannot be read; was it copied to its "
            "end, and is it an image of a disc?",
            path, size, DiscDrive::kBlockSize, rest);
    }
}

}  // namespace

std::expected<std::unique_ptr<Device>, OpenError> open_disc(const std::string& path) {
    DeviceConfig config;
    config.handler = Handler::file;
    config.path = path;
    config.block_size = DiscDrive::kBlockSize;
    config.read_only = true;
    config.thin = false;
    config.create = false;
    auto disc = open_file_device(config);
    if (!disc) {
        return disc;
    }
    if ((*disc)->geometry().blocks > kMostBlocks) {
        return std::unexpected(OpenError{fmt::format(
            "cannot serve the file {}: it has {} blocks of {} bytes, and a drive reads no more than {}", path,
            (*disc)->geometry().blocks, DiscDrive::kBlockSize, kMostBlocks)});
    }
    warn_of_rest(path);
    return disc;
}

std::expected<std::unique_ptr<Device>, OpenError> open_drive(const std::string& path) {
    if (path.empty()) {
        return std::make_unique<DiscDrive>(nullptr);
    }
    auto disc = open_disc(path);
    if (!disc) {
        return disc;
    }
    return std::make_unique<DiscDrive>(std::move(*disc));
}

}  // namespace targe::device
