// How full the store of a thin unit is: looked at while commands come, and told of once where an initiator or
// the administrator wants to know.
#include "base/log.h"
#include "engine/background.h"
#include "engine/logical_unit.h"
#include "engine/run_on.h"
#include "scsi/thresholds.h"

#include <array>
#include <chrono>
#include <memory>
#include <utility>

namespace targe::engine {

namespace {

/// How often a core asks for a look, at most, while commands end there.
constexpr std::chrono::seconds kBetweenLooks{1};

void tell_everybody(const std::shared_ptr<LogicalUnit>& unit) {
    const std::uint64_t number = unit->home().next_number();
    for (base::Core* const core : unit->cores()) {
        run_on(unit->home().core(), *core, [unit, core, number] {
            unit->lane(*core).tell({{.condition = scsi::Asc::thin_provisioning_soft_threshold_reached}},
                                   number);
        });
    }
}

/// On the unit's home.
Background look_at_fill(std::shared_ptr<LogicalUnit> unit) {
    UnitHome& home = unit->home();
    if (home.fill_watch().looking) {
        co_return;
    }
    home.fill_watch().looking = true;
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 2048> block;
    base::CommandArena arena{block};
    const auto fill = co_await unit->device().fill(arena);
    home.fill_watch().looking = false;
    const UnitState& state = home.state();
    if (!fill || !scsi::watches_thresholds(state.description, state.pages)) {
        co_return;
    }
    const bool reached = home.fill_watch().thresholds.reached(
        state.description, state.pages, {.available = fill->available_bytes, .used = fill->used_bytes});
    if (reached) {
        constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
        TARGE_LOG(warning, "device",
                  "{} has reached a soft threshold: it takes up {} MiB, and {} MiB are left", unit->name(),
                  fill->used_bytes / kMiB, fill->available_bytes / kMiB);
        tell_everybody(unit);
    }
}

}  // namespace

void Lane::ask_for_look() {
    next_look_ = core_.now() + kBetweenLooks;
    // In a later turn: whoever is told may submit commands, and this one has not ended.
    base::post(unit_.home().core(), [unit = unit_.shared_from_this()] { look_at_fill(unit); });
}

void Lane::set_watching() {
    watches_fill_ = scsi::watches_thresholds(state_->description, state_->pages);
}

}  // namespace targe::engine
