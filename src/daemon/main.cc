#include "admin/config_file.h"
#include "base/log.h"
#include "daemon/options.h"
#include "daemon/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace targe::daemon {
namespace {

void print(std::FILE* to, const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), to);
}

/// The daemon starts with these, and their drives are empty: so they are no errors.
void warn_of_discs(const admin::Config& config, const std::string& file) {
    for (const admin::DeviceConfig& device : config.devices) {
        if (device.drive && !device.path.empty() && ::access(device.path.c_str(), R_OK) != 0) {
            print(stderr,
                  admin::to_string(admin::ConfigProblem{
                      .severity = admin::ConfigProblem::Severity::warning,
                      .file = file,
                      .problem = {.what = fmt::format("the disc of drive {} cannot be read", device.name),
                                  .cause = fmt::format("{}: {}; the drive will be empty", device.path,
                                                       std::strerror(errno)),
                                  .cure = fmt::format("ls -lL {}", device.path)}}) +
                      "\n");
        }
    }
}

int check(const std::expected<admin::LoadedConfig, std::vector<admin::ConfigProblem>>& loaded,
          const std::string& file) {
    if (!loaded) {
        return admin::kFailed;
    }
    warn_of_discs(loaded->config, file);
    print(stdout, fmt::format("{}: OK, {} devices and {} targets\n", file, loaded->config.devices.size(),
                              loaded->config.targets.size()));
    return admin::kDone;
}

int run(std::span<const char* const> arguments) {
    const auto parsed = parse_options(arguments);
    if (const auto* const message = std::get_if<admin::Message>(&parsed)) {
        print(message->exit_status == admin::kDone ? stdout : stderr, message->text);
        return message->exit_status;
    }
    const auto& options = std::get<Options>(parsed);
    const auto loaded = admin::load_config(options.config_file);
    print(stderr, admin::to_string(
                      std::span<const admin::ConfigProblem>(loaded ? loaded->warnings : loaded.error())));
    if (options.mode == Mode::check || !loaded) {
        return check(loaded, options.config_file);
    }
    base::set_log_level(loaded->config.daemon.log_level);
    return serve(loaded->config, options.config_file);
}

}  // namespace
}  // namespace targe::daemon

int main(int argc, char** argv) {
    return targe::daemon::run({argv, static_cast<std::size_t>(argc)});
}
