// ORDERED tasks neither overtake nor are overtaken, [SAM-5 r21 8]. The task set is the nexus's own (TST
// 001b).
#include "sim/checkers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace targe::sim {

namespace {

using iscsi::TaskAttribute;

class OrderChecker final : public Checker {
public:
    OrderChecker(World& world, Referee& referee) : Checker("order", world), referee_(referee) {}

    void began_write(std::uint16_t /*lun*/, std::uint64_t /*lba*/, std::uint64_t /*blocks*/,
                     Stamp first) override {
        const Task* const task = referee_.task(task_of(first));
        if (task == nullptr) {
            return;
        }
        std::map<const Task*, int>& set = sets_[{task->session, task->lun}];
        for (const auto& [other, operations] : set) {
            check(*task, *other, operations > 0);
        }
        ++set[task];
        if (task->shared_set) {
            check_alone(*task);
        }
    }
    void ended_write(std::uint16_t /*lun*/, Stamp first) override {
        if (const Task* const task = referee_.task(task_of(first))) {
            const auto set = sets_.find({task->session, task->lun});
            if (set != sets_.end() && set->second.contains(task)) {
                --set->second[task];
            }
        }
    }
    /// A unit that comes back to the map has another task set than when it left.
    void remapped() override {
        std::erase_if(sets_, [](const auto& set) { return set.first.second == 1; });
    }
    void killed(bool /*power*/) override { sets_.clear(); }

private:
    void check_alone(const Task& task) {
        for (const auto& [where, set] : sets_) {
            if (where.first == task.session || where.second != task.lun) {
                continue;
            }
            for (const auto& [other, operations] : set) {
                const bool ordered =
                    task.attribute == TaskAttribute::ordered || other->attribute == TaskAttribute::ordered;
                const bool head = task.attribute == TaskAttribute::head_of_queue ||
                                  other->attribute == TaskAttribute::head_of_queue;
                if (operations > 0 && ordered && !head) {
                    fail(fmt::format("{} begins while {} is under way", describe(task), describe(*other)));
                }
            }
        }
    }
    /// `task` begins to write, `other` has begun before.
    void check(const Task& task, const Task& other, bool under_way) {
        if (&task == &other ||
            (task.attribute != TaskAttribute::ordered && other.attribute != TaskAttribute::ordered)) {
            return;
        }
        const bool came_before = other.sequence < task.sequence;
        const bool may_overtake = other.attribute == TaskAttribute::head_of_queue;
        if (!came_before && !may_overtake && !other.dead_at) {
            fail(fmt::format("{} has begun before {}", describe(other), describe(task)));
        }
        if (came_before && under_way && task.attribute != TaskAttribute::head_of_queue) {
            fail(fmt::format("{} begins while {} is under way", describe(task), describe(other)));
        }
    }

    Referee& referee_;
    /// Tasks of each nexus and unit that have begun to write, and how many operations each has under way.
    std::map<std::pair<std::uint64_t, std::uint16_t>, std::map<const Task*, int>> sets_;
};

}  // namespace

std::unique_ptr<Checker> make_order_checker(World& world, Referee& referee) {
    return std::make_unique<OrderChecker>(world, referee);
}

}  // namespace targe::sim
