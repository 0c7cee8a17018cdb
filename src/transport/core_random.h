// Unpredictable bytes, as the core has them.
#pragma once

#include "base/core.h"
#include "iscsi/random_source.h"

#include <cstddef>
#include <span>

namespace targe::transport {

class CoreRandom final : public iscsi::RandomSource {
public:
    explicit CoreRandom(base::Core& core) : core_(&core) {}
    /// From now on those of `core`.
    void move(base::Core& core) { core_ = &core; }
    void fill(std::span<std::byte> out) override { core_->random(out); }

private:
    base::Core* core_;
};

}  // namespace targe::transport
