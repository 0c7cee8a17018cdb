// Images of discs, for drives.
#include "base/log.h"
#include "device/disc_drive.h"
#include "device/open_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

namespace targe::device {
namespace {

/// What stands in the first descriptors, from block 16 on, of a disc that Linux, Windows or firmware can
/// read: ISO 9660 or UDF.
bool has_volume_descriptor(const std::string& path) {
    constexpr std::size_t kFirst = 16;
    constexpr std::size_t kLast = 31;
    constexpr auto kKnown = std::to_array<std::string_view>({"CD001", "BEA01", "NSR02", "NSR03"});
    std::ifstream file(path, std::ios::binary);
    for (std::size_t block = kFirst; block <= kLast; ++block) {
        std::array<char, 5> name{};
        file.seekg(static_cast<std::streamoff>(block * DiscDrive::kBlockSize + 1));
        if (!file.read(name.data(), name.size())) {
            return false;
        }
        if (std::ranges::find(kKnown, std::string_view(name.data(), name.size())) != kKnown.end()) {
            return true;
        }
    }
    return false;
}

/// A file that is compressed, or no image at all, looks like a disc until somebody wants to mount it.
void warn_of_content(const std::string& path) {
    if (!has_volume_descriptor(path)) {
        TARGE_LOG(
            warning, "device",
            "{} has neither a file system of ISO 9660 nor one of UDF: initiators may find nothing on the "
            "disc; is it an image of one, and not compressed? file {} says what it is",
            path, path);
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
    SpaceTrials trials;  // there will be none, since nothing is written
    auto disc = open_file_device(config, trials, FileUse::disc);
    if (!disc) {
        return disc;
    }
    constexpr std::uint64_t kMostBlocks = DiscDrive::kMostBlocks;
    if ((*disc)->geometry().blocks > kMostBlocks) {
        return std::unexpected(OpenError{fmt::format(
            "cannot serve the file {}: it has {} blocks of {} bytes, and a drive reads no more than {}", path,
            (*disc)->geometry().blocks, DiscDrive::kBlockSize, kMostBlocks)});
    }
    warn_of_content(path);
    return disc;
}

}  // namespace targe::device
