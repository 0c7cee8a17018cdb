// Which session goes to another core, and when.
#pragma once

#include "base/core.h"
#include "transport/placement.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace targe::transport {

class IscsiService;

/// A session as its core sees it.
struct SessionLoad {
    Load load = 0;  ///< its part of the core's
    bool movable = false;
};
struct BalancingMove {
    std::size_t session = 0;  ///< its place in the list
    base::CoreId to;
};
/// A session takes a part of its core from here on.
inline constexpr Load kBusySession = 50;

/// What would make the cores more even, if `own` gave it away: nothing when they are, or when no session fits
/// in the gap. A move that this names makes the gap smaller by a quarter at least, so that nothing is moved
/// to and fro.
[[nodiscard]] std::optional<BalancingMove> find_move(const Placement& placement, base::CoreId own,
                                                     std::span<const SessionLoad> sessions);

/// Looks, on its core, how busy that is, and gives sessions away when it has been busier than another for a
/// while. Sleeps when the core has no connection.
class CoreBalancer final : public base::Timer {
public:
    CoreBalancer(IscsiService& service, base::Cores cores, base::Core& core)
        : service_(service), cores_(cores), core_(core) {}

    /// There is a connection here.
    void watch();
    void stop() { core_.disarm(*this); }

private:
    void expired() override;
    [[nodiscard]] Load measure();
    void look();

    IscsiService& service_;
    base::Cores cores_;
    base::Core& core_;
    base::Time looked_at_;
    base::Duration worked_{};  ///< until then
    unsigned uneven_ = 0;      ///< looks in a row that have found a session to give away
};

}  // namespace targe::transport
