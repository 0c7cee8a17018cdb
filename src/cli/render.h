// An answer of the daemon, as a person wants to read it.
#pragma once

#include "admin/problem.h"
#include "cli/command_line.h"

#include <nlohmann/json_fwd.hpp>

#include <ostream>
#include <string>

namespace targe::cli {

/// Fields that are missing or of another kind are shown as "-": a daemon of another version must not crash
/// us.
[[nodiscard]] std::string render(View view, const nlohmann::ordered_json& result);

/// For people on `err`; as JSON on `out`, where scripts look.
void print_problem(const admin::Problem& problem, bool json, std::ostream& out, std::ostream& err);

}  // namespace targe::cli
