// What a configuration says otherwise than what runs, and what of that can be had without a restart.
#pragma once

#include "admin/config.h"

#include <string>
#include <vector>

namespace targe::admin {

/// One thing that differs.
struct ConfigChange {
    std::string subject;  ///< "daemon", "discovery", "device NAME", "target NAME", "device_group NAME"
    std::string what;     ///< "added", "removed", or the key
    /// It needs a restart; empty: the key is such a one. Of what is applied: what is to be known of it.
    std::string why = {};
    bool operator==(const ConfigChange&) const = default;
};

struct ConfigDifference {
    /// What runs once `changes` are made: as valid as the two that it comes from. Whatever needs a restart is
    /// in it as it runs.
    Config next;
    std::vector<ConfigChange> changes;
    std::vector<ConfigChange> needs_restart;
};

/// A device or target is the same one as long as it has its name. A drive's `path` in `running` is that of
/// the disc that is in it.
[[nodiscard]] ConfigDifference difference(const Config& running, const Config& wanted);

/// "device disk1: added", "device disk0: size (why)"
[[nodiscard]] std::string to_string(const ConfigChange& change);

}  // namespace targe::admin
