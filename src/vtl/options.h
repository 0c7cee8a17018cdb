// The command line of targe-vtl(8).
#pragma once

#include "admin/command_line.h"

#include <span>
#include <string>
#include <variant>
#include <vector>

namespace targe::vtl {

struct Options {
    std::string library;                    ///< its folder
    std::string name;                       ///< what its devices' names begin with; never empty
    std::string socket_dir = "/run/targe";  ///< where their sockets are
    unsigned wait_seconds = 10;             ///< for all of them to be there
};

[[nodiscard]] std::variant<Options, admin::Message> parse_options(std::span<const char* const> arguments);
/// What the manual page must have.
[[nodiscard]] std::vector<std::string> documented_words();

}  // namespace targe::vtl
