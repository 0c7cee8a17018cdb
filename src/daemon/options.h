// What targed was started with.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace targe::daemon {

enum class Mode : std::uint8_t { serve, check };

struct Options {
    Mode mode = Mode::serve;
    std::string config_file = "/etc/targe/targe.toml";
};

/// Help, the version, or a mistake: there is nothing to start.
struct Message {
    std::string text;
    int exit_status = 0;
};

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kMisused = 2;

[[nodiscard]] std::variant<Options, Message> parse_options(std::span<const char* const> arguments);

/// Every option, as the manual must have it.
[[nodiscard]] std::vector<std::string> documented_words();

}  // namespace targe::daemon
