#include "admin/config_file.h"
#include "base/log.h"
#include "daemon/disc_openings.h"
#include "daemon/options.h"
#include "daemon/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <expected>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace targe::daemon {
namespace {

void print(std::FILE* to, const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), to);
}

/// Why each disc cannot be read that cannot be, by name of its drive.
std::map<std::string, std::string> unreadable_discs(const admin::Config& config) {
    DiscOpenings discs(
        [](const std::string& path) -> std::expected<std::shared_ptr<device::Device>, std::string> {
            if (::access(path.c_str(), R_OK) != 0) {
                return std::unexpected(std::string(std::strerror(errno)));
            }
            return nullptr;  // nobody reads it now
        });
    std::map<std::string, std::string> unreadable;
    for (const admin::DeviceConfig& device : config.devices) {
        if (device.drive && !device.path.empty()) {
            unreadable.emplace(device.name, "what keeps it does not answer");
            discs.begin(device.name, device.path);
        }
    }
    for (const OpenedDisc& looked_at : discs.wait(kDiscLimit)) {
        if (looked_at.disc) {
            unreadable.erase(looked_at.drive);
        } else {
            unreadable[looked_at.drive] = looked_at.disc.error();
        }
    }
    return unreadable;
}

/// The daemon starts with these, and their drives are empty: so they are no errors.
void warn_of_discs(const admin::Config& config, const std::string& file) {
    const auto unreadable = unreadable_discs(config);
    for (const admin::DeviceConfig& device : config.devices) {
        const auto why = unreadable.find(device.name);
        if (why == unreadable.end()) {
            continue;
        }
        print(
            stderr,
            admin::to_string(admin::ConfigProblem{
                .severity = admin::ConfigProblem::Severity::warning,
                .file = file,
                .problem = {.what = fmt::format("the disc of drive {} cannot be read", device.name),
                            .cause = fmt::format("{}: {}; the drive will be empty", device.path, why->second),
                            .cure = fmt::format("ls -lL {}", device.path)}}) +
                "\n");
    }
}

/// A process that waits for a server of files may not end before that answers, whatever becomes of it: this
/// one leaves that to another.
void look_at_discs(const admin::Config& config, const std::string& file) {
    std::array<int, 2> looked{-1, -1};
    if (std::ranges::none_of(config.devices, &admin::DeviceConfig::drive) || ::pipe(looked.data()) != 0) {
        return;
    }
    const pid_t child = ::fork();
    if (child == 0) {
        warn_of_discs(config, file);
        // Whoever waits for the end of what is said here waits no longer.
        ::close_range(0, std::numeric_limits<unsigned>::max(), 0);
        ::_exit(0);
    }
    ::close(looked[1]);
    char nothing = 0;
    while (child > 0 && ::read(looked[0], &nothing, 1) < 0 && errno == EINTR) {
    }
    ::close(looked[0]);
}

int check(const std::expected<admin::LoadedConfig, std::vector<admin::ConfigProblem>>& loaded,
          const std::string& file) {
    if (!loaded) {
        return admin::kFailed;
    }
    look_at_discs(loaded->config, file);
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
