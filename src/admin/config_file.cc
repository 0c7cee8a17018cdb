#include "admin/config_file.h"

#include "admin/config_parts.h"
#include "admin/group.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

namespace targe::admin {
namespace {

constexpr std::size_t kLargestSecretFile = 4'096;
constexpr std::size_t kLargestConfigFile = std::size_t{16} << 20U;

std::expected<std::string, std::string> read_text(const std::string& path, std::size_t most) {
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        return std::unexpected(fmt::format("{}: {}", path.empty() ? "\"\"" : path, std::strerror(errno)));
    }
    std::string text(most + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (in.fail() && !in.eof())) {
        return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > most) {
        return std::unexpected(fmt::format("{}: longer than {} bytes", path, most));
    }
    return text;
}

/// What to try, by what the parser's words for it say.
std::string_view cure_of_syntax(std::string_view what) {
    if (what.contains("cannot redefine")) {
        return "write a key once in its section, and a [header] once in the file; those that may be there "
               "several times are in double brackets: [[device]], [[target]]";
    }
    if (what.contains("utf-8")) {
        return "save the file as UTF-8: iconv -f LATIN1 -t UTF-8";
    }
    if (what.contains("not representable")) {
        return "write a smaller number; sizes may have a unit, as in \"10GiB\"";
    }
    return "text is in quotation marks (\"), and a [header] stands on a line of its own; see targe.toml(5)";
}

void report_syntax(Problems& problems, const SyntaxFault& fault) {
    problems.error(fault.place, fault.what, "this is not TOML, so nothing after it was looked at",
                   std::string(cure_of_syntax(fault.what)));
}

Config read_root(Reading& reading, const Value& root) {
    const Section section(reading, "the file", root);
    Config config;
    if (const Entry* const daemon = section.find("daemon")) {
        config.daemon = read_daemon(reading, daemon->value);
    }
    if (const Entry* const discovery = section.find("discovery")) {
        const Section table(reading, "[discovery]", discovery->value);
        if (const Entry* const auth = table.find("auth")) {
            config.discovery_auth = read_auth(reading, auth->value);
        }
    }
    std::vector<PlacedDevice> devices;
    section.read_array("device", [&](const Value& value) { devices.push_back(read_device(reading, value)); });
    std::vector<PlacedTarget> targets;
    section.read_array("target", [&](const Value& value) { targets.push_back(read_target(reading, value)); });
    std::vector<PlacedDeviceGroup> groups;
    section.read_array("device_group",
                       [&](const Value& value) { groups.push_back(read_device_group(reading, value)); });
    check_devices(reading, devices);
    check_handler_sockets(reading, devices, config.daemon);
    check_targets(reading, targets, devices);
    check_device_groups(reading, groups, devices, targets);
    if (targets.empty() && !reading.problems.failed()) {
        reading.problems.warn({}, "there is no [[target]], so initiators will find nothing");
    }
    for (PlacedDevice& placed : devices) {
        config.devices.push_back(std::move(placed.device));
    }
    for (PlacedTarget& placed : targets) {
        config.targets.push_back(std::move(placed.target));
    }
    for (PlacedDeviceGroup& placed : groups) {
        config.device_groups.push_back(std::move(placed.group));
    }
    return config;
}

/// "targe.toml:3:1: error: "
std::string place_of(const ConfigProblem& problem) {
    const std::string_view severity =
        problem.severity == ConfigProblem::Severity::error ? "error" : "warning";
    return problem.line == 0
               ? fmt::format("{}: {}: ", problem.file, severity)
               : fmt::format("{}:{}:{}: {}: ", problem.file, problem.line, problem.column, severity);
}

}  // namespace

std::string to_string(const ConfigProblem& problem) {
    return place_of(problem) + to_string(problem.problem);
}

std::string to_line(const ConfigProblem& problem) {
    return place_of(problem) + to_line(problem.problem);
}

std::string to_string(std::span<const ConfigProblem> problems) {
    std::string text;
    for (const ConfigProblem& problem : problems) {
        text.append(to_string(problem)).push_back('\n');
    }
    return text;
}

std::expected<LoadedConfig, std::vector<ConfigProblem>> parse_config(std::string_view text,
                                                                     std::string_view file,
                                                                     const ReadText& read_secret,
                                                                     const HasGroup& has_group) {
    Problems problems{std::string(file)};
    Config config;
    if (const auto root = parse_toml(text)) {
        Reading reading{.problems = problems, .read_secret = read_secret, .has_group = has_group};
        config = read_root(reading, *root);
    } else {
        report_syntax(problems, root.error());
    }
    const bool failed = problems.failed();
    std::vector<ConfigProblem> list = problems.take();
    if (failed) {
        return std::unexpected(std::move(list));
    }
    return LoadedConfig{.config = std::move(config), .warnings = std::move(list)};
}

std::expected<LoadedConfig, std::vector<ConfigProblem>> load_config(const std::string& path) {
    const auto text = read_text(path, kLargestConfigFile);
    if (!text) {
        Problems problems(path);
        problems.error({}, "the configuration cannot be read", text.error(),
                       ::access(path.c_str(), F_OK) == 0 && ::access(path.c_str(), R_OK) != 0
                           ? fmt::format("give the user that targed runs as leave to read it: ls -l {}", path)
                           : "name another file with --config, or see targe.toml(5) for how to write one");
        return std::unexpected(problems.take());
    }
    return parse_config(
        *text, path,
        [](const std::string& secret_file) { return read_text(secret_file, kLargestSecretFile); },
        [](const std::string& name) { return group_id(name).has_value(); });
}

}  // namespace targe::admin
