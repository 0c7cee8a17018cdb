// A nexus that changes its core. While it is on its way no lane knows it, and homes go on telling theirs:
// each unit keeps the number of what its old lane was told last, by which the new lane tells it what it has
// missed, and nothing twice.
#include "engine/logical_unit.h"
#include "engine/nexus.h"

#include <algorithm>
#include <memory>

namespace targe::engine {

bool Nexus::is_at_rest() const {
    if (commands_ != 0 || managing_ != 0 || closing_ || joins() || !leaving_.empty()) {
        return false;
    }
    bool rests = true;
    units_.for_each([&](const NexusUnit& unit) {
        rests =
            rests && unit.commands == 0 && unit.ties == 0 && !unit.faulted && unit.receipt == Receipt::none;
    });
    return rests;
}

void Nexus::depart() {
    TARGE_ASSERT(is_at_rest());
    core_->disarm(lost_lun_limit_);
    units_.for_each([this](NexusUnit& unit) {
        if (device::CommandServer* const server = unit.unit->device().server()) {
            server->depart(id_.value);
        }
        unit.told = std::max(unit.told, unit.lane.told());
        unit.unit->departs();
        unit.unlink();
    });
    unlink();
}

void Nexus::arrive(base::Core& core) {
    core_ = &core;
    units_.replace_each([](NexusUnit& left) { return std::make_unique<NexusUnit>(left); });
    target_.nexuses(core).push_back(*this);
    units_.for_each([](NexusUnit& unit) {
        unit.unit->arrives();
        unit.introduce();
        unit.lane.catch_up(unit);
    });
    remap(target_.maps(core), target_.maps_version(core));
}

}  // namespace targe::engine
