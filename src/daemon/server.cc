#include "daemon/server.h"

#include "admin/control.h"
#include "admin/control_server.h"
#include "admin/line_output.h"
#include "admin/notify.h"
#include "admin/signals.h"
#include "base/log.h"
#include "daemon/control.h"
#include "daemon/running_target.h"

#include <fmt/ranges.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <string_view>

namespace targe::daemon {
namespace {

/// How long initiators have to log out when the daemon is told to stop.
constexpr std::chrono::seconds kLogoutLimit{3};

int failed(const admin::Problem& problem) {
    TARGE_LOG(error, "targed", "{}", admin::to_line(problem));
    return 1;
}

/// SIGTERM or SIGINT. Whoever sends SIGHUP means "read the configuration again", not "leave".
int wait_for_stop(admin::StopSignals& signals, const std::function<void()>& on_hangup) {
    for (;;) {
        const int signal = signals.wait();
        if (signal != SIGHUP) {
            return signal;
        }
        on_hangup();
    }
}

}  // namespace

int serve(const admin::Config& config, const std::string& config_file) {
    base::set_log_level(config.daemon.log_level);
    admin::log_without_waiting();
    admin::StopSignals signals;
    auto target = RunningTarget::start(config);
    if (!target) {
        return failed(target.error());
    }
    Control control(**target, config_file);
    auto control_server = admin::ControlServer::start(
        {.socket = config.daemon.socket,
         .group = config.daemon.socket_group,
         .takes_long = admin::takes_long},
        [&control](std::string_view request) { return admin::handle_request(request, control); });
    if (!control_server) {
        return failed(control_server.error());
    }
    if (const auto opened = (*target)->open_portals(); !opened) {
        return failed(opened.error());
    }
    TARGE_LOG(info, "targed", "serving {} targets with {} devices on {}", config.targets.size(),
              config.devices.size(), fmt::join((*target)->portal_addresses(), ", "));
    admin::notify_service_manager("READY=1");

    const int signal = wait_for_stop(signals, [&control] { control.read_again(); });
    TARGE_LOG(info, "targed", "{}: finishing what is in flight", strsignal(signal));
    admin::notify_service_manager("STOPPING=1");
    (*control_server)->stop();
    control.stop_waiting_for_discs();
    const std::vector<std::string> leaks = (*target)->stop(kLogoutLimit);
    for (const std::string& leak : leaks) {
        TARGE_LOG(error, "targed", "still held at the end: {}", leak);
    }
    TARGE_LOG(info, "targed", "stopped");
    return leaks.empty() ? 0 : 1;
}

}  // namespace targe::daemon
