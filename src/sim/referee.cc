#include "sim/referee.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace targe::sim {

namespace {

/// What other sessions had not brought to the target when the function was sent may be later than it.
bool affects(const Function& function, const Task& task) {
    using enum iscsi::TaskFunction;
    const bool own = task.session == function.session;
    const bool before =
        own ? task.sequence < function.sequence : task.received_at && *task.received_at < function.sent_at;
    switch (function.function) {
        case abort_task:
            return function.task == &task;
        case abort_task_set:
            return own && before && task.lun == function.lun;
        case clear_task_set:
            return (own || function.shared_set) && before && task.lun == function.lun;
        case logical_unit_reset:
            return before && task.lun == function.lun;
        case target_warm_reset:
        case target_cold_reset:
            // LUN 1 comes and goes: whoever resets may not have seen it.
            return before && (own || task.lun == 0);
        case i_t_nexus_reset:
            return own && before;
        default:
            return false;
    }
}

}  // namespace

bool ends(const Function& function, const Task& task) {
    // A task that does not exist any more was ended by somebody else.
    const bool gone = function.function == iscsi::TaskFunction::abort_task &&
                      function.response == iscsi::TaskFunctionResponse::task_does_not_exist;
    return (function.complete() || gone) && affects(function, task);
}

std::string_view name_of(Kind kind) {
    switch (kind) {
        case Kind::test_unit_ready:
            return "TEST UNIT READY";
        case Kind::inquiry:
            return "INQUIRY";
        case Kind::request_sense:
            return "REQUEST SENSE";
        case Kind::report_luns:
            return "REPORT LUNS";
        case Kind::read_capacity:
            return "READ CAPACITY";
        case Kind::read:
            return "READ";
        case Kind::write:
            return "WRITE";
        case Kind::write_same:
            return "WRITE SAME";
        case Kind::unmap:
            return "UNMAP";
        case Kind::compare_and_write:
            return "COMPARE AND WRITE";
        case Kind::synchronize_cache:
            return "SYNCHRONIZE CACHE";
        case Kind::mode_sense:
            return "MODE SENSE";
        case Kind::mode_select:
            return "MODE SELECT";
        case Kind::reserve:
            return "RESERVE";
        case Kind::release:
            return "RELEASE";
        case Kind::persistent_reserve_in:
            return "PERSISTENT RESERVE IN";
        case Kind::persistent_reserve_out:
            return "PERSISTENT RESERVE OUT";
    }
    __builtin_unreachable();
}

std::string describe(const Task& task) {
    std::string text = fmt::format("{} #{} of initiator {}, session {}, lun {}", name_of(task.kind), task.id,
                                   task.initiator, task.session, task.lun);
    if (task.blocks > 0) {
        text += fmt::format(", blocks {}+{}", task.lba, task.blocks);
    }
    if (task.kind == Kind::persistent_reserve_out) {
        const ReservationAsk& ask = task.reservation;
        text += fmt::format(", action {} type {} keys {:x} {:x}{}", ask.action, ask.type, ask.key,
                            ask.action_key, ask.aptpl ? " APTPL" : "");
    }
    if (task.attribute != iscsi::TaskAttribute::simple) {
        text += task.attribute == iscsi::TaskAttribute::ordered ? ", ORDERED" : ", HEAD OF QUEUE";
    }
    if (task.answered_at) {
        text += fmt::format(" -> {:02x}", task.status);
        text += task.sense != 0 ? fmt::format(" {:06x}", task.sense) : std::string{};
    }
    return text;
}

std::string describe(const Function& function) {
    return fmt::format("function {} #{} of initiator {}, session {}, lun {}{}{}",
                       static_cast<int>(function.function), function.id, function.initiator, function.session,
                       function.lun,
                       function.task != nullptr ? fmt::format(", task #{}", function.task->id) : "",
                       function.response ? fmt::format(" -> {}", static_cast<int>(*function.response)) : "");
}

std::optional<Violation> Referee::violation() const {
    if (own_) {
        return own_;
    }
    for (const auto& checker : checkers_) {
        if (checker->violation()) {
            return checker->violation();
        }
    }
    return std::nullopt;
}

void Referee::fail(std::string checker, std::string what) {
    if (!own_) {
        own_ = Violation{std::move(checker), std::move(what)};
    }
}

void Referee::note(const std::string& line) {
    if (prints_) {
        fmt::print("{:>14.6f} {}\n",
                   std::chrono::duration<double>(world_.now().time_since_epoch()).count() - 3600, line);
    }
}

Task& Referee::new_task() {
    Task& task = tasks_.emplace_back();
    task.id = tasks_.size();
    return task;
}

Function& Referee::new_function() {
    Function& function = functions_.emplace_back();
    function.id = functions_.size();
    return function;
}

void Referee::sent(Task& task) {
    task.sent_at = world_.now();
    alive_.push_back(&task);
    if (prints_) {
        note("sent     " + describe(task));
    }
    tell([&](Checker& checker) { checker.sent(task); });
}

void Referee::answered(Task& task) {
    const bool dead = task.dead_at.has_value();
    task.answered_at = world_.now();
    if (!dead) {
        task.dead_at = world_.now();
        std::erase(alive_, &task);
    }
    if (prints_) {
        note("answered " + describe(task));
    }
    tell([&](Checker& checker) { checker.answered(task); });
}

