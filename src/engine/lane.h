// A logical unit as one core sees it.
#pragma once

#include "base/core.h"
#include "base/intrusive_list.h"
#include "engine/block_range.h"
#include "engine/command.h"
#include "engine/limits.h"
#include "engine/nexus_unit.h"
#include "engine/unit_state.h"
#include "scsi/access_statistics.h"
#include "scsi/transport_id.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace targe::engine {

class LogicalUnit;
class Visit;
struct LaneVisits;

/// I_T nexuses, whoever is logged in as them now: each lane looks who they are.
using ItNexuses = std::shared_ptr<const std::vector<scsi::ItNexus>>;
/// Null: every one is.
[[nodiscard]] bool is_among(const ItNexuses& nexuses, const NexusUnit& unit);

/// A unit attention that a change raises, or what else nexuses are told of their unit.
struct Raise {
    scsi::Asc condition = {};
    std::optional<NexusId> except = {};        ///< it asked for the change
    ItNexuses only = {};                       ///< null: everybody
    ItNexuses spared = {};                     ///< null: nobody
    std::optional<NexusId> to = {};            ///< nothing: as the others say; else nobody but this one
    std::optional<scsi::Sense> deferred = {};  ///< instead: for the next command
    std::optional<device::Admission> admission = {};  ///< instead: whether they may use the unit
};

/// Which tasks a function ends, and who is told.
struct AbortScope {
    std::optional<NexusId> only = {};       ///< nothing: everybody's
    std::optional<std::uint16_t> lun = {};  ///< with `only`: by which it knows the unit; nothing: by any
    ItNexuses among = {};                   ///< null: everybody, as far as `only` goes
    /// Is not told about its own tasks. With TAS set the others get TASK ABORTED for each of theirs, else no
    /// response, [SPC-4 r37 7.5.7].
    std::optional<NexusId> requester = {};
    bool tell_others = true;          ///< without TAS: COMMANDS CLEARED BY ANOTHER INITIATOR
    bool clears_aca = false;          ///< resets, and PREEMPT AND ABORT
    bool by_fault = false;            ///< QERR: those that ended with a fault themselves tell of it
    const Command* spared = nullptr;  ///< the one that asked for it

    /// A nexus ends, or loses, what came to this LUN: by another the same unit has another task set.
    [[nodiscard]] static AbortScope own_tasks(const NexusUnit& unit);
};

/// Used on its core only. Commands execute here without asking anybody while the lane is open; a change of
/// the unit's state closes it, waits until nothing executes, and opens it with a new state.
class Lane {
public:
    Lane(base::Core& core, LogicalUnit& unit, std::shared_ptr<const UnitState> state, base::Time made);
    ~Lane();

    [[nodiscard]] base::Core& core() const { return core_; }
    [[nodiscard]] LogicalUnit& unit() const { return unit_; }
    [[nodiscard]] const UnitState& state() const { return *state_; }
    [[nodiscard]] std::shared_ptr<const UnitState> shared_state() const { return state_; }
    [[nodiscard]] Counters& counters() { return counters_; }
    // What log pages tell of, which begins anew when an initiator wishes, and leaves counters() alone.
    /// Counts a command that has ended, `took` after it came.
    void count(const Command& command, scsi::AccessKind kind, std::uint64_t bytes, base::Duration took);
    /// Of one group, or with 0 of all commands.
    [[nodiscard]] scsi::AccessStatistics statistics(std::uint8_t group) const;
    /// How long the lane has had no command.
    [[nodiscard]] base::Duration idle() const;
    /// A bit for each group; bit 0: of all commands, and of time.
    void reset_statistics(std::uint32_t groups);

