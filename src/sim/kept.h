// What a unit keeps, in a simulated state directory.
#pragma once

#include "engine/unit_store.h"
#include "sim/fault_model.h"
#include "sim/world.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace targe::sim {

/// Outlives the process.
using KeptContent = std::map<engine::Kept, std::string>;

/// Of one process.
class SimStore final : public engine::UnitStore {
public:
    SimStore(World& world, KeptContent& content, const FaultModel& faults)
        : world_(world), content_(content), faults_(faults) {}

    [[nodiscard]] std::optional<std::string> kept(engine::Kept what) const override {
        const auto at = content_.find(what);
        return at == content_.end() ? std::nullopt : std::optional(at->second);
    }
    base::Task<bool> keep(base::CommandArena& arena, engine::Kept what, std::string text) override;

    void heal() { faults_ = {}; }
    /// The process is killed: what is being kept is, or is not.
    void cut_off();

private:
    struct Pause {
        World& world;
        Duration duration;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> self) const {
            world.after(duration, world.current(), [self] { self.resume(); });
        }
        void await_resume() const noexcept {}
    };

    World& world_;
    KeptContent& content_;
    FaultModel faults_;
    bool cut_off_ = false;
    std::map<engine::Kept, std::string> under_way_;
};

}  // namespace targe::sim
