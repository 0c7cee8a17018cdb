// Which images there were: one that is missing now was lost, and is not made a second time.
#pragma once

#include "admin/config.h"
#include "admin/problem.h"
#include "admin/state_directory.h"

#include <expected>
#include <map>
#include <optional>
#include <string>

namespace targe::daemon {

/// A file that is missing is made where its device is new. Where the file was there before, probably its file
/// system is not mounted, and initiators must not find an empty disk in place of theirs.
class ServedImages {
public:
    /// Those that remember() kept last.
    static std::expected<ServedImages, admin::Problem> load(const admin::StateDirectory& directory);

    /// The device has lost its image. May block.
    [[nodiscard]] std::optional<admin::Problem> lost(const admin::DeviceConfig& device) const;
    /// All that the configuration names are there now, and nothing is known any more of others. Durable when
    /// it returns well.
    std::expected<void, admin::Problem> remember(admin::StateDirectory& directory,
                                                 const admin::Config& config);

private:
    std::map<std::string, std::string> paths_;  ///< by name of their device
};

}  // namespace targe::daemon
