// What was typed, as a value.
#pragma once

#include "admin/command_line.h"
#include "cli/bench.h"
#include "cli/vtl.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace targe::cli {

enum class View : std::uint8_t { nothing, status, sessions, devices, reservations, targets, paths, reload };

struct Invocation {
    std::string verb;              ///< of the control protocol
    std::string arguments = "{}";  ///< a JSON object
    View view = View::nothing;     ///< how the answer is shown to a person
    std::string done;              ///< what is said when there is nothing to show
    std::string socket;
    bool json = false;
    std::optional<BenchArguments> bench;  ///< instead of asking the daemon
    std::optional<VtlArguments> vtl;      ///< the same
};

using admin::kDone;
using admin::kFailed;  ///< also when the daemon could not be reached
using admin::kMisused;
using admin::Message;

[[nodiscard]] std::variant<Invocation, Message> parse_command_line(std::span<const char* const> arguments);

/// Every command and option, as the manual must have it: "targe session list", "--json".
[[nodiscard]] std::vector<std::string> documented_words();

}  // namespace targe::cli