void Referee::ended_unanswered(Task& task) {
    task.dead_at = world_.now();
    std::erase(alive_, &task);
    if (prints_) {
        note("no more  " + describe(task));
    }
    tell([&](Checker& checker) { checker.ended_unanswered(task); });
}

void Referee::end(std::uint64_t by, const std::function<bool(const Task&)>& which) {
    std::vector<Task*> ending;
    std::ranges::copy_if(alive_, std::back_inserter(ending), [&](const Task* task) { return which(*task); });
    for (Task* const task : ending) {
        task->ended_by = by;
        ended_unanswered(*task);
    }
}

void Referee::sent(Function& function) {
    function.sent_at = world_.now();
    alive_functions_.push_back(&function);
    if (prints_) {
        note("sent     " + describe(function));
    }
    tell([&](Checker& checker) { checker.sent(function); });
}

void Referee::answered(Function& function) {
    function.answered_at = world_.now();
    std::erase(alive_functions_, &function);
    if (prints_) {
        note("answered " + describe(function));
    }
    end(function.session, [&](const Task& task) { return ends(function, task); });
    tell([&](Checker& checker) { checker.answered(function); });
}

void Referee::ended_unanswered(Function& function) {
    std::erase(alive_functions_, &function);
    tell([&](Checker& checker) { checker.ended_unanswered(function); });
}

void Referee::preempted(const Task& by, const std::vector<InitiatorIndex>& victims) {
    // By no session, not even its own: the answer of a task may wait for its data, and comes all the same. A
    // function ends that too, a command does not.
    end(0, [&](const Task& task) {
        return task.lun == by.lun && task.id != by.id && task.received_at && *task.received_at < by.sent_at &&
               std::ranges::find(victims, task.initiator) != victims.end();
    });
}

void Referee::session_asked(const SessionEvent& session) {
    note(fmt::format("login    of initiator {}, session {}", session.initiator, session.session));
    tell([&](Checker& checker) { checker.session_asked(session); });
}

void Referee::session_began(const SessionEvent& session) {
    // Whatever its initiator port had before is over: that is what the target says.
    const auto before = sessions_;
    for (const SessionEvent& each : before) {
        if (each.initiator == session.initiator) {
            session_ended(each);
        }
    }
    sessions_.push_back(session);
    note(fmt::format("session  {} of initiator {} begins", session.session, session.initiator));
    tell([&](Checker& checker) { checker.session_began(session); });
}

void Referee::session_lost(const SessionEvent& session) {
    note(fmt::format("session  {} of initiator {} may be lost", session.session, session.initiator));
    tell([&](Checker& checker) { checker.session_lost(session); });
}

void Referee::session_ended(const SessionEvent& session) {
    std::erase_if(sessions_, [&](const SessionEvent& each) { return each.session == session.session; });
    note(fmt::format("session  {} of initiator {} is no more", session.session, session.initiator));
    end(session.session, [&](const Task& task) { return task.session == session.session; });
    const auto functions = alive_functions_;
    for (Function* const function : functions) {
        if (function->session == session.session) {
            ended_unanswered(*function);
        }
    }
    tell([&](Checker& checker) { checker.session_ended(session); });
}

void Referee::resizing() {
    tell([](Checker& checker) { checker.resizing(); });
}

void Referee::resized() {
    note("resized");
    tell([](Checker& checker) { checker.resized(); });
}

void Referee::remapping() {
    tell([](Checker& checker) { checker.remapping(); });
}

void Referee::remapped() {
    note("LUN maps are in force");
    tell([](Checker& checker) { checker.remapped(); });
}

void Referee::killed(bool power) {
    note(power ? "power cut" : "killed");
    end(0, [](const Task&) { return true; });
    sessions_.clear();
    const auto functions = alive_functions_;
    for (Function* const function : functions) {
        ended_unanswered(*function);
    }
    tell([power](Checker& checker) { checker.killed(power); });
}

void Referee::finished() {
    tell([](Checker& checker) { checker.finished(); });
}

void Referee::began_write(std::size_t unit, std::uint64_t lba, std::uint64_t blocks, Stamp first) {
    if (prints_) {
        note(fmt::format("  disk   {} begins {}+{} of #{}", unit, lba, blocks, task_of(first)));
    }
    tell(
        [&](Checker& checker) { checker.began_write(static_cast<std::uint16_t>(unit), lba, blocks, first); });
}

void Referee::ended_write(std::size_t unit, Stamp first) {
    tell([&](Checker& checker) { checker.ended_write(static_cast<std::uint16_t>(unit), first); });
}

void Referee::touched(std::size_t unit, std::uint64_t lba, Stamp stamp, Stamp before) {
    if (prints_) {
        note(fmt::format("  disk   {} block {}: {:x} (was {:x})", unit, lba, stamp, before));
    }
    tell([&](Checker& checker) { checker.touched(static_cast<std::uint16_t>(unit), lba, stamp, before); });
}

void Referee::mixed(std::size_t unit, std::uint64_t lba) {
    fail("medium",
         fmt::format("unit {}, block {}: what was to be written is of several commands", unit, lba));
}

}  // namespace targe::sim
