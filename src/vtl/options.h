// The command line of targe-vtl(8).
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

namespace targe::vtl {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kMisused = 2;

struct Options {
    std::string library;                    ///< its folder
    std::string name;                       ///< what its devices' names begin with; never empty
    std::string socket_dir = "/run/targe";  ///< where their sockets are
    unsigned wait_seconds = 10;             ///< for all of them to be there
};

/// Something to print, and to end with: to standard output when the status is kDone.
struct Message {
    std::string text;
    int exit_status;
};

[[nodiscard]] std::variant<Options, Message> parse_options(std::span<const char* const> arguments);
/// What the manual page must have.
[[nodiscard]] std::vector<std::string> documented_words();

}  // namespace targe::vtl
