#include "sim/attention_checker.h"

#include "sim/checkers.h"

#include <fmt/format.h>

#include <algorithm>

namespace targe::sim {

namespace {

// Numbers of causes: tasks have their own.
constexpr std::uint64_t kFunctions = std::uint64_t{1} << 40U;
constexpr std::uint64_t kResizes = std::uint64_t{1} << 41U;
constexpr std::uint64_t kRemaps = std::uint64_t{1} << 42U;
constexpr std::uint64_t kSessions = std::uint64_t{1} << 43U;
constexpr std::uint32_t kMiscompare = 0xe;

bool stand_for_each_other(std::uint32_t one, std::uint32_t other) {
    return one == other || (one >> 8U == 0x29 && other >> 8U == 0x29);
}

}  // namespace

AttentionChecker::AttentionChecker(World& world, const Plan& plan)
    : Checker("attention", world), administrates_(plan.administrates) {}

void AttentionChecker::may(std::uint64_t cause, InitiatorIndex initiator, std::uint16_t lun,
                           std::uint32_t condition) {
    announce({.cause = cause, .only = initiator, .lun = lun, .condition = condition});
}

void AttentionChecker::announce(const Announcement& announcement) {
    announcements_.push_back(announcement);
    for (auto& [number, session] : sessions_) {
        if ((!announcement.only || announcement.only == session.initiator)) {
            session.entries.push_back(
                {.cause = announcement.cause, .lun = announcement.lun, .condition = announcement.condition});
        }
    }
}

void AttentionChecker::settle(std::uint64_t cause, const std::vector<Notice>& notices, Certainty certainty) {
    std::erase_if(announcements_, [cause](const Announcement& each) { return each.cause == cause; });
    for (auto& [number, session] : sessions_) {
        for (Entry& entry : session.entries) {
            if (entry.cause != cause || entry.state != State::announced) {
                continue;
            }
            entry.settled = now();
            const bool due = std::ranges::any_of(notices, [&](const Notice& notice) {
                return notice.initiator == session.initiator && notice.lun == entry.lun &&
                       notice.condition == entry.condition;
            });
            if (certainty == Certainty::open || (certainty == Certainty::more_may_come && !due)) {
                entry.state = State::possible;
                continue;
            }
            if (!due && entry.told && !entry.ambiguous) {
                fail(fmt::format("initiator {} was told of {:04x} on lun {}, which did not happen",
                                 session.initiator, entry.condition, entry.lun));
            }
            entry.state = due && session.up && !entry.in_doubt ? State::owed : State::possible;
            entry.told = entry.told || !due;
        }
        std::erase_if(session.entries,
                      [](const Entry& entry) { return entry.told && entry.state != State::announced; });
    }
}

/// All that were announced are owed.
void AttentionChecker::settle_all(std::uint64_t cause) {
    std::vector<Notice> notices;
    for (const auto& [number, session] : sessions_) {
        for (const Entry& entry : session.entries) {
            if (entry.cause == cause) {
                notices.push_back({session.initiator, entry.lun, entry.condition});
            }
        }
    }
    settle(cause, notices, Certainty::certain);
}

void AttentionChecker::answered(const Task& task) {
    const auto at = sessions_.find(task.session);
    if (at == sessions_.end()) {
        return;
    }
    at->second.holding.erase(task.id);
    if (task.attention()) {
        told(task, task.sense & 0xffffU);
    } else if (task.kind == Kind::request_sense && task.good() && task.in.size() >= 14) {
        const auto key = std::to_integer<unsigned>(task.in[2] & std::byte{0x0f});
        if (key == 6) {
            told(task, std::to_integer<std::uint32_t>(task.in[12]) << 8U |
                           std::to_integer<std::uint32_t>(task.in[13]));
        } else if (key == 0) {
            passed(task);
        }
    } else if (task.kind == Kind::report_luns && task.good()) {
        inventory_told(task);
    } else if (task.kind != Kind::inquiry &&
               (task.good() || (task.status == kCheckCondition && task.sense >> 16U == kMiscompare))) {
        passed(task);
    }
}

void AttentionChecker::sent(const Task& task) {
    if (!task.out.empty()) {
        sessions_[task.session].holding.insert(task.id);
    }
}

void AttentionChecker::ended_unanswered(const Task& task) {
    const auto at = sessions_.find(task.session);
    if (at == sessions_.end()) {
        return;
    }
    at->second.gave_back = now();
    // What others have ended may have had its answer, which then comes all the same.
    if (task.ended_by == task.session) {
        at->second.holding.erase(task.id);
    }
}

void AttentionChecker::told(const Task& task, std::uint32_t condition) {
    if (task.kind == Kind::inquiry || task.kind == Kind::report_luns) {
        fail(fmt::format("{}, which has to be answered all the same", describe(task)));
        return;
    }
    std::vector<Entry>& entries = sessions_.at(task.session).entries;
    const std::uint16_t lun = condition == kLunsChanged ? kAnyLun : task.lun;
    // What is owed first, what was only announced last.
    const auto rank = [](State state) { return state == State::owed ? 2 : state == State::possible ? 1 : 0; };
    Entry* found = nullptr;
    int candidates = 0;
    for (Entry& entry : entries) {
        if (entry.lun == lun && entry.condition == condition && !entry.told) {
            ++candidates;
            found = found == nullptr || rank(entry.state) > rank(found->state) ? &entry : found;
        }
    }
    if (found == nullptr) {
        if (!is_uncertain(task.lun)) {
            fail(fmt::format("{}, which it is not owed, or was told before", describe(task)));
        }
        return;
    }
    found->told = true;
    found->ambiguous = candidates > 1;
    for (Entry& entry : entries) {
        if (entry.cause > kSessions && entry.cause == found->cause && entry.lun == lun && candidates == 1) {
            entry.told = true;  // of the two it is one; but this may have been of another cause
        }
        if (entry.lun == lun && stand_for_each_other(entry.condition, condition)) {
            entry.state = entry.state == State::owed ? State::possible : entry.state;
            entry.in_doubt = true;
        }
    }
    std::erase_if(entries, [](const Entry& entry) { return entry.told && entry.state != State::announced; });
}

/// Executed, so that nothing is left that it should have been told of.
void AttentionChecker::passed(const Task& task) {
    Session& session = sessions_.at(task.session);
    if (!session.holding.empty() || session.gave_back >= task.sent_at) {
        return;  // who has taken one may give it back
    }
    std::vector<Entry> gone;
    std::erase_if(session.entries, [&](const Entry& entry) {
        const bool concerns = entry.lun == kAnyLun || entry.lun == task.lun;
        if (!concerns || entry.settled >= task.sent_at || is_uncertain(task.lun)) {
            return false;
        }
        if (entry.state == State::owed) {
            fail(fmt::format("{} before its initiator was told of {:04x}", describe(task), entry.condition));
        }
        gone.push_back(entry);
        return true;
    });
    // So it was told of these, if it was told of them or of one that is still under way.
    for (Entry& entry : session.entries) {
        if (entry.told && entry.ambiguous && entry.state == State::announced &&
            std::ranges::any_of(gone, [&](const Entry& each) {
                return !each.told && each.lun == entry.lun && each.condition == entry.condition;
            })) {
            entry.told = entry.ambiguous = false;
            entry.in_doubt = true;
        }
    }
}

void AttentionChecker::inventory_told(const Task& task) {
    for (Entry& entry : sessions_.at(task.session).entries) {
        if (entry.lun == kAnyLun) {
            entry.state = entry.state == State::owed ? State::possible : entry.state;
            entry.in_doubt = true;
        }
    }
}

void AttentionChecker::sent(const Function& function) {
    using enum iscsi::TaskFunction;
    for (std::uint16_t lun = 0; lun < kUnits; ++lun) {
        if ((function.function == logical_unit_reset && function.lun == lun) ||
            function.function == target_warm_reset || function.function == target_cold_reset) {
            announce({.cause = kFunctions + function.id, .lun = lun, .condition = kDeviceReset});
        } else if (function.function == clear_task_set && function.shared_set && function.lun == lun) {
            announce({.cause = kFunctions + function.id, .lun = lun, .condition = kCommandsCleared});
        } else if (function.function == i_t_nexus_reset) {
            may(kFunctions + function.id, function.initiator, lun, kNexusLoss);
        }
    }
}

void AttentionChecker::answered(const Function& function) {
    if (function.function == iscsi::TaskFunction::clear_task_set) {
        settle(kFunctions + function.id, {}, Certainty::open);  // whoever had tasks
    } else if (function.complete()) {
        settle_all(kFunctions + function.id);
    } else if (function.response != iscsi::TaskFunctionResponse::function_rejected) {
        settle(kFunctions + function.id, {}, Certainty::certain);
    }
    // One that was rejected goes on: it may be told at any time.
}

void AttentionChecker::session_asked(const SessionEvent& session) {
    Session& made = sessions_[session.session];
    made.initiator = session.initiator;
    for (const Announcement& each : announcements_) {
        if (!each.only || each.only == session.initiator) {
            made.entries.push_back(
                {.cause = each.cause, .lun = each.lun, .condition = each.condition, .in_doubt = true});
        }
    }
}

void AttentionChecker::session_began(const SessionEvent& event) {
    Session& session = sessions_[event.session];
    session.initiator = event.initiator;
    session.up = true;
    for (Entry& entry : session.entries) {
        entry.in_doubt = true;  // it may have come into being after what was announced
    }
    for (std::uint16_t lun = 0; lun < kUnits; ++lun) {
        // Which of the two depends on whether the target took the last session for lost when this one came.
        for (const std::uint32_t condition : {kPowerOn, kNexusLoss}) {
            session.entries.push_back({.cause = kSessions + event.session,
                                       .lun = lun,
                                       .condition = condition,
                                       .state = State::owed,
                                       .settled = now()});
        }
    }
}

void AttentionChecker::session_ended(const SessionEvent& session) {
    sessions_.erase(session.session);
}

void AttentionChecker::resizing() {
    announce({.cause = kResizes + ++resizes_, .lun = 0, .condition = kCapacityChanged});
}

void AttentionChecker::resized() {
    settle_all(kResizes + resizes_);
}

void AttentionChecker::remapping() {
    announce({.cause = kRemaps + ++remaps_, .lun = kAnyLun, .condition = kLunsChanged});
}

void AttentionChecker::remapped() {
    settle_all(kRemaps + remaps_);
}

void AttentionChecker::killed(bool /*power*/) {
    sessions_.clear();
    announcements_.clear();
}

}  // namespace targe::sim
