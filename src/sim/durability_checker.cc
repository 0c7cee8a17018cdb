// What was promised to be durable would outlive a power cut at this very moment.
//
// It looks at the medium whenever the promise is made, so that no power has to be cut to see that it was
// empty.
#include "sim/checkers.h"

#include <fmt/format.h>

#include <algorithm>

namespace targe::sim {

namespace {

class DurabilityChecker final : public Checker {
public:
    DurabilityChecker(World& world, Referee& referee, Site& site, bool write_through)
        : Checker("durability", world), referee_(referee), site_(site), write_through_(write_through) {}

    void answered(const Task& task) override {
        if (!task.good()) {
            return;
        }
        const bool through = write_through_ && task.lun == 0;
        if (task.writes() && (task.fua || through)) {
            for (std::uint64_t i = 0; i < task.blocks; ++i) {
                const auto unsure = site_.media.at(task.lun).unsure(task.lba + i);
                if (task.stamp(i) != 0 && std::ranges::find(unsure, task.stamp(i)) != unsure.end()) {
                    fail(fmt::format("block {} of {} is in the cache alone", task.lba + i, describe(task)));
                }
            }
        }
        if (task.kind == Kind::synchronize_cache) {
            check_flushed(task);
        }
    }

private:
    void check_flushed(const Task& flush) {
        for (std::uint64_t lba = 0; lba < kBlocks; ++lba) {
            for (const Stamp stamp : site_.media.at(flush.lun).unsure(lba)) {
                const Task* const task = referee_.task(task_of(stamp));
                if (task != nullptr && task->good() && *task->answered_at < flush.sent_at) {
                    fail(fmt::format("block {} of {} is in the cache alone after {}", lba, describe(*task),
                                     describe(flush)));
                }
            }
        }
    }

    Referee& referee_;
    Site& site_;
    bool write_through_;
};

}  // namespace

std::unique_ptr<Checker> make_durability_checker(World& world, Referee& referee, Site& site,
                                                 const Plan& plan) {
    return std::make_unique<DurabilityChecker>(world, referee, site, plan.write_through);
}

}  // namespace targe::sim
