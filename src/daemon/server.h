// The running target: engine, devices and portals, made from a configuration.
#pragma once

#include "admin/config.h"

#include <string>

namespace targe::daemon {

/// Serves until SIGTERM or SIGINT, finishes what is in flight, and returns the exit status of the process.
/// Called on the main thread before there is any other. `config_file` is for people.
int serve(const admin::Config& config, const std::string& config_file);

}  // namespace targe::daemon
