// What a device says by itself, on its way to initiators.
#include "engine/lane.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace targe::engine {

namespace {

/// Of one condition: the last core that has told its nexuses says so.
struct Telling {
    Telling(std::size_t cores, std::move_only_function<void()> done) : left(cores), told(std::move(done)) {}
    std::atomic<std::size_t> left;
    std::move_only_function<void()> told;
};

void tell(Lane& lane, scsi::Asc condition, std::uint64_t nexus) {
    for (NexusUnit& one : lane.nexuses()) {
        if (nexus == 0 || one.nexus.id() == NexusId{nexus}) {
            one.raise(condition);
        }
    }
}

}  // namespace

// The engine holds the unit until it has called stop(), after which neither of these is called.

void LogicalUnit::changed() {
    refresh({});
}

void LogicalUnit::raise(std::uint16_t condition, std::uint64_t nexus, std::move_only_function<void()> told) {
    const auto telling = std::make_shared<Telling>(cores_.size(), std::move(told));
    for (base::Core* const core : cores_) {
        base::post(*core, [unit = shared_from_this(), core, telling, condition, nexus] {
            tell(unit->lane(*core), scsi::Asc{condition}, nexus);
            if (telling->left.fetch_sub(1) == 1) {
                telling->told();
            }
        });
    }
}

}  // namespace targe::engine
