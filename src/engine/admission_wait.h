// A login that waits until devices have said whether its nexus may use their units.
#pragma once

#include "base/core.h"

#include <functional>
#include <utility>

namespace targe::engine {

/// On the core of its nexus, which stays there meanwhile. No command waits here: there is none before its
/// login is answered.
class AdmissionWait final : private base::Timer {
public:
    /// `over` is called once, in a later turn: soon after end(), or after `limit`; never once cancelled.
    void begin(base::Core& core, base::Duration limit, std::move_only_function<void()> over) {
        TARGE_ASSERT(!under_way());
        over_ = std::move(over);
        core.arm(*this, core.now() + limit);
    }
    void end(base::Core& core) {
        if (under_way()) {
            core.arm(*this, core.now());
        }
    }
    void cancel(base::Core& core) {
        core.disarm(*this);
        over_ = {};
    }
    [[nodiscard]] bool under_way() const { return armed(); }

private:
    void expired() override { std::exchange(over_, {})(); }

    std::move_only_function<void()> over_;
};

}  // namespace targe::engine
