// The one core that owns what changes of a logical unit.
#pragma once

#include "base/core.h"
#include "base/intrusive_list.h"
#include "engine/atomic_journal.h"
#include "engine/lane.h"
#include "engine/ordered_turns.h"
#include "engine/unit_state.h"
#include "engine/unit_store.h"
#include "scsi/error_history.h"
#include "scsi/thresholds.h"

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace targe::engine {

class LogicalUnit;
class UnitHome;

/// What must be durable before a change of state counts.
struct Keep {
    Kept what;
    std::string content;
    bool needed = true;  ///< false: the change counts although it could not be kept
    /// What becomes of the changed state when a restart may find the content that could not be kept, and must
    /// not meet a unit that has been used since; null: nothing changes.
    void (*in_doubt)(UnitState&) = nullptr;
};

/// One change of a unit's state. Made and used on the home core, by a coroutine that keeps the unit alive:
///
///     Change change{home};
///     co_await change.begin();     // its turn has come, every lane is closed and drained
///     change.state().… = …;
///     co_await change.commit();    // every lane is open again, with that state
///
/// What takes time, such as keeping the next state on a disk, is done between turn() and begin(): changes of
/// this unit wait for it, and commands do not.
class Change : public base::ListHook<struct WaitingChanges> {
public:
    explicit Change(UnitHome& home) : home_(home) {}

    /// End the tasks in `scope` while closing: a reset, or PREEMPT AND ABORT.
    void abort(const AbortScope& scope) { scope_ = scope; }
    /// Goes before changes that have not begun, and ends what the one before it waits for. Only of a reset:
    /// after abort().
    void hurry() { hurried_ = true; }
    /// May be told not to wait any longer, because the device hangs: see refused().
    void may_be_refused() { refusable_ = true; }
    /// Its turn has come: state() may be altered, and nobody else alters it. Then begin() or abandon().
    [[nodiscard]] auto turn() {
        turn_only_ = true;
        return Step{*this, &Change::enqueue};
    }
    /// Every lane is closed and drained.
    [[nodiscard]] auto begin() { return Step{*this, turn_only_ ? &Change::close : &Change::enqueue}; }
    /// After turn(): nothing changes, and no lane closes.
    void abandon();
    /// Instead of having begun; there is nothing to commit.
    [[nodiscard]] bool refused() const { return refused_; }
    /// From turn() or begin() on: the next state, to be altered.
    [[nodiscard]] UnitState& state() { return *next_; }
    /// Told when the lanes open.
    void raise(Raise raise) { raises_.push_back(std::move(raise)); }
    /// For whoever decides on the change, to tell whoever carries it out.
    std::optional<Keep> keep;
    [[nodiscard]] auto commit() { return Step{*this, &Change::finish}; }

private:
    friend class UnitHome;
    struct Step {
        Change& change;
        void (Change::*go)();
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        /// May resume `self` before it returns, so nothing of its frame is touched after that.
        [[gnu::noinline]] void await_suspend(std::coroutine_handle<> self) {
            change.waiter_ = self;
            (change.*go)();
        }
        void await_resume() const noexcept {}
    };
    void enqueue();
    void close();
    void finish();

    UnitHome& home_;
    std::coroutine_handle<> waiter_;
    std::optional<AbortScope> scope_;
    bool hurried_ = false;
    bool refusable_ = false;
    bool refused_ = false;
    bool turn_only_ = false;
    std::unique_ptr<UnitState> next_;
    std::vector<Raise> raises_;
};

/// Exclusive use of a range of blocks on every lane, for commands that must be atomic. Used on the core of
/// its command; known to the home while it is wanted or held.
class RangeHold : public base::ListHook<struct WaitingHolds> {
public:
    RangeHold(LogicalUnit& unit, base::Core& core, BlockRange range)
        : unit_(unit), core_(core), range_(range) {}

    /// `co_await hold.acquire()`: nothing that overlaps executes, or begins before release().
    [[nodiscard]] auto acquire() { return Acquire{*this}; }
    void release();

private:
    friend class UnitHome;
    struct Acquire {
        RangeHold& hold;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        [[gnu::noinline]] void await_suspend(std::coroutine_handle<> self);
        void await_resume() const noexcept {}
    };

    LogicalUnit& unit_;
    base::Core& core_;
    BlockRange range_;
    std::uint64_t id_ = 0;        // home only, until granted
    std::size_t lanes_left_ = 0;  // home only
    std::coroutine_handle<> waiter_;
};

/// Of a thin unit's store: see threshold_watch.cc.
struct FillWatch {
    scsi::ThresholdWatch thresholds;
    bool looking = false;
};

/// Used on its core only.
class UnitHome {
public:
    UnitHome(LogicalUnit& unit, base::Core& core, std::shared_ptr<const UnitState> state);
    ~UnitHome();

    [[nodiscard]] base::Core& core() const { return core_; }
    [[nodiscard]] LogicalUnit& unit() const { return unit_; }
    [[nodiscard]] const UnitState& state() const { return *state_; }

    [[nodiscard]] std::shared_ptr<const UnitState> shared_state() const { return state_; }

    /// For what every lane is to tell its nexuses now; greater each time.
    [[nodiscard]] std::uint64_t next_number() { return ++told_; }
    [[nodiscard]] scsi::ErrorHistory& errors() { return errors_; }

    /// Whether a restart may find what could not be kept, and what was refused for it: until it is kept anew.
    [[nodiscard]] bool doubts(Kept what) const { return (doubts_ >> static_cast<unsigned>(what) & 1U) != 0; }
    void tell_kept(Kept what, bool durable) {
        const std::uint32_t bit = 1U << static_cast<unsigned>(what);
        doubts_ = durable ? doubts_ & ~bit : doubts_ | bit;
    }
    [[nodiscard]] FillWatch& fill_watch() { return fill_watch_; }
    [[nodiscard]] OrderedTurns& turns() { return turns_; }
    [[nodiscard]] AtomicJournal& journal() { return journal_; }

    /// Refuses the changes that have not begun, as far as they may be.
    void refuse_waiting();
    void want(RangeHold& hold);
    void release(std::uint64_t id);

private:
    friend class Change;
    struct Held {
        std::uint64_t id;
        BlockRange range;
    };

    void pump();
    void start(Change& change);
    void close_lanes(Change& change);
    void abandon();
    void lane_closed();
    void lane_opened();
    void open_lanes(Change& change);
    void lane_holds(RangeHold& hold);
    [[nodiscard]] bool taken(const BlockRange& range) const;
    void grant(RangeHold& hold);
    void grant_waiting();

    LogicalUnit& unit_;
    base::Core& core_;
    std::shared_ptr<const UnitState> state_;
    Change* active_ = nullptr;
    bool pumping_ = false;
    std::size_t lanes_left_ = 0;
    base::IntrusiveList<Change, WaitingChanges> waiting_;
    std::vector<Held> held_;
    scsi::ErrorHistory errors_;
    std::uint32_t doubts_ = 0;  ///< a bit for each Kept
    FillWatch fill_watch_;
    OrderedTurns turns_;
    AtomicJournal journal_;
    std::uint64_t told_ = 0;
    std::uint64_t next_hold_ = 1;
    base::IntrusiveList<RangeHold, WaitingHolds> waiting_holds_;
};

}  // namespace targe::engine
