// What targed was started with.
#pragma once

#include "admin/command_line.h"

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

[[nodiscard]] std::variant<Options, admin::Message> parse_options(std::span<const char* const> arguments);

/// Every option, as the manual must have it.
[[nodiscard]] std::vector<std::string> documented_words();

}  // namespace targe::daemon
