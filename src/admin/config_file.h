// Reads targe.toml. Strict: what is not known, or not possible, is an error with its place, and all errors
// come at once. On threads that are no reactors: it reads files.
#pragma once

#include "admin/config.h"
#include "admin/problem.h"

#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace targe::admin {

struct ConfigProblem {
    enum class Severity : std::uint8_t { error, warning };
    Severity severity = Severity::error;
    std::string file;
    std::uint32_t line = 0;  ///< counted from 1; 0: the file as a whole
    std::uint32_t column = 0;
    Problem problem;
    bool operator==(const ConfigProblem&) const = default;
};

/// "targe.toml:3:1: error: …" and the parts of the problem; no newline at the end.
[[nodiscard]] std::string to_string(const ConfigProblem& problem);
/// The same on one line, for the log.
[[nodiscard]] std::string to_line(const ConfigProblem& problem);
/// All of them, each followed by a newline.
[[nodiscard]] std::string to_string(std::span<const ConfigProblem> problems);

struct LoadedConfig {
    Config config;
    std::vector<ConfigProblem> warnings;
};

/// What a secret_file holds, or the system's words on why it cannot be read.
using ReadText = std::function<std::expected<std::string, std::string>(const std::string& path)>;

/// Whether the machine has a group of that name.
using HasGroup = std::function<bool(const std::string& name)>;
[[nodiscard]] inline bool any_group(const std::string& /*name*/) {
    return true;
}

/// `file` is the name that problems carry.
[[nodiscard]] std::expected<LoadedConfig, std::vector<ConfigProblem>> parse_config(
    std::string_view text, std::string_view file, const ReadText& read_secret,
    const HasGroup& has_group = any_group);

/// parse_config() of a file, its secrets read from files, and its groups looked up.
[[nodiscard]] std::expected<LoadedConfig, std::vector<ConfigProblem>> load_config(const std::string& path);

}  // namespace targe::admin
