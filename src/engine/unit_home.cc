#include "engine/unit_home.h"

#include "base/assert.h"
#include "engine/logical_unit.h"
#include "engine/run_on.h"

#include <algorithm>
#include <utility>

namespace targe::engine {

namespace {

/// A change that has closed a lane awaits what executes there, and a reset that waits awaits that change. One
/// that has not closed them yet sees the reset when it does: UnitHome::close_lanes().
void abort_behind_closed_lanes(LogicalUnit& unit, const AbortScope& scope) {
    for (base::Core* const core : unit.cores()) {
        run_on(unit.home().core(), *core, [kept = unit.shared_from_this(), core, scope] {
            if (Lane& lane = kept->lane(*core); !lane.is_open()) {
                lane.abort(scope, {});
            }
        });
    }
}

}  // namespace

void Change::enqueue() {
    UnitHome& home = home_;
    const auto alive = home.unit_.shared_from_this();  // all may be over before this returns
    if (hurried_) {
        TARGE_ASSERT(scope_.has_value());
        home.waiting_.push_front(*this);
        abort_behind_closed_lanes(home.unit_, AbortScope{*scope_});
    } else {
        home.waiting_.push_back(*this);
    }
    home.pump();
}

void Change::close() {
    home_.close_lanes(*this);
}

void Change::abandon() {
    home_.abandon();
}

void Change::finish() {
    home_.open_lanes(*this);
}

namespace {

/// `holder` names what the state has.
device::ReservationFacts reservation_facts(const UnitState& state) {
    using Kind = device::ReservationFacts::Kind;
    const scsi::PersistentReservations& persistent = *state.persistent;
    device::ReservationFacts facts{.generation = persistent.generation,
                                   .registrants = static_cast<std::uint32_t>(persistent.registrants.size())};
    if (state.reserved_by) {
        facts.kind = Kind::reserve;
        facts.nexus = state.reserved_by->value;
    } else if (persistent.reserved) {
        facts.kind = Kind::persistent;
        facts.type = static_cast<std::uint8_t>(*persistent.reserved);
        if (persistent.holder) {
            facts.holder = persistent.holder->initiator.name;
        }
    }
    return facts;
}

}  // namespace

UnitHome::UnitHome(LogicalUnit& unit, base::Core& core, std::shared_ptr<const UnitState> state)
    : unit_(unit), core_(core), state_(std::move(state)), turns_(unit) {}

UnitHome::~UnitHome() {
    TARGE_ASSERT(active_ == nullptr);
}

void UnitHome::pump() {
    if (pumping_) {
        return;  // an outer call goes on: a row of changes must not grow the stack
    }
    pumping_ = true;
    const auto alive =
        unit_.shared_from_this();  // a change that ends in here may have been the last to keep it
    while (active_ == nullptr && !waiting_.empty()) {
        start(waiting_.pop_front());
    }
    pumping_ = false;
}

void UnitHome::start(Change& change) {
    active_ = &change;
    change.next_ = std::make_unique<UnitState>(*state_);
    if (change.turn_only_) {
        change.waiter_.resume();
    } else {
        close_lanes(change);
    }
}

void UnitHome::abandon() {
    active_ = nullptr;
    pump();
}

void UnitHome::close_lanes(Change& change) {
    const auto alive = unit_.shared_from_this();  // all may be over before this returns
    // A reset that came before the lanes close awaits the change, and must not await what executes there.
    const auto reset = std::ranges::find_if(waiting_, [](const Change& each) { return each.hurried_; });
    const std::optional<AbortScope> ends = reset != waiting_.end() ? reset->scope_ : std::nullopt;
    lanes_left_ = unit_.cores().size();
    for (base::Core* const core : unit_.cores()) {
        run_on(core_, *core, [this, core, &change, ends] {
            // The change stays in place, and its scope unchanged, until every lane has answered.
            const AbortScope* const scope = change.scope_ ? &*change.scope_ : nullptr;
            unit_.lane(*core).close(scope, ends ? &*ends : nullptr,
                                    [this, core] { run_on(*core, core_, [this] { lane_closed(); }); });
        });
    }
}

void UnitHome::lane_closed() {
    if (--lanes_left_ == 0) {
        active_->waiter_.resume();
    }
}

void UnitHome::open_lanes(Change& change) {
    const bool reservations =
        change.next_->reserved_by != state_->reserved_by || *change.next_->persistent != *state_->persistent;
    state_ = std::move(change.next_);
    if (reservations) {
        unit_.device().reservations_changed(reservation_facts(*state_));
    }
    lanes_left_ = unit_.cores().size();
    const std::uint64_t number = next_number();
    for (base::Core* const core : unit_.cores()) {
        // Copied: the change may be gone before the last lane has told all its nexuses.
        run_on(core_, *core, [this, core, state = state_, raises = change.raises_, number] {
            unit_.lane(*core).open(state, raises, number);
            run_on(*core, core_, [this] { lane_opened(); });
        });
    }
}

void UnitHome::lane_opened() {
    if (--lanes_left_ > 0) {
        return;
    }
    // Whoever waits may be the last to keep the unit alive.
    const auto alive = unit_.shared_from_this();
    const auto waiter = std::exchange(active_, nullptr)->waiter_;
    waiter.resume();
    pump();
}

void UnitHome::refuse_waiting() {
    base::IntrusiveList<Change, WaitingChanges> refused;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        Change& change = *at++;
        if (change.refusable_) {
            change.unlink();
            refused.push_back(change);
        }
    }
    while (!refused.empty()) {
        Change& change = refused.pop_front();
        change.refused_ = true;
        change.waiter_.resume();
    }
}

