#include "transport/iscsi_service.h"

#include "base/log.h"
#include "transport/iscsi_connection.h"

#include <algorithm>
#include <utility>

namespace targe::transport {

struct IscsiService::PerCore {
    base::IntrusiveList<IscsiConnection> connections;
};

IscsiService::IscsiService(engine::Engine& engine, const iscsi::Directory& directory,
                           reactor::Reactors& reactors, IscsiServiceSettings settings)
    : engine_(engine),
      directory_(directory),
      reactors_(reactors),
      settings_(std::move(settings)),
      registry_(reactors[0]),
      half_open_(settings_.half_open_logins_per_address),
      placement_(reactors.size()) {
    for (std::size_t i = 0; i < reactors.size(); ++i) {
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
    for (base::Core* const core : reactors_.cores()) {
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
    for (base::Core* const core : reactors_.cores()) {
        base::post(*core, [this, core, limit] {
            for (IscsiConnection& connection : connections(*core)) {
                connection.close(limit);
            }
        });
    }
}

IscsiPortal::IscsiPortal(IscsiService& service, std::uint32_t number, reactor::FileDescriptor listening)
    : service_(service),
      number_(number),
      address_(SocketAddress::local_of(listening.get())),
      listening_(std::move(listening)) {}

IscsiPortal::~IscsiPortal() = default;

void IscsiPortal::start() {
    listener_ = std::make_unique<TcpListener>(service_.reactors()[0], std::move(listening_),
                                              service_.reactors().cores(), service_.placement(), *this);
    listener_->start();
}

void IscsiPortal::close() {
    if (listener_) {
        listener_->close();
    } else {
        closed_.store(true, std::memory_order_release);
    }
}

void IscsiPortal::connected(base::Core& core, reactor::FileDescriptor socket) {
    IscsiConnection::accept(service_, service_.reactors()[core.id().value], number_, std::move(socket));
}

void IscsiPortal::listener_closed() {
    base::post(service_.reactors()[0], [this] {
        listener_.reset();
        closed_.store(true, std::memory_order_release);
    });
}

}  // namespace targe::transport
