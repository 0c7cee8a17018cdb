// COMPARE AND WRITE is atomic: a counter that several initiators keep by it stays exact.
//
// When it writes, the block must hold what it compared, at that very moment. So the chain of values in a
// block has no gap and no fork, which is more than that the sum is right. And each that was answered GOOD has
// written, each that was answered MISCOMPARE has not.
#include "sim/checkers.h"

#include <fmt/format.h>

#include <set>

namespace targe::sim {

namespace {

class CounterChecker final : public Checker {
public:
    CounterChecker(World& world, Referee& referee) : Checker("counter", world), referee_(referee) {}

    void touched(std::uint16_t lun, std::uint64_t lba, Stamp stamp, Stamp before) override {
        const Task* const task = referee_.task(task_of(stamp));
        if (task == nullptr || task->kind != Kind::compare_and_write) {
            return;
        }
        if (before != task->compared) {
            fail(fmt::format("lun {}, block {} held {:x} when {} wrote, which compares with {:x}", lun, lba,
                             before, describe(*task), task->compared));
        }
        written_.insert(task->id);
    }
    void answered(const Task& task) override {
        if (task.kind != Kind::compare_and_write) {
            return;
        }
        const bool written = written_.contains(task.id);
        if (task.good() && !written) {
            fail(fmt::format("{} has written nothing", describe(task)));
        }
        if (task.status == kCheckCondition && task.sense >> 16U == 0xe && written) {
            fail(fmt::format("{} has written", describe(task)));
        }
    }

private:
    Referee& referee_;
    std::set<std::uint64_t> written_;  ///< tasks
};

}  // namespace

std::unique_ptr<Checker> make_counter_checker(World& world, Referee& referee) {
    return std::make_unique<CounterChecker>(world, referee);
}

}  // namespace targe::sim
