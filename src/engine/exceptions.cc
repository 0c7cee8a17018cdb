#include "engine/exceptions.h"

#include "base/core.h"
#include "engine/background.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"

#include <algorithm>
#include <chrono>

namespace targe::engine {

namespace {

using scsi::ExceptionReporting;
using scsi::SenseKey;

bool is_tested(const scsi::ModePages& pages) {
    return pages.test_exception && !pages.exceptions_disabled;
}

/// INTERVAL TIMER; nothing where the period is ours to choose: then it is not told again.
std::optional<base::Duration> interval(const scsi::ModePages& pages) {
    constexpr std::uint32_t kOurs = 0xffff'ffff;
    constexpr std::chrono::milliseconds kUnit{100};
    if (pages.exception_interval == 0 || pages.exception_interval == kOurs) {
        return std::nullopt;
    }
    return pages.exception_interval * kUnit;
}

/// `false` when the selection was another one when it was looked at, or the unit has gone.
base::Task<bool> tell_again(base::CommandArena& /*arena*/, const std::shared_ptr<LogicalUnit>& unit,
                            std::uint64_t selection) {
    Change change{unit->home()};
    co_await change.begin();
    const bool goes_on = change.state().exception_selection == selection;
    if (goes_on) {
        report_exception(change, scsi::Asc::failure_prediction_threshold_exceeded_false);
    }
    co_await change.commit();
    co_return goes_on;
}

/// Looks often whether the unit is still there: nobody is to wait for the end of a long interval.
Background repeat(std::weak_ptr<LogicalUnit> whose, base::Core& home, scsi::ModePages pages,
                  std::uint64_t selection) {
    constexpr std::chrono::milliseconds kBetweenLooks{100};
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 2048> block;
    base::CommandArena arena{block};
    for (std::uint32_t told = 1; pages.exception_reports == 0 || told < pages.exception_reports; ++told) {
        const base::Time due = home.now() + *interval(pages);
        while (home.now() < due) {
            co_await base::sleep_for(home, std::min<base::Duration>(kBetweenLooks, due - home.now()));
            const auto unit = whose.lock();
            if (!unit || unit->stopping() || unit->home().state().exception_selection > selection) {
                co_return;
            }
        }
        const auto unit = whose.lock();
        if (!unit) {
            co_return;
        }
        const bool goes_on = co_await tell_again(arena, unit, selection);
        if (!goes_on) {
            co_return;
        }
    }
}

/// Not who only asks who is there, nor the command that selected how it is told.
bool may_tell(const Command& command) {
    const scsi::CommandInfo* const info = command.life.info;
    return info != nullptr && !info->rules.skips_unit_attention &&
           info->id != scsi::CommandId::mode_select_6 && info->id != scsi::CommandId::mode_select_10;
}

}  // namespace

void report_exception(Change& change, scsi::Asc condition) {
    UnitState& state = change.state();
    state.logged_exception = condition;
    switch (state.pages.exception_reporting) {
        case ExceptionReporting::none:
            return;
        case ExceptionReporting::unit_attention:
            change.raise({condition});
            return;
        case ExceptionReporting::recovered_error_where_allowed:
            if (!state.pages.recovered_errors_reported) {
                return;
            }
            [[fallthrough]];
        case ExceptionReporting::recovered_error:
            state.exception = std::make_shared<ExceptionToTell>(
                scsi::Sense{.key = SenseKey::recovered_error, .asc = condition});
            return;
        case ExceptionReporting::no_sense:
            state.exception =
                std::make_shared<ExceptionToTell>(scsi::Sense{.key = SenseKey::no_sense, .asc = condition});
            return;
        case ExceptionReporting::on_request:
            state.polled_exception = condition;
            return;
    }
}

void exceptions_selected(Change& change, const std::shared_ptr<LogicalUnit>& unit) {
    static std::atomic<std::uint64_t> selections{0};
    UnitState& state = change.state();
    state.exception_selection = selections.fetch_add(1, std::memory_order_relaxed) + 1;
    state.exception.reset();
    state.polled_exception.reset();
    if (!is_tested(state.pages)) {
        return;
    }
    report_exception(change, scsi::Asc::failure_prediction_threshold_exceeded_false);
    if (interval(state.pages)) {
        repeat(unit, unit->home().core(), state.pages, state.exception_selection);
    }
}

scsi::Outcome with_exception(const Command& command, const scsi::Outcome& outcome) {
    const UnitState& state = command.life.unit->lane.state();
    const auto* const status = std::get_if<scsi::Status>(&outcome);
    if (status != nullptr && *status == scsi::Status::good && may_tell(command) &&
        !command.life.aborted.load(std::memory_order_relaxed) &&
        state.exception->waits.exchange(false, std::memory_order_relaxed)) {
        return state.exception->sense;
    }
    return outcome;
}

}  // namespace targe::engine
