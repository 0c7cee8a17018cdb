// The units that a nexus sees: how they come, and how they and the nexus part.
#include "base/core.h"
#include "engine/aca.h"
#include "engine/background.h"
#include "engine/command_path.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/run_on.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace targe::engine {

namespace {

Background forget(base::Core& here, std::shared_ptr<LogicalUnit> unit, NexusId nexus,
                  std::function<void()> done) {
    // Everything that this nexus did was committed, on this lane too, before its command ended.
    const UnitState& state = unit->lane(here).state();
    if (state.reserved_by != nexus && !state.removal_prevention.by(nexus)) {
        done();
        co_return;
    }
    UnitHome& home = unit->home();
    if (&home.core() != &here) {
        co_await base::hop_to(home.core());
    }
    Change change{home};
    co_await change.begin();
    UnitState& next = change.state();
    if (next.reserved_by == nexus) {
        next.reserved_by.reset();
    }
    next.removal_prevention.forget(nexus);
    co_await change.commit();
    if (&home.core() != &here) {
        co_await base::hop_to(here);
    }
    done();
}

/// Whether nothing of the nexus is left that a successor would meet, but copies that another unit holds up.
bool has_let_go(NexusUnit& unit, NexusId nexus) {
    const UnitState& state = unit.lane.state();
    return unit.commands > 0 && state.reserved_by != nexus && !state.removal_prevention.by(nexus) &&
           !unit.lane.may_act(unit);
}

/// By the LUN map. Of a unit that the engine serves MODE SENSE says so, by its WP bit.
void protect(NexusUnit& unit, bool read_only) {
    const UnitState& state = unit.lane.state();
    const bool before = write_protected(unit, state);
    unit.read_only = read_only;
    if (state.server == nullptr && write_protected(unit, state) != before) {
        unit.raise(scsi::Asc::mode_parameters_changed);
    }
}

bool same_unit(const NexusUnit& unit, const LunEntry& entry) {
    return unit.lun == entry.lun && unit.unit == entry.unit;
}

}  // namespace

void forget_nexus(base::Core& here, std::shared_ptr<LogicalUnit> unit, NexusId nexus,
                  std::function<void()> done) {
    forget(here, std::move(unit), nexus, std::move(done));
}

void NexusUnit::introduce() {
    if (device::CommandServer* const server = unit->device().server()) {
        asked = server->join({.nexus = nexus.id().value,
                              .lun = lun,
                              .read_only = read_only,
                              .initiator = nexus.identity().initiator_name,
                              .target = nexus.target().name()});
    }
}

void NexusUnit::admit(device::Admission says) {
    using enum device::Admission;
    const bool was_hidden = admission == refused;
    if (says != unheard) {
        admission = says;
    }
    asked = false;
    if (was_hidden != (admission == refused) && !nexus.joins()) {  // of which initiators may have been told
        nexus.inventory().raise();
        nexus.port().unit_event(0, scsi::unit_attention(scsi::Asc::reported_luns_data_has_changed));
    }
    nexus.admission_heard();
}

bool Nexus::awaits_admission() const {
    bool awaits = false;
    units_.for_each([&](const NexusUnit& unit) { awaits |= unit.asked; });
    return awaits;
}

void Nexus::await_admission(base::Duration limit, std::move_only_function<void()> go_on) {
    TARGE_ASSERT(!closing_);
    if (awaits_admission()) {
        admission_wait_.begin(*core_, limit, std::move(go_on));
    } else {
        go_on();
    }
}

void Nexus::admission_heard() {
    if (joins() && !awaits_admission()) {
        admission_wait_.end(*core_);
    }
}

void Nexus::attach(const LunEntry& entry) {
    auto made = std::make_unique<NexusUnit>(*this, entry.unit, entry.lun, entry.read_only);
    made->introduce();
    units_.insert(std::move(made));
}

NexusUnit& Nexus::detach(std::uint16_t lun) {
    leaving_.push_back(units_.take(lun));
    NexusUnit& unit = *leaving_.back();
    unit.removed = true;
    if (unit.commands == 0) {
        leave(unit);
    }
    return unit;
}

/// Whoever sent a command gets its status: what waits is refused, and what executes may end, for a while.
void Nexus::lose(std::uint16_t lun) {
    NexusUnit& unit = detach(lun);
    unit.given_up_at = core_->now() + limits_.lost_lun_deadline;
    unit.lane.turn_away(unit);
    clear_aca(unit);
    if (unit.commands > 0 && !lost_lun_limit_.armed()) {
        core_->arm(lost_lun_limit_, unit.given_up_at);
    }
}

void Nexus::give_up_lost_luns() {
    std::vector<NexusUnit*> due;
    std::optional<base::Time> next;
    for (const auto& unit : leaving_) {
        if (unit->given_up_at <= core_->now()) {
            due.push_back(unit.get());
        } else if (!next) {
            next = unit->given_up_at;  // they are in the order in which they came
        }
    }
    if (next) {
        core_->arm(lost_lun_limit_, *next);
    }
    for (NexusUnit* const unit : due) {
        unit->lane.give_up(*unit);
    }
}

bool Nexus::acts_at_lost_luns() const {
    return std::ranges::any_of(leaving_, [](const auto& unit) {
        return unit->given_up_at != base::Time{} && unit->lane.may_act(*unit);
    });
}

