// Which core a new connection is given to.
#pragma once

#include "base/id.h"

#include <atomic>
#include <cstddef>
#include <memory>

namespace targe::transport {

/// How many connections each core has. From any thread.
class Placement {
public:
    explicit Placement(std::size_t cores);
    /// The core with the fewest, which then has one more.
    [[nodiscard]] base::CoreId choose();
    /// A connection that choose() placed there has ended.
    void left(base::CoreId core);
    [[nodiscard]] std::size_t on(base::CoreId core) const { return counts_[core.value].load(); }

private:
    std::size_t cores_;
    std::unique_ptr<std::atomic<std::size_t>[]> counts_;
};

}  // namespace targe::transport
