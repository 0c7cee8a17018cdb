#include "engine/lane.h"

#include "engine/command_path.h"
#include "engine/gates.h"
#include "engine/nexus.h"
#include "engine/visitor.h"

#include <algorithm>
#include <utility>

namespace targe::engine {

using detail::Stage;

namespace {

/// A nexus moves in less time than a few changes of the unit take.
constexpr std::size_t kRecentlyTold = 16;

BlockRange range_of(const Command& command) {
    return {command.life.access.lba, command.life.access.blocks};
}

/// The medium may be another: whoever copies from it or to it must not go on there.
bool ends_copies(const Raise& raise) {
    return raise.condition == scsi::Asc::not_ready_to_ready_change_medium_may_have_changed && !raise.to;
}

bool is_spared(const ItNexuses& nexuses, const NexusUnit& unit) {
    return nexuses && std::ranges::find(*nexuses, unit.nexus.it_nexus()) != nexuses->end();
}

}  // namespace

bool is_among(const ItNexuses& nexuses, const NexusUnit& unit) {
    return !nexuses || std::ranges::find(*nexuses, unit.nexus.it_nexus()) != nexuses->end();
}

Lane::Lane(base::Core& core, LogicalUnit& unit, std::shared_ptr<const UnitState> state, base::Time made)
    : core_(core),
      unit_(unit),
      state_(std::move(state)),
      shared_tasks_(*this, true),
      idle_counts_from_(made) {
    set_watching();
}

Lane::~Lane() = default;

bool Lane::held(const Command& command) const {
    // Its own range is the home's to give: a COMPARE AND WRITE queues there, not here.
    return !command.life.moves_range && std::ranges::any_of(holds_, [&](const Hold& hold) {
        return hold.range.overlaps(range_of(command));
    });
}

/// Nothing is lent any more, so that this ends.
bool Lane::awaits_receipts() {
    if (awaits_receipts_) {
        awaits_receipts_ = false;
        for (NexusUnit& unit : nexuses_) {
            const bool awaited = unit.receipt != Receipt::none && unit.nexus.ask_for_receipt();
            awaits_receipts_ = awaits_receipts_ || awaited;
        }
    }
    return awaits_receipts_;
}

bool Lane::in_use(const BlockRange& range) {
    if (awaits_receipts()) {
        return true;
    }
    for (const Command& reader : lent_) {
        if (range_of(reader).overlaps(range)) {
            return true;
        }
    }
    for (const Command& task : tasks_) {
        if (task.life.stage == Stage::executing && !task.life.moves_range && range_of(task).overlaps(range)) {
            return true;
        }
    }
    return std::ranges::any_of(visits_, [&](const Visit& visit) { return visit.touches(range); });
}

bool Lane::lets_in(const Visit& visit) const {
    return open_ && quarantines_ == 0 &&
           std::ranges::none_of(holds_, [&](const Hold& hold) { return visit.wants(hold.range); });
}

void Lane::join(Visit& visit) {
    visits_.push_back(visit);
}

void Lane::begin_visit() {
    TARGE_ASSERT(open_);
    ++executing_;
}

void Lane::end_visit() {
    TARGE_ASSERT(executing_ > 0);
    --executing_;
    settle();
}

bool Lane::has_other_aca_task(const Command& command) {
    return std::ranges::any_of(tasks_, [&](const Command& task) {
        return &task != &command && task.life.unit == command.life.unit &&
               task.attribute == scsi::TaskAttribute::aca;
    });
}

Command* Lane::aca_task(const NexusUnit& unit) {
    for (Command& task : tasks_) {
        if (task.life.unit == &unit && task.attribute == scsi::TaskAttribute::aca) {
            return &task;
        }
    }
    return nullptr;
}

bool Lane::has_tasks(const NexusUnit& unit) {
    return std::ranges::any_of(tasks_, [&](const Command& task) { return task.life.unit == &unit; });
}

void Lane::add(Command& command) {
    if (!busy_since_) {
        busy_since_ = command.life.began;
    }
    tasks_.push_back(command);
    ++commands_;
}

void Lane::park(Command& command) {
    command.life.stage = Stage::parked;
    parked_.push_back(command);
}

void Lane::begin(Command& command) {
    TARGE_ASSERT(open_);
    command.life.stage = Stage::executing;
    ++executing_;
}

void Lane::leave_for_pieces(Command& command) {
    TARGE_ASSERT(command.life.stage == Stage::executing && executing_ > 0);
    command.life.stage = Stage::copying;
    --executing_;
    settle();
}

void Lane::remove(Command& command, base::Time now) {
    if (command.life.stage == Stage::executing) {
        TARGE_ASSERT(executing_ > 0);
        --executing_;
    }
    static_cast<base::ListHook<Parked>&>(command).unlink();
    static_cast<base::ListHook<LaneTasks>&>(command).unlink();
    --commands_;
    if (tasks_.empty() && busy_since_) {
        busy_ += now - *busy_since_;
        busy_since_.reset();
    }
    if (command.life.lent) {
        lent_.push_back(command);
    }
}

void Lane::set_aside(Command& command, detail::Ending& ending) {
    if (command.life.stage == Stage::executing) {
        TARGE_ASSERT(executing_ > 0);
        --executing_;
    }
    static_cast<base::ListHook<Parked>&>(command).unlink();
    command.life.stage = Stage::ending;
    command.life.ending = &ending;
    settle();
}

TurnId Lane::next_turn() {
    constexpr unsigned kCoreAt = 48;
    return (std::uint64_t{core_.id().value} << kCoreAt) + ++turns_;
}

void Lane::settle() {
    if (open_ && holds_.empty() && drains_.empty()) [[likely]] {
        return;
    }
    if (!open_ && executing_ == 0 && closed_ && !closes_behind_copies()) {
        std::exchange(closed_, {})();
    }
    // Each call may change the lists, so each begins anew.
    for (;;) {
        const auto ready = std::ranges::find_if(
            holds_, [this](const Hold& hold) { return hold.ready && !in_use(hold.range); });
        if (ready == holds_.end()) {
            break;
        }
        std::exchange(ready->ready, {})();
    }
    for (;;) {
        const auto drained =
            std::ranges::find_if(drains_, [this](const Drain& drain) { return !draining(drain); });
        if (drained == drains_.end()) {
            break;
        }
        const auto tell = std::move(drained->drained);
        drains_.erase(drained);
        tell();
    }
}

void Lane::quarantine(bool begins) {
    if (begins) {
        ++quarantines_;
        unpark();
        for (NexusUnit& nexus : nexuses_) {
            refuse_waiting(nexus.task_set);
        }
        return;
    }
    TARGE_ASSERT(quarantines_ > 0);
    --quarantines_;
}

void Lane::keep_out(const scsi::ItNexus& nexus, bool begins) {
    if (begins) {
        kept_out_.push_back(nexus);
    } else {
        const auto at = std::ranges::find(kept_out_, nexus);
        TARGE_ASSERT(at != kept_out_.end());
        kept_out_.erase(at);
    }
    for (NexusUnit& each : nexuses_) {
        see_whether_kept_out(each);
    }
}

void Lane::see_whether_kept_out(NexusUnit& nexus) const {
    nexus.kept_out = std::ranges::find(kept_out_, nexus.nexus.it_nexus()) != kept_out_.end();
}

void Lane::close(const AbortScope* scope, const AbortScope* awaited, std::function<void()> closed) {
    TARGE_ASSERT(open_ && !closed_);
    open_ = false;
    if (awaited != nullptr) {
        abort(*awaited, {});  // before all may be over, that function too
    }
    closed_ = std::move(closed);
    if (scope != nullptr) {
        closes_with_ = Drain{.epoch = abort_epoch_ + 1, .of = *scope, .drained = {}};
        abort(*scope, {});
    }
    settle();
}

void Lane::open(std::shared_ptr<const UnitState> state, const std::vector<Raise>& raises,
                std::uint64_t number) {
    TARGE_ASSERT(!open_ && executing_ == 0);
    const auto before = std::exchange(state_, std::move(state));
    open_ = true;
    closes_with_.reset();
    set_watching();
    for (NexusUnit& nexus : nexuses_) {
        look_at(*state_, nexus);
    }
    tell(raises, number);
    watch(*before);
    unpark();
}

void Lane::hold(std::uint64_t id, BlockRange range, std::function<void()> ready) {
    awaits_receipts_ = awaits_receipts_ || (ready && !holds_ranges_);
    holds_ranges_ = holds_ranges_ || ready;
    holds_.push_back({id, range, std::move(ready)});
    settle();
}

void Lane::unhold(std::uint64_t id) {
    std::erase_if(holds_, [id](const Hold& hold) { return hold.id == id; });
    unpark();
}

void Lane::unpark() {
    base::IntrusiveList<Command, Parked> again;
    while (!parked_.empty()) {
        again.push_back(parked_.pop_front());
    }
    while (!again.empty()) {
        proceed(again.pop_front());
    }
    for (Visit& visit : visits_) {
        visit.wake();
    }
}

void Lane::join(NexusUnit& nexus) {
    nexuses_.push_back(nexus);
    look_at(*state_, nexus);
    see_whether_kept_out(nexus);
}

void Lane::raise(const Raise& raise, NexusUnit& nexus) {
    if (raise.to.value_or(nexus.nexus.id()) == nexus.nexus.id() && nexus.nexus.id() != raise.except &&
        is_among(raise.only, nexus) && !is_spared(raise.spared, nexus)) {
        if (raise.deferred) {
            nexus.deferred = raise.deferred;
        } else if (raise.admission) {
            nexus.admit(*raise.admission);
        } else {
            nexus.raise(raise.condition);
        }
    }
}

void Lane::tell(const std::vector<Raise>& raises, std::uint64_t number) {
    told_ = number;
    for (const Raise& each : raises) {
        for (NexusUnit& nexus : nexuses_) {
            if (nexus.told < number) {
                raise(each, nexus);
            }
        }
        if (recently_told_.size() == kRecentlyTold) {
            forgotten_ = recently_told_.front().number;
            recently_told_.erase(recently_told_.begin());
        }
        recently_told_.push_back({number, each});
    }
    if (state_->is_disk && std::ranges::any_of(raises, ends_copies)) {
        for (Visit& visit : visits_) {
            visit.end_copy();
        }
    }
}

void Lane::catch_up(NexusUnit& nexus) {
    if (nexus.told < forgotten_) {
        // More has happened than is kept: it looks at everything again.
        nexus.raise(scsi::Asc::power_on_reset_or_bus_device_reset_occurred);
    }
    for (const Told& each : recently_told_) {
        if (each.number > nexus.told) {
            raise(each.raise, nexus);
        }
    }
}

}  // namespace targe::engine
