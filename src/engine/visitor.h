// A copy where it reads and writes: in the lanes of units, piece by piece.
#pragma once

#include "base/arena.h"
#include "base/intrusive_list.h"
#include "base/task.h"
#include "engine/lane.h"
#include "engine/nexus_unit.h"
#include "scsi/sense.h"

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace targe::engine {

class Visitor;

/// What a piece of a copy does at one unit.
struct Touch {
    std::optional<BlockRange> reads = {};
    std::optional<BlockRange> writes = {};

    [[nodiscard]] bool overlaps(const BlockRange& range) const {
        return (reads && reads->overlaps(range)) || (writes && writes->overlaps(range));
    }
};

class Visit;

/// How a visit steps aside: see there. On the core of its nexus.
struct SteppingAside {
    Visit* visit;  ///< null: its piece has ended
    bool done = false;
    std::vector<std::function<void()>> then = {};

    /// Calls it when that is done, which may be now.
    void after(std::function<void()> call) {
        if (done) {
            call();
        } else {
            then.push_back(std::move(call));
        }
    }
};

/// The presence of a copy at one unit, as the nexus sees it that asked for the copy. Between enter() and
/// leave() the lane counts it among what executes: changes of the unit's state, resets and COMPARE AND WRITE
/// wait for it, and it waits for them. On its nexus's core.
class Visit : public base::ListHook<struct LaneVisits> {
public:
    /// Whether the command that asked for the copy came to this unit.
    enum class Asked : std::uint8_t { elsewhere, here };

    Visit(Visitor& owner, NexusUnit& unit, Asked asked);
    ~Visit();

    [[nodiscard]] NexusUnit& unit() const { return unit_; }
    /// Waits until the lane lets it in, and asks then whether the nexus may read and write so. Nothing: it is
    /// inside; else why not.
    base::Task<std::optional<scsi::Outcome>> enter(base::CommandArena& arena, Touch touch);
    void leave();
    /// Whether enter() would not have to wait.
    [[nodiscard]] bool may_enter_at_once(const Touch& touch);

    // The lane.
    [[nodiscard]] bool touches(const BlockRange& range) const { return inside_ && touch_.overlaps(range); }
    [[nodiscard]] bool is_inside() const { return inside_; }
    [[nodiscard]] bool was_asked_here() const { return asked_ == Asked::here; }
    [[nodiscard]] bool wants(const BlockRange& range) const { return touch_.overlaps(range); }
    /// A function that concerns the unit ends the copy.
    void cancel(std::uint32_t epoch);
    /// Until leave() nothing begins at the unit, on any core, that overlaps what is written, or read where
    /// that is all; `up` is called when that is so.
    void fence(std::function<void()> up);
    [[nodiscard]] bool writes() const { return inside_ && touch_.writes; }
    /// Of a piece that only reads here, for another unit that may hang: fences it, after which the unit has
    /// nothing else to do with it. In a later turn.
    void step_aside();
    /// Null: it does not.
    [[nodiscard]] const std::shared_ptr<SteppingAside>& stepping_aside() const { return aside_; }
    [[nodiscard]] bool is_aside() const { return aside_ && aside_->done; }
    /// The unit that was asked has nothing to do with the copy any more: Visitor::part().
    [[nodiscard]] bool has_parted() const;
    /// The same, and nobody awaits its end.
    void end_copy();
    [[nodiscard]] bool cancelled_before(std::uint32_t epoch) const {
        return cancelled_in_ && *cancelled_in_ <= epoch;
    }
    /// The lane may let it in now, or the copy is to end. In a later turn.
    void wake();

private:
    struct Wait {
        Visit& visit;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> self) const noexcept { visit.waiter_ = self; }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] std::optional<scsi::Outcome> refusal() const;
    void be_aside();

    Visitor& owner_;
    NexusUnit& unit_;
    Asked asked_;
    Touch touch_;
    bool inside_ = false;
    std::uint64_t fence_ = 0;  ///< its name; 0: none is up
    std::shared_ptr<SteppingAside> aside_;
    std::optional<std::uint32_t> cancelled_in_;  ///< the lane's epoch
    std::coroutine_handle<> waiter_;
};

/// How a copy ends for whoever asked for it: with it, or before.
struct CopyEnd {
    std::optional<scsi::Outcome> outcome = {};  ///< it has ended
    bool parted = false;                        ///< it was aborted, and its last piece is another unit's
    Command* command = nullptr;                 ///< that ends as it does; null: with IMMED, or not any more
    std::coroutine_handle<> waiter = {};

    [[nodiscard]] bool await_ready() const noexcept { return outcome || parted; }
    void await_suspend(std::coroutine_handle<> self) noexcept { waiter = self; }
    void await_resume() const noexcept {}
    void resume() {
        if (waiter) {
            std::exchange(waiter, {}).resume();
        }
    }
};

/// A copy, as far as it concerns lanes. It is at the unit that was asked for it from its beginning to its
/// end, and at each unit from the first time it comes to it: whatever ends tasks there ends the copy. Only
/// the unit that was asked waits then for what the copy is doing at another. A piece that a device copies by
/// itself is at two units at once, of which the one that is only read is left, once the copy is to end.
class Visitor {
public:
    /// `end` may be null where nobody is interested.
    explicit Visitor(NexusUnit& asked, std::shared_ptr<CopyEnd> end = {});
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;

    [[nodiscard]] Visit& at(NexusUnit& unit);
    /// Enters nothing any more.
    void cancel();
    [[nodiscard]] bool cancelled() const { return cancelled_; }
    /// After cancel(), for the unit that was asked: a piece that is under way at another unit, which may
    /// hang, is that one's business. What it reads comes to nothing; what it writes is fenced, so that
    /// nothing that begins later is overtaken by it. Then the command ends.
    void part();
    [[nodiscard]] bool has_parted() const { return end_ && end_->parted; }

private:
    void leave_sources();

    std::vector<std::unique_ptr<Visit>> visits_;  ///< that of the unit that was asked first
    std::shared_ptr<CopyEnd> end_;
    bool cancelled_ = false;
    bool parting_ = false;
};

}  // namespace targe::engine