void RangeHold::Acquire::await_suspend(std::coroutine_handle<> self) {
    hold.waiter_ = self;
    run_on(hold.core_, hold.unit_.home().core(),
           [wanted = &hold, unit = &hold.unit_] { unit->home().want(*wanted); });
}

void RangeHold::release() {
    // Nobody waits for this, so the message itself keeps the unit.
    run_on(core_, unit_.home().core(),
           [unit = unit_.shared_from_this(), id = id_] { unit->home().release(id); });
}

bool UnitHome::taken(const BlockRange& range) const {
    return std::ranges::any_of(held_, [&](const Held& held) { return held.range.overlaps(range); });
}

void UnitHome::want(RangeHold& hold) {
    hold.id_ = next_hold_++;
    waiting_holds_.push_back(hold);
    grant_waiting();
}

void UnitHome::grant_waiting() {
    // In order of arrival: one that waits keeps later ones that overlap it waiting too.
    std::vector<BlockRange> ahead;
    std::vector<RangeHold*> granted;
    for (auto at = waiting_holds_.begin(); at != waiting_holds_.end();) {
        RangeHold& hold = *at++;
        const bool behind =
            std::ranges::any_of(ahead, [&](const BlockRange& range) { return range.overlaps(hold.range_); });
        if (behind || taken(hold.range_)) {
            ahead.push_back(hold.range_);
            continue;
        }
        hold.unlink();
        held_.push_back({hold.id_, hold.range_});
        granted.push_back(&hold);
    }
    for (RangeHold* const hold : granted) {
        grant(*hold);
    }
}

void UnitHome::grant(RangeHold& hold) {
    hold.lanes_left_ = unit_.cores().size();
    for (base::Core* const core : unit_.cores()) {
        run_on(core_, *core, [this, core, id = hold.id_, range = hold.range_, granted = &hold] {
            unit_.lane(*core).hold(id, range, [this, core, granted] {
                run_on(*core, core_, [this, granted] { lane_holds(*granted); });
            });
        });
    }
}

void UnitHome::lane_holds(RangeHold& hold) {
    if (--hold.lanes_left_ == 0) {
        run_on(core_, hold.core_, [waiter = hold.waiter_] { waiter.resume(); });
    }
}

void UnitHome::release(std::uint64_t id) {
    std::erase_if(held_, [id](const Held& held) { return held.id == id; });
    for (base::Core* const core : unit_.cores()) {
        run_on(core_, *core, [unit = unit_.shared_from_this(), core, id] { unit->lane(*core).unhold(id); });
    }
    grant_waiting();
}

}  // namespace targe::engine
