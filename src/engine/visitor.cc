#include "engine/visitor.h"

#include "base/core.h"
#include "engine/command_path.h"
#include "engine/every_lane.h"
#include "engine/gates.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/rod_tokens.h"
#include "scsi/medium_access.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

namespace targe::engine {

namespace {

/// The rows whose rules a copy keeps to: it reads and writes as its initiator would.
constexpr std::uint8_t kRead16 = 0x88;
constexpr std::uint8_t kWrite16 = 0x8a;

/// Of a range that is held for no command. The home counts its own from 1 on.
std::uint64_t next_fence() {
    static std::atomic<std::uint64_t> last{std::uint64_t{1} << 63U};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::optional<scsi::Outcome> refused_access(const NexusUnit& unit, const UnitState& state,
                                            std::uint8_t opcode, const BlockRange& range) {
    // Of disks, whatever the unit is: they are in the table for all of them, and their rules are what counts.
    const scsi::CommandInfo* const as = scsi::offered_command({}, opcode, {});
    const std::array cdb{std::byte{opcode}};
    if (const auto refusal = refused_at_gate(unit, state, *as, cdb)) {
        return refusal;
    }
    if (!state.medium_loaded) {
        return state.no_medium();
    }
    if (const auto beyond = scsi::beyond_medium(range.lba, range.blocks, state.description)) {
        return *beyond;
    }
    if (as->rules.writes_medium && write_protected(unit, state)) {
        return write_protected_sense();
    }
    return std::nullopt;
}

}  // namespace

Visit::Visit(Visitor& owner, NexusUnit& unit, Asked asked) : owner_(owner), unit_(unit), asked_(asked) {
    ++unit_.commands;
    unit_.lane.join(*this);
}

Visit::~Visit() {
    TARGE_ASSERT(!inside_ && !waiter_);
    unlink();
    unit_.lane.settle();
    unit_.nexus.visited(unit_);
}

std::optional<scsi::Outcome> Visit::refusal() const {
    const UnitState& state = unit_.lane.state();
    std::optional<scsi::Outcome> refused;
    if (touch_.reads) {
        refused = refused_access(unit_, state, kRead16, *touch_.reads);
    }
    if (!refused && touch_.writes) {
        refused = refused_access(unit_, state, kWrite16, *touch_.writes);
    }
    return refused;
}

base::Task<std::optional<scsi::Outcome>> Visit::enter(base::CommandArena& /*arena*/, Touch touch) {
    TARGE_ASSERT(!inside_);
    touch_ = touch;
    while (!owner_.cancelled() && !unit_.lane.quarantined() && !unit_.lane.lets_in(*this)) {
        co_await Wait{*this};
    }
    if (owner_.cancelled()) {
        co_return scsi::Status::task_aborted;
    }
    if (unit_.lane.quarantined() || unit_.kept_out) {
        co_return scsi::Status::busy;
    }
    if (const auto refused = refusal()) {
        co_return refused;
    }
    if (touch_.writes) {
        revoke_tokens(unit_, *touch_.writes);
    }
    inside_ = true;
    unit_.lane.begin_visit();
    co_return std::nullopt;
}

bool Visit::may_enter_at_once(const Touch& touch) {
    touch_ = touch;
    return owner_.cancelled() || unit_.lane.quarantined() || unit_.lane.lets_in(*this);
}

void Visit::leave() {
    TARGE_ASSERT(inside_);
    inside_ = false;
    const std::uint64_t fence = std::exchange(fence_, 0);
    if (is_aside()) {
        unit_.lane.settle();
    } else {
        unit_.lane.end_visit();
    }
    if (aside_) {
        aside_->visit = nullptr;
        aside_.reset();
    }
    if (fence != 0) {
        on_every_lane(
            unit_.lane,
            [fence](Lane& lane, const std::function<void()>& answered) {
                lane.unhold(fence);
                answered();
            },
            [] {});
    }
}

void Visit::fence(std::function<void()> up) {
    TARGE_ASSERT(inside_ && fence_ == 0);
    fence_ = next_fence();
    on_every_lane(
        unit_.lane,
        [fence = fence_, range = touch_.writes ? *touch_.writes : *touch_.reads](
            Lane& lane, const std::function<void()>& answered) {
            lane.hold(fence, range, {});
            answered();
        },
        std::move(up));
}

void Visit::step_aside() {
    if (aside_) {
        return;
    }
    aside_ = std::make_shared<SteppingAside>(SteppingAside{.visit = this});
    // Whoever ends the copy looks at all visits of the lane just now.
    base::post(unit_.nexus.core(), [aside = aside_] {
        const auto done = [aside] {
            if (aside->visit != nullptr) {
                aside->visit->be_aside();
            }
            aside->done = true;
            for (const auto& call : std::exchange(aside->then, {})) {
                call();
            }
        };
        if (aside->visit != nullptr) {
            aside->visit->fence(done);
        } else {
            done();
        }
    });
}

void Visit::be_aside() {
    aside_->done = true;
    unit_.lane.end_visit();
}

bool Visit::has_parted() const {
    return owner_.has_parted();
}

void Visit::cancel(std::uint32_t epoch) {
    if (!cancelled_in_) {
        cancelled_in_ = epoch;
    }
    owner_.cancel();
    if (was_asked_here()) {
        owner_.part();
    }
}

void Visit::end_copy() {
    owner_.cancel();
}

void Visit::wake() {
    if (waiter_) {
        base::post(unit_.nexus.core(), [waiter = std::exchange(waiter_, {})] { waiter.resume(); });
    }
}

Visitor::Visitor(NexusUnit& asked, std::shared_ptr<CopyEnd> end) : end_(std::move(end)) {
    visits_.push_back(std::make_unique<Visit>(*this, asked, Visit::Asked::here));
}

Visit& Visitor::at(NexusUnit& unit) {
    const auto known =
        std::ranges::find_if(visits_, [&](const auto& visit) { return &visit->unit() == &unit; });
    if (known != visits_.end()) {
        return **known;
    }
    return *visits_.emplace_back(std::make_unique<Visit>(*this, unit, Visit::Asked::elsewhere));
}

void Visitor::cancel() {
    cancelled_ = true;
    for (const auto& visit : visits_) {
        visit->wake();
    }
    leave_sources();
}

/// Of the only piece that is inside two units: what one of them only reads, the other writes, and may hang.
void Visitor::leave_sources() {
    const auto writing = std::ranges::find_if(visits_, [](const auto& visit) { return visit->writes(); });
    if (writing == visits_.end()) {
        return;
    }
    for (const auto& visit : visits_) {
        if (visit->is_inside() && !visit->writes() && visit->unit().unit != (*writing)->unit().unit) {
            visit->step_aside();
        }
    }
}

void Visitor::part() {
    const LogicalUnit* const asked = visits_.front()->unit().unit.get();
    Visit* elsewhere = nullptr;
    std::shared_ptr<SteppingAside> aside;
    for (const auto& visit : visits_) {
        if (visit->is_inside() && visit->unit().unit.get() == asked) {
            if (!visit->stepping_aside()) {
                return;  // its own piece, which it awaits
            }
            aside = visit->stepping_aside();
            continue;
        }
        if (visit->is_inside() && (elsewhere == nullptr || visit->writes())) {
            elsewhere = visit.get();
        }
    }
    if (!end_ || parting_ || elsewhere == nullptr) {
        return;  // without a piece under way it ends at once
    }
    parting_ = true;
    NexusUnit& unit = visits_.front()->unit();
    // In a later turn: whoever aborts looks at all tasks of the lane.
    const auto parted = [end = end_, core = &unit.nexus.core(), kept = unit.unit] {
        base::post(*core, [end, core, kept] {
            end->parted = true;
            end->resume();
            kept->lane(*core).settle();
        });
    };
    if (elsewhere->writes()) {
        elsewhere->fence([aside, parted] {
            if (aside) {
                aside->after(parted);
            } else {
                parted();
            }
        });
    } else {
        parted();
    }
}

}  // namespace targe::engine