    // Commands.
    /// Whether the command may go on: the lane is open, the device answers, and nobody holds its range.
    [[nodiscard]] bool lets_pass(const Command& command) const {
        return open_ && quarantines_ == 0 && (holds_.empty() || !held(command));
    }
    void add(Command& command);
    /// Of all nexuses here: the lane's share of what the unit may have.
    void limit_commands(std::uint32_t limit) { command_limit_ = limit; }
    [[nodiscard]] bool overfull() const { return commands_ > command_limit_; }
    /// This core's part of the task set that all nexuses share, where they do.
    [[nodiscard]] TaskSet& shared_tasks() { return shared_tasks_; }
    [[nodiscard]] TaskSet& task_set_of(NexusUnit& unit) {
        return state_->pages.task_set_type == scsi::TaskSetType::shared ? shared_tasks_ : unit.own_tasks;
    }
    /// Never used twice for this unit.
    [[nodiscard]] TurnId next_turn();
    /// Whether the nexus of `command` has another task with the ACA attribute in its task set.
    [[nodiscard]] bool has_other_aca_task(const Command& command);
    /// The task with the ACA attribute that the nexus has here, or null.
    [[nodiscard]] Command* aca_task(const NexusUnit& unit);
    /// Whether the nexus has any task here that has not ended.
    [[nodiscard]] bool has_tasks(const NexusUnit& unit);
    void park(Command& command);
    void begin(Command& command);
    /// From now on it executes in pieces, each of which goes into lanes by itself.
    void leave_for_pieces(Command& command);
    /// Whether it is time to see how full the store is. Cheap where no threshold is set.
    [[nodiscard]] bool look_is_due() const { return watches_fill_ && core_.now() >= next_look_; }
    [[nodiscard]] bool watches_fill() const { return watches_fill_; }
    /// Has the unit's home look, in a later turn.
    void ask_for_look();
    /// The command leaves the task set at `now`, whatever its stage. settle() follows once its port was told.
    void remove(Command& command, base::Time now);
    /// It executes nothing any more, and stays in the task set until it may tell of its fault.
    void set_aside(Command& command, detail::Ending& ending);
    /// Tells whoever waited for commands to end.
    void settle();
    /// Whether reads may be sent from the device's memory. Not once ranges are held here: an initiator that
    /// is slow to receive would keep every COMPARE AND WRITE waiting that it reads beside.
    [[nodiscard]] bool lends() const { return !holds_ranges_; }
    /// What the command was lent has been sent. settle() follows.
    void give_back(Command& command) { static_cast<base::ListHook<LaneTasks>&>(command).unlink(); }

    // Copies, which read and write here on behalf of a command that may have come to another unit.
    void join(Visit& visit);
    [[nodiscard]] bool lets_in(const Visit& visit) const;
    void begin_visit();
    void end_visit();

    // Task management.
    /// Ends what waits, marks what executes; `drained` is called when nothing marked may touch the medium.
    void abort(const AbortScope& scope, std::function<void()> drained);
    void abort_one(Command& command, std::function<void()> drained);
    /// The nexus has lost the LUN: what waits is refused, as if it came now. What executes may end.
    void turn_away(NexusUnit& unit);
    /// And has not done so in time: a read is answered, and ends in silence. What writes is not: it may
    /// still.
    void give_up(NexusUnit& unit);
    /// Whether anything that the nexus has begun here may touch the medium before it has ended. A copy that
    /// was ended does so only in the piece that is under way.
    [[nodiscard]] bool may_act(const NexusUnit& unit);
    /// From the first that begins to the last that ends commands get BUSY: the device holds aborted tasks.
    void quarantine(bool begins);
    [[nodiscard]] bool quarantined() const { return quarantines_ > 0; }
    void keep_out(const scsi::ItNexus& nexus, bool begins);  ///< LogicalUnit::keep_out()

    // The unit's home, by message.
    /// Lets nothing begin any more. `closed` is called when nothing executes, and no copy in `scope` is left.
    /// What is in `awaited` ends too, for a function that awaits the change.
    void close(const AbortScope* scope, const AbortScope* awaited, std::function<void()> closed);
    void open(std::shared_ptr<const UnitState> state, const std::vector<Raise>& raises, std::uint64_t number);
    /// Whether a command refused so had better wait: its path is in transition, and not for long yet.
    [[nodiscard]] bool waits_for_transition(const scsi::Outcome& refusal) const;
    /// A transition has ended, or takes too long.
    void transition_watched();
    /// Lets nothing begin that overlaps; `ready` is called when nothing that does executes, or is being sent
    /// from the device's memory. Empty: nobody asks.
    void hold(std::uint64_t id, BlockRange range, std::function<void()> ready);
    void unhold(std::uint64_t id);
    [[nodiscard]] bool is_open() const { return open_; }

