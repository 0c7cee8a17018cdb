#include "transport/iscsi_service.h"

#include "base/assert.h"
#include "base/log.h"
#include "transport/iscsi_connection.h"

#include <algorithm>
#include <utility>

namespace targe::transport {

struct IscsiService::PerCore {
    PerCore(IscsiService& service, base::Cores cores, base::Core& core) : balancer(service, cores, core) {}

    base::IntrusiveList<IscsiConnection> connections;
    CoreBalancer balancer;
};

IscsiService::IscsiService(engine::Engine& engine, const iscsi::Directory& directory, base::Cores cores,
                           IscsiServiceSettings settings)
    : engine_(engine),
      directory_(directory),
      cores_(cores),
      settings_(std::move(settings)),
      registry_(*cores.front()),
      half_open_(settings_.half_open_logins_per_address, settings_.max_connections),
      held_memory_(settings_.held_bytes),
      placement_(cores.size()) {
    for (const TargetSettings& target : settings_.targets) {
        targets_.emplace_back(target);
    }
    for (base::Core* const core : cores) {
        per_core_.push_back(std::make_unique<PerCore>(*this, cores, *core));
    }
}

IscsiService::~IscsiService() = default;

const TargetSettings* IscsiService::find_target(std::string_view name) const {
    const std::lock_guard lock(serving_);
    const auto at = std::ranges::find_if(
        targets_, [name](const Served& each) { return !each.removed && each.settings.name == name; });
    return at == targets_.end() ? nullptr : &at->settings;
}

void IscsiService::add_target(TargetSettings target) {
    const std::lock_guard lock(serving_);
    targets_.emplace_back(std::move(target));
}

void IscsiService::remove_target(const engine::Target& target, base::Duration limit) {
    {
        Served* const gone = served(target);
        TARGE_ASSERT(gone != nullptr);
        const std::lock_guard lock(serving_);
        gone->removed = true;
        ++gone->drops;  // for a connection that is on its way to another core
    }
    for (base::Core* const core : cores_) {
        base::post(*core, [this, core, &target, limit] {
            for (IscsiConnection& connection : connections(*core)) {
                if (connection.nexus() != nullptr && &connection.nexus()->target() == &target) {
                    connection.close(limit);
                }
            }
        });
    }
}

bool IscsiService::has_sessions_of(const engine::Target& target, const base::Core& core) {
    return std::ranges::any_of(connections(core), [&](const IscsiConnection& connection) {
        return connection.nexus() != nullptr && &connection.nexus()->target() == &target;
    });
}

base::IntrusiveList<IscsiConnection>& IscsiService::connections(const base::Core& core) {
    return per_core_[core.id().value]->connections;
}

void IscsiService::joined(base::Core& core) {
    count_.fetch_add(1, std::memory_order_relaxed);
    per_core_[core.id().value]->balancer.watch();
}

void IscsiService::arrived(IscsiConnection& connection, base::Core& core) {
    connections(core).push_back(connection);
    per_core_[core.id().value]->balancer.watch();
}

void IscsiService::left() {
    if (settings_.connection_ended) {
        settings_.connection_ended();
    }
    // Last: whoever waits for the end of all takes us away then.
    count_.fetch_sub(1, std::memory_order_relaxed);
}

IscsiService::Served* IscsiService::served(const engine::Target& target) const {
    const std::lock_guard lock(serving_);
    const auto at =
        std::ranges::find_if(targets_, [&](const Served& each) { return each.settings.target == &target; });
    return at == targets_.end() ? nullptr : &*at;
}

std::atomic<std::uint64_t>& IscsiService::drops(const engine::Target& target) const {
    Served* const one = served(target);
    return one == nullptr ? other_drops_ : one->drops;
}

std::uint64_t IscsiService::drops_of(const engine::Target& target) const {
    return drops(target).load();
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
    const std::uint64_t drop = ++drops(target);
    for (base::Core* const core : cores_) {
        base::post(*core, [this, core, &target, reason, drop] {
            for (IscsiConnection& connection : connections(*core)) {
                if (connection.nexus() != nullptr && &connection.nexus()->target() == &target &&
                    connection.is_before(drop)) {
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
    close_limit_.store(limit.count());
    closing_.store(true);  // before the messages: what a core takes on until then, its message finds
    for (base::Core* const core : cores_) {
        base::post(*core, [this, core, limit] {
            per_core_[core->id().value]->balancer.stop();
            for (IscsiConnection& connection : connections(*core)) {
                connection.close(limit);
            }
        });
    }
}

}  // namespace targe::transport