void Nexus::remap(const LunMaps& maps, std::uint64_t version) {
    if (closing_ || version <= maps_version_) {
        return;
    }
    // Of maps that were in force while it was on its way to another core nobody knows here what they had.
    const bool missed = version > maps_version_ + 1;
    maps_version_ = version;
    const std::vector<LunEntry>& luns = maps.for_initiator(identity_.initiator_name);
    std::vector<std::uint16_t> gone;
    units_.for_each([&](NexusUnit& unit) {
        const auto entry = std::ranges::find_if(luns, [&](const LunEntry& e) { return same_unit(unit, e); });
        if (entry == luns.end()) {
            gone.push_back(unit.lun);
        } else {
            protect(unit, entry->read_only);
        }
    });
    bool changed = missed || !gone.empty();
    for (const std::uint16_t lun : gone) {
        lose(lun);
    }
    for (const LunEntry& entry : luns) {
        if (units_.find(entry.lun) != nullptr) {
            continue;
        }
        attach(entry);
        const bool replaced = std::ranges::find(gone, entry.lun) != gone.end();
        if (replaced) {
            units_.find(entry.lun)->raise(scsi::Asc::inquiry_data_has_changed);
        } else {
            units_.find(entry.lun)->attentions.raise(scsi::Asc::power_on_reset_or_bus_device_reset_occurred);
        }
        changed = true;
    }
    if (changed) {
        inventory_.raise();
        port_.unit_event(0, scsi::unit_attention(scsi::Asc::reported_luns_data_has_changed));
    }
    admission_heard();
}

void Nexus::leave(NexusUnit& unit) {
    // In a later turn: a caller up the stack may still look at the unit.
    if (unit.reads_error_history) {
        UnitHome& home = unit.unit->home();
        run_on(*core_, home.core(),
               [kept = unit.unit, nexus = id_] { kept->home().errors().release(nexus.value); });
    }
    base::post(*core_, [this, &unit] {
        bool seen_elsewhere = false;
        units_.for_each([&](const NexusUnit& other) { seen_elsewhere |= other.unit == unit.unit; });
        if (seen_elsewhere) {
            left(unit);
            return;
        }
        forget(*core_, unit.unit, id_, [this, &unit] { left(unit); });
    });
}

void Nexus::for_each_unit(const std::function<void(NexusUnit&)>& visit) {
    units_.for_each(visit);
    for (const auto& unit : leaving_) {
        visit(*unit);
    }
}

bool Nexus::ask_for_receipt() {
    bool due = false;
    bool awaited = false;
    for_each_unit([&](NexusUnit& unit) {
        due |= unit.receipt == Receipt::due;
        awaited |= unit.receipt == Receipt::awaited;
    });
    if (due) {
        for_each_unit([](NexusUnit& unit) {
            unit.receipt = unit.receipt == Receipt::due ? Receipt::awaited : unit.receipt;
        });
        port_.receipt_wanted();
    }
    return due || awaited;
}

void Nexus::received() {
    std::vector<Lane*> waiting;
    for_each_unit([&waiting](NexusUnit& unit) {
        if (unit.receipt == Receipt::awaited) {
            unit.receipt = Receipt::none;
            waiting.push_back(&unit.lane);
        }
    });
    for (Lane* const lane : waiting) {
        lane->settle();
    }
}

void Nexus::left(NexusUnit& unit) {
    if (device::CommandServer* const server = unit.unit->device().server()) {
        server->leave(id_.value);
    }
    const auto kept = unit.unit;
    const bool kept_out = unit.keeps_out;
    Lane& lane = unit.lane;
    std::erase_if(leaving_, [&](const auto& each) { return each.get() == &unit; });
    lane.settle();  // which may have awaited its receipt
    if (kept_out) {
        kept->keep_out(*core_, it_nexus_, false);
    }
    close_when_idle();
}

void Nexus::close(std::move_only_function<void()> closed, std::move_only_function<void()> overdue) {
    TARGE_ASSERT(!closing_);
    closing_ = true;
    admission_wait_.cancel(*core_);
    closed_ = std::move(closed);
    overdue_ = std::move(overdue);
    core_->disarm(lost_lun_limit_);
    core_->arm(close_limit_, core_->now() + limits_.nexus_end_deadline);
    std::vector<NexusUnit*> units;
    std::ranges::transform(leaving_, std::back_inserter(units), &std::unique_ptr<NexusUnit>::get);
    std::vector<std::uint16_t> luns;
    units_.for_each([&](NexusUnit& unit) { luns.push_back(unit.lun); });
    std::ranges::transform(luns, std::back_inserter(units), [&](std::uint16_t lun) { return &detach(lun); });
    for (NexusUnit* const unit : units) {
        if (unit->commands > 0) {
            unit->lane.abort(AbortScope::own_tasks(*unit), {});
        }
        clear_aca(*unit);
    }
    close_when_idle();
}

void Nexus::close_is_overdue() {
    std::vector<std::shared_ptr<LogicalUnit>> held;
    for (const auto& unit : leaving_) {
        if (has_let_go(*unit, id_)) {
            continue;
        }
        unit->keeps_out = true;
        held.push_back(unit->unit);
    }
    for (const auto& unit : held) {
        unit->keep_out(*core_, it_nexus_, true);
    }
    if (overdue_) {
        std::exchange(overdue_, {})();
    }
}

void Nexus::close_when_idle() {
    // Whoever was answered already does not wait for it a second time.
    if (closing_ && kept_ > 0 && commands_ == kept_ && overdue_) {
        core_->arm(close_limit_, core_->now());
    }
    if (!closing_ || commands_ > 0 || managing_ > 0 || !leaving_.empty() || !closed_) {
        return;
    }
    core_->disarm(close_limit_);
    base::post(*core_, [this, closed = std::move(closed_)]() mutable {
        unlink();
        closed();
    });
}

}  // namespace targe::engine
