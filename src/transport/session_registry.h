// Who is logged in: one session for one initiator port and one target, and numbers for all of them.
#pragma once

#include "base/core.h"
#include "base/id.h"
#include "iscsi/parameters.h"
#include "iscsi/pdu_session.h"

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace targe::transport {

/// Unique as long as the daemon runs; never 0.
using SessionId = base::Id<struct SessionIdTag, std::uint64_t>;

/// What a login that has agreed on everything asks for, [RFC 7143 6.3.5].
struct SessionRequest {
    std::string target;  ///< empty: a discovery session
    std::string initiator;
    std::uint64_t initiator_session_id = 0;  ///< ISID
    std::uint16_t portal_group = 0;
    std::uint16_t target_session_handle = 0;  ///< TSIH; 0: a new session
    std::uint16_t connection_id = 0;
    std::uint32_t max_sessions = 0;  ///< of the target; 0: no limit
    iscsi::SessionParameters parameters;
};

struct SessionGrant {
    SessionId id;
    std::uint16_t target_session_handle = 0;  ///< never 0
    bool reinstated = false;                  ///< an older session of the same identity has just ended
    /// Those of the request, or of a session that goes on what it has agreed on before.
    iscsi::SessionParameters parameters;
};

struct SessionRefusal {
    iscsi::LoginStatus status;
    std::string reason;
};

/// A connection that has, or wants, a session. All calls come on its own core.
class SessionHolder {
public:
    /// The answer to SessionRegistry::request(), exactly once. When a session was granted, nothing of an
    /// older one with this identity can act any more, but at units that the new one cannot get to before.
    virtual void granted(std::expected<SessionGrant, SessionRefusal> answer) = 0;
    /// A newer login takes this session's place: end it, and call SessionRegistry::ended() once nothing of it
    /// can act. Comes at most once, between granted() and forgotten().
    virtual void give_way() = 0;
    /// The answer to SessionRegistry::leave().
    virtual void may_leave(bool allowed) = 0;
    /// The answer to ended(): no call comes any more.
    virtual void forgotten() = 0;

protected:
    ~SessionHolder() = default;
};

/// Its state is on one core; calls may come from any and are answered there. A login waits until the session
/// that it replaces has ended, so that no old command acts after the first of the new session.
class SessionRegistry {
public:
    /// `core` keeps the state.
    explicit SessionRegistry(base::Core& core) : core_(core) {}

    /// Asks for a session. `holder` lives on `its_core` until forgotten(), or until a refusal.
    void request(SessionHolder& holder, base::Core& its_core, SessionRequest request);
    /// The session that was granted to `holder` has ended. One that has not begun has told nobody of the
    /// older session that it took the place of: the next of this identity does.
    enum class Course : std::uint8_t { not_begun, begun };
    void ended(SessionHolder& holder, base::Core& its_core, Course course);

    /// The holder wants to go on on another core. If it may, nothing is asked of it until arrived(), which
    /// says where it is now; else it stays, because give_way() is on its way.
    void leave(SessionHolder& holder, base::Core& its_core);
    void arrived(SessionHolder& holder, base::Core& its_core);

    /// Sessions of `target` now. On the registry's core.
    [[nodiscard]] std::uint32_t sessions_of(const std::string& target) const;

private:
    /// [RFC 7143 4.4.3.2]: what makes two sessions the same.
    using Identity = std::tuple<std::string, std::string, std::uint64_t, std::uint16_t>;
    struct Waiting {
        SessionHolder* holder;
        base::Core* core;
        SessionRequest request;
    };
    struct Session {
        SessionHolder* holder;
        base::Core* core;
        Identity identity;
        std::uint16_t handle;
        std::uint16_t connection_id;
        iscsi::SessionParameters parameters;
        bool reinstated = false;
        bool giving_way = false;
        bool moving = false;                   ///< may_leave() was answered, arrived() has not come
        std::vector<Waiting> successors = {};  ///< at most one: a newer one sends the older away
    };
    using Sessions = std::map<std::uint64_t, Session>;

    void request_here(Waiting waiting);
    void ended_here(SessionHolder& holder, base::Core& its_core, Course course);
    [[nodiscard]] bool take_untold(const Identity& identity);
    void leave_here(SessionHolder& holder, base::Core& its_core);
    void arrived_here(SessionHolder& holder, base::Core& its_core);
    static void ask_to_give_way(Session& session);
    void wait_behind(Session& old, Waiting waiting);
    void grant(const Waiting& waiting, std::uint16_t handle, bool reinstated,
               iscsi::SessionParameters parameters);
    static void refuse(const Waiting& waiting, iscsi::LoginStatus status, std::string reason);
    [[nodiscard]] Session& held_by(const SessionHolder& holder);
    [[nodiscard]] Session* find(const Identity& identity);
    [[nodiscard]] Session* find_handle(std::uint16_t handle);
    [[nodiscard]] std::uint16_t free_handle();
    [[nodiscard]] static Identity identity_of(const SessionRequest& request);

    base::Core& core_;
    Sessions sessions_;
    std::vector<Identity> untold_;  ///< whose next session takes the place of one that has ended; bounded
    std::uint64_t last_id_ = 0;
    std::uint16_t last_handle_ = 0;
};

}  // namespace targe::transport
