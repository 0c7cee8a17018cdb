// `targe reload`, and SIGHUP.
#include "admin/config_file.h"
#include "base/log.h"
#include "daemon/control.h"

#include <fmt/core.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

namespace targe::daemon {
namespace {

std::expected<admin::Config, admin::Problem> read_config(const std::string& file) {
    auto loaded = admin::load_config(file);
    if (loaded) {
        return std::move(loaded->config);
    }
    std::string cause;
    TARGE_LOG(error, "targed", "reload: the configuration stays as it was, for that in {} is faulty", file);
    for (const admin::ConfigProblem& problem : loaded.error()) {
        TARGE_LOG(error, "targed", "{}", admin::to_line(problem));
        if (cause.empty() && problem.severity == admin::ConfigProblem::Severity::error) {
            cause = admin::to_line(problem);
        }
    }
    return std::unexpected(admin::Problem{.what = "the configuration stays as it was",
                                          .cause = std::move(cause),
                                          .cure = fmt::format("targed --check --config {}", file)});
}

void log(const admin::ReloadReport& report) {
    for (const admin::ConfigChange& change : report.changes) {
        TARGE_LOG(info, "targed", "reload: {}", admin::to_string(change));
    }
    for (const admin::ConfigChange& change : report.needs_restart) {
        TARGE_LOG(warning, "targed", "reload: this needs a restart of targed: {}", admin::to_string(change));
    }
    for (const admin::Problem& problem : report.failed) {
        TARGE_LOG(error, "targed", "{}", admin::to_line(problem));
    }
}

}  // namespace

admin::Config Control::running_config() const {
    const auto serving = target_.serving();
    admin::Config config = serving->config;
    for (admin::DeviceConfig& device : config.devices) {
        if (device.drive) {
            device.path = path_of(*serving->find(device.name));
        }
    }
    return config;
}

std::expected<std::vector<admin::Problem>, admin::Problem> Control::apply(const admin::Config& next) {
    std::set<std::string> waiting;
    {
        const std::lock_guard lock(discs_->mutex);
        waiting = discs_->waiting;
    }
    auto late = target_.apply(next, waiting);
    if (late) {
        base::set_log_level(next.daemon.log_level);
        const auto gone = [&](const std::string& drive) {
            return std::ranges::find(next.devices, drive, &admin::DeviceConfig::name) == next.devices.end();
        };
        const std::lock_guard lock(discs_->mutex);
        std::erase_if(discs_->paths, [&](const auto& each) { return gone(each.first); });
        std::erase_if(discs_->waiting, gone);
    }
    return late;
}

std::expected<admin::ReloadReport, admin::Problem> Control::reload_now(bool dry_run) {
    const auto wanted = read_config(config_file_);
    if (!wanted) {
        return std::unexpected(wanted.error());
    }
    admin::ConfigDifference found = admin::difference(running_config(), *wanted);
    admin::ReloadReport report{.dry_run = dry_run,
                               .changes = std::move(found.changes),
                               .needs_restart = std::move(found.needs_restart),
                               .failed = {}};
    if (dry_run) {
        return report;
    }
    target_.forget_what_has_left();
    if (!report.changes.empty()) {
        auto late = apply(found.next);
        if (!late) {
            TARGE_LOG(error, "targed", "reload: {}", admin::to_line(late.error()));
            return std::unexpected(std::move(late.error()));
        }
        report.failed = std::move(*late);
        for (auto& [drive, problem] : take_discs(found.next)) {
            std::erase(report.changes, admin::ConfigChange{.subject = "device " + drive, .what = "path"});
            report.failed.push_back(std::move(problem));
        }
    }
    log(report);
    return report;
}

std::expected<admin::ReloadReport, admin::Problem> Control::reload(bool dry_run) {
    const std::unique_lock one_at_a_time(reloading_, std::try_to_lock);
    if (!one_at_a_time) {
        return std::unexpected(admin::Problem{.what = "the configuration is not read again",
                                              .cause = "it is being read already, for a SIGHUP",
                                              .cure = "run this again"});
    }
    return reload_now(dry_run);
}

void Control::read_again() {
    const std::lock_guard one_at_a_time(reloading_);
    static_cast<void>(reload_now(false));  // the log says what has come of it
}

}  // namespace targe::daemon
