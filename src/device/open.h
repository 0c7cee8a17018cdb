// From what the administrator wrote about a device to the device.
#pragma once

#include "device/device.h"
#include "device/space_trials.h"
#include "device/user_settings.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace targe::device {

enum class Handler : std::uint8_t { null, ram, file, block, user };

struct DeviceConfig {
    Handler handler = Handler::null;
    std::string path = {};                                  ///< of the file or block device
    std::uint64_t size_bytes = 0;                           ///< 0: what the store has; null and ram need one
    std::uint32_t block_size = 512;                         ///< 512, 1024, 2048 or 4096
    std::optional<std::uint32_t> physical_block_size = {};  ///< bytes; nothing: what the store says of itself
    bool direct = false;                                    ///< file: O_DIRECT, past the page cache
    bool read_only = false;
    bool thin = true;                     ///< may give space back, where the store can
    bool create = true;                   ///< file: make it, or grow it to size_bytes; never cuts one
    std::optional<bool> rotational = {};  ///< nothing: what the store says of itself
    UserSettings user = {};               ///< user; its size, block size and read_only are those above
};

/// What went wrong and what to do about it, in sentences.
struct OpenError {
    std::string text;
    bool operator==(const OpenError&) const = default;
};

/// Opens the store and looks at it. May block: before the reactors start, or on a thread of its own. A file
/// that it makes survives a power cut only after make_new_files_durable(). One that is larger than
/// `size_bytes` is served whole; the log warns of that, and of a rest that is no whole block.
[[nodiscard]] std::expected<std::unique_ptr<Device>, OpenError> open(const DeviceConfig& config);
/// The same as one of many, whose file systems `trials` knows, or gets to know.
[[nodiscard]] std::expected<std::unique_ptr<Device>, OpenError> open(const DeviceConfig& config,
                                                                     SpaceTrials& trials);

/// An image of a disc, read-only, in blocks of DiscDrive::kBlockSize. May block. The log warns of a rest that
/// is no whole block, and is left out, and of a file that has no file system of discs.
[[nodiscard]] std::expected<std::unique_ptr<Device>, OpenError> open_disc(const std::string& path);

/// Syncs the directory of every file once, so that a thousand new files cost one wait and not a thousand. May
/// block.
void make_new_files_durable(std::span<const DeviceConfig> configs);

}  // namespace targe::device