    // The registry of nexuses.
    void join(NexusUnit& nexus);
    /// What the unit's home tells every lane, with the number that it has for that: one more each time.
    void tell(const std::vector<Raise>& raises, std::uint64_t number);
    /// The number of what was told last.
    [[nodiscard]] std::uint64_t told() const { return told_; }
    /// `nexus` has come from another core: it is told here what it has not been told there.
    void catch_up(NexusUnit& nexus);
    [[nodiscard]] base::IntrusiveList<NexusUnit, LaneNexuses>& nexuses() { return nexuses_; }

private:
    struct Hold {
        std::uint64_t id;
        BlockRange range;
        std::function<void()> ready;  ///< empty once it was called
    };
    struct Told {
        std::uint64_t number;
        Raise raise;
    };
    struct Drain {
        std::uint32_t epoch;
        AbortScope of;
        const Command* one = nullptr;  ///< null: all that `of` names
        std::function<void()> drained;
    };

    static void raise(const Raise& raise, NexusUnit& nexus);
    [[nodiscard]] bool held(const Command& command) const;
    [[nodiscard]] bool in_use(const BlockRange& range);
    [[nodiscard]] bool draining(const Drain& drain);
    [[nodiscard]] bool closes_behind_copies();
    void cancel_visits(const AbortScope& scope);
    [[nodiscard]] std::vector<NexusUnit*> forget_faults(const AbortScope& scope);
    void mark(Command& command, const AbortScope& scope);
    void await_drained(Drain drain);
    void see_whether_kept_out(NexusUnit& nexus) const;
    void unpark();
    [[nodiscard]] bool awaits_receipts();
    void set_watching();
    void watch(const UnitState& before);

    base::Core& core_;
    LogicalUnit& unit_;
    std::shared_ptr<const UnitState> state_;
    bool open_ = true;
    bool watches_fill_ = false;     ///< a threshold of the unit's is set
    base::Time next_look_{};        ///< not before it
    bool holds_ranges_ = false;     ///< a COMPARE AND WRITE was here: from then on reads are copied
    bool awaits_receipts_ = false;  ///< of pages that were lent before
    std::uint32_t quarantines_ = 0;
    std::vector<scsi::ItNexus> kept_out_;  ///< one for each keep_out() that has not ended
    std::uint32_t transition_watches_ = 0;
    std::uint32_t executing_ = 0;
    std::uint32_t abort_epoch_ = 0;
    std::uint32_t commands_ = 0;  ///< in tasks_
    std::uint32_t command_limit_ = std::numeric_limits<std::uint32_t>::max();
    std::uint64_t turns_ = 0;
    TaskSet shared_tasks_;
    base::IntrusiveList<Command, LaneTasks> tasks_;
    base::IntrusiveList<Command, LaneTasks> lent_;  ///< ended, and being sent from the device's memory
    base::IntrusiveList<Command, Parked> parked_;
    base::IntrusiveList<NexusUnit, LaneNexuses> nexuses_;
    base::IntrusiveList<Visit, LaneVisits> visits_;
    std::vector<Hold> holds_;
    std::vector<Drain> drains_;
    std::uint64_t told_ = 0;
    std::uint64_t forgotten_ = 0;      ///< through which number recently_told_ has lost what there was
    std::vector<Told> recently_told_;  ///< the oldest first
    std::function<void()> closed_;
    std::optional<Drain> closes_with_;  ///< what the change ends that closes the lane
    Counters counters_;
    scsi::AccessStatistics statistics_;
    /// Of the groups from 1 on; made for the first command that names one.
    std::unique_ptr<std::array<scsi::AccessStatistics, scsi::kGroups - 1>> groups_;
    base::Time idle_counts_from_;
    base::Duration busy_{};  ///< since then, up to the latest time that it had no command
    std::optional<base::Time> busy_since_;
};

}  // namespace targe::engine
