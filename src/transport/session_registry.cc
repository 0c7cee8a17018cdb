#include "transport/session_registry.h"

#include <algorithm>
#include <utility>

namespace targe::transport {
namespace {

/// A discovery session replaces nothing and is replaced by nothing: there is no target behind it.
bool is_discovery(const SessionRequest& request) {
    return request.target.empty();
}

/// Of those that logged in again and then never came. The oldest are forgotten: they get 29/00, not 29/07.
constexpr std::size_t kMaxUntold = 256;

}  // namespace

SessionRegistry::Identity SessionRegistry::identity_of(const SessionRequest& request) {
    return {request.target, request.initiator, request.initiator_session_id, request.portal_group};
}

void SessionRegistry::request(SessionHolder& holder, base::Core& its_core, SessionRequest request) {
    base::post(core_, [this, waiting = Waiting{&holder, &its_core, std::move(request)}]() mutable {
        request_here(std::move(waiting));
    });
}

void SessionRegistry::ended(SessionHolder& holder, base::Core& its_core, Course course) {
    base::post(core_, [this, &holder, &its_core, course] { ended_here(holder, its_core, course); });
}

std::uint32_t SessionRegistry::sessions_of(const std::string& target) const {
    return static_cast<std::uint32_t>(std::ranges::count_if(
        sessions_, [&](const auto& entry) { return std::get<0>(entry.second.identity) == target; }));
}

void SessionRegistry::request_here(Waiting waiting) {
    const SessionRequest& request = waiting.request;
    if (request.target_session_handle != 0) {
        Session* const old = find_handle(request.target_session_handle);
        if (old == nullptr || old->identity != identity_of(request)) {
            refuse(waiting, iscsi::LoginStatus::session_does_not_exist, "no session has this TSIH");
            return;
        }
        // One connection a session: another CID would be a second one, the same CID is a reinstatement.
        if (old->connection_id != request.connection_id) {
            refuse(waiting, iscsi::LoginStatus::too_many_connections, "a session has one connection here");
            return;
        }
        wait_behind(*old, std::move(waiting));
        return;
    }
    if (!is_discovery(request)) {
        if (Session* const old = find(identity_of(request)); old != nullptr) {
            wait_behind(*old, std::move(waiting));
            return;
        }
        if (request.max_sessions != 0 && sessions_of(request.target) >= request.max_sessions) {
            refuse(waiting, iscsi::LoginStatus::out_of_resources,
                   "the target has all the sessions it may have");
            return;
        }
    }
    grant(waiting, free_handle(), take_untold(identity_of(request)), request.parameters);
}

bool SessionRegistry::take_untold(const Identity& identity) {
    return std::erase(untold_, identity) != 0;
}

void SessionRegistry::wait_behind(Session& old, Waiting waiting) {
    for (const Waiting& earlier : old.successors) {
        refuse(earlier, iscsi::LoginStatus::initiator_error, "a newer login of the same initiator port came");
    }
    old.successors.clear();
    old.successors.push_back(std::move(waiting));
    if (!old.giving_way && !old.moving) {
        ask_to_give_way(old);
    }
}

void SessionRegistry::ask_to_give_way(Session& session) {
    session.giving_way = true;
    base::post(*session.core, [holder = session.holder] { holder->give_way(); });
}

void SessionRegistry::leave(SessionHolder& holder, base::Core& its_core) {
    base::post(core_, [this, &holder, &its_core] { leave_here(holder, its_core); });
}

void SessionRegistry::arrived(SessionHolder& holder, base::Core& its_core) {
    base::post(core_, [this, &holder, &its_core] { arrived_here(holder, its_core); });
}

void SessionRegistry::leave_here(SessionHolder& holder, base::Core& its_core) {
    Session& session = held_by(holder);
    session.moving = !session.giving_way;
    base::post(its_core, [&holder, allowed = session.moving] { holder.may_leave(allowed); });
}

void SessionRegistry::arrived_here(SessionHolder& holder, base::Core& its_core) {
    Session& session = held_by(holder);
    session.moving = false;
    session.core = &its_core;
    if (!session.successors.empty()) {
        ask_to_give_way(session);
    }
}

SessionRegistry::Session& SessionRegistry::held_by(const SessionHolder& holder) {
    const auto at =
        std::ranges::find_if(sessions_, [&](const auto& e) { return e.second.holder == &holder; });
    TARGE_ASSERT(at != sessions_.end());
    return at->second;
}

void SessionRegistry::ended_here(SessionHolder& holder, base::Core& its_core, Course course) {
    const auto at =
        std::ranges::find_if(sessions_, [&](const auto& e) { return e.second.holder == &holder; });
    TARGE_ASSERT(at != sessions_.end());
    const std::uint16_t handle = at->second.handle;
    const iscsi::SessionParameters parameters = std::move(at->second.parameters);
    const std::vector<Waiting> successors = std::move(at->second.successors);
    if (course == Course::not_begun && at->second.reinstated && successors.empty()) {
        if (untold_.size() == kMaxUntold) {
            untold_.erase(untold_.begin());
        }
        untold_.push_back(std::move(at->second.identity));
    }
    sessions_.erase(at);
    base::post(its_core, [&holder] { holder.forgotten(); });
    for (const Waiting& next : successors) {
        if (next.request.target_session_handle == handle) {
            grant(next, handle, true, iscsi::continued(parameters, next.request.parameters));
        } else {
            grant(next, free_handle(), true, next.request.parameters);
        }
    }
}

void SessionRegistry::grant(const Waiting& waiting, std::uint16_t handle, bool reinstated,
                            iscsi::SessionParameters parameters) {
    if (handle == 0) {
        refuse(waiting, iscsi::LoginStatus::out_of_resources, "65535 sessions are open");
        return;
    }
    const std::uint64_t id = ++last_id_;
    sessions_.emplace(id, Session{.holder = waiting.holder,
                                  .core = waiting.core,
                                  .identity = identity_of(waiting.request),
                                  .handle = handle,
                                  .connection_id = waiting.request.connection_id,
                                  .parameters = parameters,
                                  .reinstated = reinstated});
    SessionGrant grant{.id = SessionId{id},
                       .target_session_handle = handle,
                       .reinstated = reinstated,
                       .parameters = std::move(parameters)};
    base::post(*waiting.core, [holder = waiting.holder, grant = std::move(grant)]() mutable {
        holder->granted(std::move(grant));
    });
}

void SessionRegistry::refuse(const Waiting& waiting, iscsi::LoginStatus status, std::string reason) {
    base::post(*waiting.core, [holder = waiting.holder, refusal = SessionRefusal{status, std::move(reason)}] {
        holder->granted(std::unexpected(refusal));
    });
}

SessionRegistry::Session* SessionRegistry::find(const Identity& identity) {
    for (auto& [id, session] : sessions_) {
        if (session.identity == identity && !std::get<0>(identity).empty()) {
            return &session;
        }
    }
    return nullptr;
}

SessionRegistry::Session* SessionRegistry::find_handle(std::uint16_t handle) {
    const auto at =
        std::ranges::find_if(sessions_, [&](const auto& entry) { return entry.second.handle == handle; });
    return at == sessions_.end() ? nullptr : &at->second;
}

std::uint16_t SessionRegistry::free_handle() {
    for (unsigned tries = 0; tries < 65535U; ++tries) {
        ++last_handle_;
        if (last_handle_ != 0 && find_handle(last_handle_) == nullptr) {
            return last_handle_;
        }
    }
    return 0;
}

}  // namespace targe::transport
