// Nothing of a task happens once it is over: answered, ended by a function that was answered, or gone with
// its session or its process. And nothing happens to a block that no task asks for.
#include "sim/checkers.h"

#include <fmt/format.h>

#include <algorithm>

namespace targe::sim {

namespace {

class EndChecker final : public Checker {
public:
    EndChecker(World& world, Referee& referee) : Checker("end", world), referee_(referee) {}

    void began_write(std::uint16_t lun, std::uint64_t lba, std::uint64_t blocks, Stamp first) override {
        check(lun, lba, first);
        check(lun, lba + blocks - 1, first);
    }
    void touched(std::uint16_t lun, std::uint64_t lba, Stamp stamp, Stamp /*before*/) override {
        check(lun, lba, stamp);
    }

private:
    void check(std::uint16_t lun, std::uint64_t lba, Stamp stamp) {
        if (stamp == 0) {
            if (std::ranges::none_of(referee_.alive(), [&](const Task* task) {
                    return task->kind == Kind::unmap && task->lun == lun && task->covers(lba);
                })) {
                fail(
                    fmt::format("lun {}, block {} is unmapped, and nobody asks for that any more", lun, lba));
            }
            return;
        }
        const Task* const task = referee_.task(task_of(stamp));
        if (task == nullptr || task->lun != lun || !task->covers(lba) || !task->writes()) {
            fail(fmt::format("lun {}, block {} gets {:x}, which was never to be there", lun, lba, stamp));
        } else if (task->dead_at) {
            fail(fmt::format("lun {}, block {} is written, and {} is over", lun, lba, describe(*task)));
        }
    }

    Referee& referee_;
};

}  // namespace

std::unique_ptr<Checker> make_end_checker(World& world, Referee& referee) {
    return std::make_unique<EndChecker>(world, referee);
}

}  // namespace targe::sim
