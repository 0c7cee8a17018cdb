#include "transport/iscsi_service.h"

#include "base/log.h"
#include "transport/iscsi_connection.h"

#include <algorithm>
#include <utility>

namespace targe::transport {

struct IscsiService::PerCore {
    base::IntrusiveList<IscsiConnection> connections;
};

IscsiService::IscsiService(engine::Engine& engine, const iscsi::Directory& directory, base::Cores cores,
                           IscsiServiceSettings settings)
    : engine_(engine),
      directory_(directory),
      cores_(cores),
      settings_(std::move(settings)),
      registry_(*cores.front()),
      half_open_(settings_.half_open_logins_per_address),
      placement_(cores.size()) {
    for (std::size_t i = 0; i < cores.size(); ++i) {
        per_core_.push_back(std::make_unique<PerCore>());
    }
}

IscsiService::~IscsiService() = default;

const TargetSettings* IscsiService::find_target(std::string_view name) const {
    const auto at = std::ranges::find(settings_.targets, name, &TargetSettings::name);
    return at == settings_.targets.end() ? nullptr : &*at;
}

base::IntrusiveList<IscsiConnection>& IscsiService::connections(const base::Core& core) {
    return per_core_[core.id().value]->connections;
}

std::vector<SessionReport> IscsiService::sessions(const base::Core& core) {
    std::vector<SessionReport> reports;
    for (const IscsiConnection& connection : connections(core)) {
        if (auto report = connection.report()) {
            reports.push_back(std::move(*report));
        }
    }
    return reports;
}

void IscsiService::drop_sessions_of(const engine::Target& target, const std::string& reason) {
    for (base::Core* const core : cores_) {
        base::post(*core, [this, core, &target, reason] {
            for (IscsiConnection& connection : connections(*core)) {
                if (connection.nexus() != nullptr && &connection.nexus()->target() == &target) {
                    connection.drop(reason);
                }
            }
        });
    }
}

bool IscsiService::drop_session(const base::Core& core, SessionId id) {
    for (IscsiConnection& connection : connections(core)) {
        if (connection.session() == id && connection.report()) {
            connection.drop("an administrator ended the session");
            return true;
        }
    }
    return false;
}

void IscsiService::close_all(base::Duration limit) {
    closing_.store(true);  // before the messages: what a core takes on until then, its message finds
    for (base::Core* const core : cores_) {
        base::post(*core, [this, core, limit] {
            for (IscsiConnection& connection : connections(*core)) {
                connection.close(limit);
            }
        });
    }
}

}  // namespace targe::transport
