// One invocation of targe, from what was typed to what is printed.
#pragma once

#include "admin/problem.h"

#include <expected>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

namespace targe::cli {

/// How the daemon is asked: admin::ask_daemon(), or a test's.
using Ask = std::function<std::expected<std::string, admin::Problem>(const std::string& socket,
                                                                     std::string_view request)>;

/// Returns the exit status.
int run(std::span<const char* const> arguments, const Ask& ask, std::ostream& out, std::ostream& err);

}  // namespace targe::cli
