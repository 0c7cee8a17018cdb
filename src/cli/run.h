// One invocation of targe, from what was typed to what is printed.
#pragma once

#include "cli/answer.h"

#include <ostream>
#include <span>

namespace targe::cli {

/// Returns the exit status.
int run(std::span<const char* const> arguments, const Ask& ask, std::ostream& out, std::ostream& err);

}  // namespace targe::cli
