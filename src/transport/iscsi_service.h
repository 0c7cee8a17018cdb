// What all iSCSI connections of the daemon share, and where they are found.
#pragma once

#include "base/core.h"
#include "base/intrusive_list.h"
#include "engine/engine.h"
#include "iscsi/connection_options.h"
#include "iscsi/directory.h"
#include "iscsi/held_memory.h"
#include "transport/balance.h"
#include "transport/half_open_logins.h"
#include "transport/placement.h"
#include "transport/session_registry.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace targe::transport {

class IscsiConnection;

/// What sessions with one target are given.
struct TargetSettings {
    std::string name;
    engine::Target* target = nullptr;
    std::uint32_t max_sessions = 0;  ///< 0: no limit
    bool async_events = false;       ///< unit attentions are told of in asynchronous messages as well
    iscsi::SessionTuning tuning;
};

/// What an administrator sees of a session.
struct SessionReport {
    SessionId id;
    std::string target;  ///< empty: discovery
    std::string initiator;
    std::string initiator_alias;
    std::string chap_name;
    std::uint64_t initiator_session_id = 0;
    std::uint16_t target_session_handle = 0;
    std::uint16_t connection_id = 0;
    std::string peer_address;
    std::string local_address;
    base::CoreId core;
    bool header_digest = false;
    bool data_digest = false;
    base::Duration age{};
    std::size_t commands_in_flight = 0;
    engine::Counters counters;
};

struct IscsiServiceSettings {
    std::vector<TargetSettings> targets;
    iscsi::ConnectionOptions connection;  ///< `from` is filled in for each connection
    std::uint32_t half_open_logins_per_address = 128;
    std::uint32_t max_connections = 4096;
    /// Of all connections together, for requests and data that come before their turn.
    std::size_t held_bytes = std::size_t{64} << 20U;
    /// How long a core has worked since it was made, asked there. Empty: nobody knows, and sessions stay
    /// where they began.
    std::function<base::Duration(const base::Core&)> worked = {};
    /// Called when a connection is gone, on its core. May be empty.
    std::function<void()> connection_ended = {};
    bool move_sessions = true;
};

/// Made before the first connection, and ends after the last. `engine`, `directory` and `cores` outlive it.
class IscsiService {
public:
    IscsiService(engine::Engine& engine, const iscsi::Directory& directory, base::Cores cores,
                 IscsiServiceSettings settings);
    IscsiService(const IscsiService&) = delete;
    IscsiService& operator=(const IscsiService&) = delete;
    ~IscsiService();

    [[nodiscard]] engine::Engine& engine() { return engine_; }
    [[nodiscard]] const iscsi::Directory& directory() const { return directory_; }
    [[nodiscard]] const IscsiServiceSettings& settings() const { return settings_; }
    /// From any thread. Whatever was found stays as long as this.
    [[nodiscard]] const TargetSettings* find_target(std::string_view name) const;
    /// Its name is not served now, and its window is none that the first targets would not have had.
    void add_target(TargetSettings target);
    /// It is found no more, and its initiators are asked to log out within `limit`; connections still there
    /// afterwards are dropped. From any thread; the end has come when no core has_sessions_of() it.
    void remove_target(const engine::Target& target, base::Duration limit);
    /// On `core`.
    [[nodiscard]] bool has_sessions_of(const engine::Target& target, const base::Core& core);
    [[nodiscard]] SessionRegistry& registry() { return registry_; }
    [[nodiscard]] HalfOpenLogins& half_open() { return half_open_; }
    [[nodiscard]] iscsi::HeldMemory& held_memory() { return held_memory_; }
    [[nodiscard]] Placement& placement() { return placement_; }

    /// The connections of `core`, for whoever runs there.
    [[nodiscard]] base::IntrusiveList<IscsiConnection>& connections(const base::Core& core);
    /// From any thread.
    [[nodiscard]] std::size_t connection_count() const { return count_.load(std::memory_order_relaxed); }
    /// One has come in on `core`, where this is called.
    void joined(base::Core& core);
    /// One has come to `core` from another, and is in its list from now on.
    void arrived(IscsiConnection& connection, base::Core& core);
    /// One has ended.
    void left();
    /// close_all() was called: a connection that was on its way to its core then is not taken on.
    [[nodiscard]] bool closing() const { return closing_.load(); }

    /// The limit that close_all() was given.
    [[nodiscard]] base::Duration close_limit() const { return base::Duration(close_limit_.load()); }
    /// How often all sessions of the target have been dropped. From any thread.
    [[nodiscard]] std::uint64_t drops_of(const engine::Target& target) const;

    /// The sessions of one core. On that core.
    [[nodiscard]] std::vector<SessionReport> sessions(const base::Core& core);
    /// Ends, on every core and as if their connections were lost, the sessions of `target`. From any core.
    void drop_sessions_of(const engine::Target& target, const std::string& reason);
    /// On `core`: whether it had the session, which then is being ended.
    bool drop_session(const base::Core& core, SessionId id);
    /// Asks every initiator to log out within `limit`; connections still there afterwards are dropped. From
    /// any core; the end has come when connection_count() is 0.
    void close_all(base::Duration limit);

private:
    struct PerCore;
    struct Served {
        explicit Served(TargetSettings what) : settings(std::move(what)) {}
        TargetSettings settings;
        bool removed = false;
        std::atomic<std::uint64_t> drops = 0;
    };
    /// Null: of a target that was never served here.
    [[nodiscard]] Served* served(const engine::Target& target) const;
    [[nodiscard]] std::atomic<std::uint64_t>& drops(const engine::Target& target) const;

    engine::Engine& engine_;
    const iscsi::Directory& directory_;
    base::Cores cores_;
    IscsiServiceSettings settings_;
    SessionRegistry registry_;
    HalfOpenLogins half_open_;
    iscsi::HeldMemory held_memory_;
    Placement placement_;
    std::vector<std::unique_ptr<PerCore>> per_core_;
    std::atomic<std::size_t> count_ = 0;
    std::atomic<bool> closing_ = false;
    std::atomic<base::Duration::rep> close_limit_ = 0;
    mutable std::mutex serving_;          ///< of what follows, but for the counts
    mutable std::deque<Served> targets_;  ///< removed ones, too: connections may look at them yet
    mutable std::atomic<std::uint64_t> other_drops_ = 0;
};

}  // namespace targe::transport
