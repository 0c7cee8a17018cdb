// An answer of the daemon, as a person wants to read it.
#pragma once

#include "cli/command_line.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace targe::cli {

/// Fields that are missing or of another kind are shown as "-": a daemon of another version must not crash
/// us.
[[nodiscard]] std::string render(View view, const nlohmann::ordered_json& result);

}  // namespace targe::cli
