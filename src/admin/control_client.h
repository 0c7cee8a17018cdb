// One request to a running targed, and its answer.
#pragma once

#include "admin/problem.h"

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

namespace targe::admin {

/// Sends `request` (without newline) and returns the answer's line. A problem when there is no answer: it
/// says whether the daemon does not run, or may not be spoken to.
[[nodiscard]] std::expected<std::string, Problem> ask_daemon(const std::string& socket,
                                                             std::string_view request,
                                                             std::chrono::milliseconds timeout);

}  // namespace targe::admin
