// Which core a new connection is given to, and how busy each is.
#pragma once

#include "base/id.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace targe::transport {

/// How much of the time a core has worked lately, in thousandths.
using Load = std::uint32_t;
inline constexpr Load kFullLoad = 1000;

/// How many connections each core has, and how busy it was. From any thread.
class Placement {
public:
    explicit Placement(std::size_t cores);
    /// The least busy core, and of those that are about as busy the one with the fewest connections; which
    /// then has one more, and is held to be busier for it until its load is measured next.
    [[nodiscard]] base::CoreId choose();
    /// A connection that choose() placed there has ended.
    void left(base::CoreId core);
    /// One that is on its way from a core to another, with so much of the first one's load.
    void moved(base::CoreId from, base::CoreId to, Load load);
    [[nodiscard]] std::size_t on(base::CoreId core) const { return cores_[core.value].count.load(); }

    /// What the core has measured of itself.
    void measured(base::CoreId core, Load load);
    [[nodiscard]] Load load(base::CoreId core) const { return cores_[core.value].load.load(); }
    /// With what came since.
    [[nodiscard]] Load expected(base::CoreId core) const {
        return load(core) + cores_[core.value].expected.load();
    }
    /// How many of its sessions take a part of it that is worth speaking of.
    void busy_sessions(base::CoreId core, std::uint32_t count) { cores_[core.value].busy.store(count); }
    [[nodiscard]] std::uint32_t busy_sessions(base::CoreId core) const {
        return cores_[core.value].busy.load();
    }
    [[nodiscard]] std::size_t size() const { return cores_.size(); }
    [[nodiscard]] std::uint64_t moves() const { return moves_.load(); }

private:
    struct Core {
        std::atomic<std::size_t> count = 0;
        std::atomic<Load> load = 0;
        std::atomic<Load> expected = 0;  ///< of connections that came since it was measured
        std::atomic<std::uint32_t> busy = 0;
    };

    std::vector<Core> cores_;
    std::atomic<std::uint64_t> moves_ = 0;
    std::atomic<bool> measures_ = false;  ///< somebody does; else connections are only counted
};

}  // namespace targe::transport
