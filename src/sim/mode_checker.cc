// Mode parameters are what was selected last, or what was saved, after a reset and after a restart.
#include "sim/attention_checker.h"
#include "sim/checkers.h"
#include "sim/commands.h"
#include "sim/possible.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace targe::sim {

namespace {

struct Modes {
    std::uint8_t current = 0;
    std::uint8_t saved = 0;
    bool operator==(const Modes&) const = default;
};
using States = Possible<Modes>;
using Fate = States::Fate;

constexpr std::uint64_t kFunctions = std::uint64_t{1} << 40U;

class ModeChecker final : public Checker {
public:
    ModeChecker(World& world, AttentionChecker& attentions)
        : Checker("modes", world), attentions_(attentions) {}

    void sent(const Task& task) override {
        Unit& unit = units_.at(task.lun);
        if (task.kind == Kind::mode_sense) {
            unit.looks[task.id] = unit.states.states();
        } else if (task.kind == Kind::mode_select) {
            for (InitiatorIndex each = 0; each < kMostToTell; ++each) {
                if (each != task.initiator) {
                    attentions_.may(task.id, each, task.lun, kModeParametersChanged);
                }
            }
            unit.states.begin(task.id, [&task](Modes modes) { return std::optional{selected(modes, task)}; });
            look(unit);
        }
    }
    void answered(const Task& task) override {
        Unit& unit = units_.at(task.lun);
        if (task.kind == Kind::mode_sense) {
            if (const auto seen = unit.looks.find(task.id); seen != unit.looks.end()) {
                check(task, seen->second);
                unit.looks.erase(seen);
            }
        } else if (task.kind == Kind::mode_select) {
            note_saved(unit);
            if (task.good()) {
                settle(unit, task);
                unit.states.end(task.id, Fate::done);
                if (task.saves) {
                    unit.saved.clear();
                }
                note_saved(unit);
            } else if (!task.attention() && task.status != kReservationConflict) {
                // Aborted when it had been done, or what was written meanwhile could not be flushed.
                unit.states.end(task.id);
                attentions_.settle(task.id, {}, Certainty::open);
            } else {
                unit.states.end(task.id, Fate::not_yet);
                attentions_.settle(task.id, {}, Certainty::certain);
            }
            look(unit);
        }
    }
    void ended_unanswered(const Task& task) override {
        Unit& unit = units_.at(task.lun);
        unit.looks.erase(task.id);
        if (task.kind == Kind::mode_select) {
            note_saved(unit);
            unit.states.end(task.id);
            attentions_.settle(task.id, {}, Certainty::open);
        }
    }
    void sent(const Function& function) override {
        using enum iscsi::TaskFunction;
        const bool target = function.function == target_warm_reset || function.function == target_cold_reset;
        for (std::size_t lun = 0; lun < units_.size(); ++lun) {
            if (target || (function.function == logical_unit_reset && function.lun == lun)) {
                units_.at(lun).states.begin(kFunctions + function.id, [](Modes modes) {
                    return std::optional{Modes{.current = modes.saved, .saved = modes.saved}};
                });
                look(units_.at(lun));
            }
        }
    }
    void answered(const Function& function) override {
        // LUN 1 may not be in the map: then a reset does not reach it.
        if (function.complete()) {
            units_[0].states.end(kFunctions + function.id, Fate::done);
            units_[1].states.end(kFunctions + function.id);
        }
    }
    void killed(bool /*power*/) override {
        for (Unit& unit : units_) {
            note_saved(unit);
            std::vector<Modes> found;
            for (const std::uint8_t saved : unit.saved) {
                found.push_back({.current = saved, .saved = saved});
            }
            unit.states.set(found);
            unit.looks.clear();
        }
    }

private:
    static constexpr std::size_t kMostToTell = 4;
    struct Unit {
        States states{Modes{}};
        std::vector<std::uint8_t> saved{0};                 ///< what a restart may find
        std::map<std::uint64_t, std::vector<Modes>> looks;  ///< MODE SENSE under way, and what it may show
    };

    static Modes selected(Modes modes, const Task& task) {
        return {.current = task.mode_value, .saved = task.saves ? task.mode_value : modes.saved};
    }
    static void look(Unit& unit) {
        for (auto& [id, seen] : unit.looks) {
            const auto states = unit.states.states();
            seen.insert(seen.end(), states.begin(), states.end());
        }
    }
    static void note_saved(Unit& unit) {
        for (const Modes& modes : unit.states.states()) {
            if (std::ranges::find(unit.saved, modes.saved) == unit.saved.end()) {
                unit.saved.push_back(modes.saved);
            }
        }
    }
    void settle(const Unit& unit, const Task& task) {
        const auto before = unit.states.before(task.id);
        const auto changes = [&](const Modes& modes) { return modes.current != task.mode_value; };
        if (!unit.states.is_alone(task.id) || !std::ranges::all_of(before, changes)) {
            attentions_.settle(task.id, {}, Certainty::open);
            return;
        }
        std::vector<Notice> notices;
        for (InitiatorIndex each = 0; each < kMostToTell; ++each) {
            if (each != task.initiator) {
                notices.push_back({each, task.lun, kModeParametersChanged});
            }
        }
        attentions_.settle(task.id, notices, Certainty::certain);
    }
    void check(const Task& task, const std::vector<Modes>& seen) {
        const auto shown = mode_value_of(task.in);
        if (task.good() && !units_.at(task.lun).states.too_many() &&
            (!shown || std::ranges::find(seen, *shown, &Modes::current) == seen.end())) {
            fail(fmt::format("{} shows {}, which was never selected", describe(task), shown.value_or(0xff)));
        }
    }

    AttentionChecker& attentions_;
    std::array<Unit, kUnits> units_;
};

}  // namespace

std::unique_ptr<Checker> make_mode_checker(World& world, AttentionChecker& attentions) {
    return std::make_unique<ModeChecker>(world, attentions);
}

}  // namespace targe::sim
