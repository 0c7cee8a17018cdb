#include "engine/target.h"

#include "base/pattern.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"

#include <algorithm>
#include <utility>

namespace targe::engine {

namespace {

const InitiatorGroup* find_group(const LunMaps& maps, std::string_view name) {
    const auto group = std::ranges::find_if(
        maps.groups, [name](const InitiatorGroup& each) { return base::matches_any(each.initiators, name); });
    return group != maps.groups.end() ? &*group : nullptr;
}

}  // namespace

const std::vector<LunEntry>& LunMaps::for_initiator(std::string_view name) const {
    static const std::vector<LunEntry> kNone;
    if (const InitiatorGroup* const group = find_group(*this, name)) {
        return group->luns;
    }
    return !initiators || base::matches_any(*initiators, name) ? luns : kNone;
}

std::string_view LunMaps::group_of(std::string_view name) const {
    const InitiatorGroup* const group = find_group(*this, name);
    return group != nullptr ? std::string_view{group->name} : std::string_view{};
}

struct Target::PerCore {
    std::shared_ptr<const LunMaps> maps;
    std::uint64_t maps_version = 0;
    base::IntrusiveList<Nexus, TargetNexuses> nexuses;
};

Target::Target(base::Cores cores, std::string name, std::vector<TargetPort> ports,
               std::shared_ptr<const LunMaps> maps)
    : cores_(cores), name_(std::move(name)), ports_(std::move(ports)), latest_(std::move(maps)) {
    TARGE_ASSERT(!ports_.empty());
    for (std::size_t i = 0; i < cores.size(); ++i) {
        per_core_.push_back(std::make_unique<PerCore>());
        per_core_.back()->maps = latest_;
    }
}

Target::~Target() = default;

const TargetPort& Target::port(std::uint16_t portal_group) const {
    const auto at = std::ranges::find(ports_, portal_group, &TargetPort::portal_group);
    return at == ports_.end() ? ports_.front() : *at;
}

const LunMaps& Target::maps(const base::Core& core) const {
    return *per_core_[core.id().value]->maps;
}

std::uint64_t Target::maps_version(const base::Core& core) const {
    return per_core_[core.id().value]->maps_version;
}

base::IntrusiveList<Nexus, TargetNexuses>& Target::nexuses(const base::Core& core) {
    return per_core_[core.id().value]->nexuses;
}

void Target::set_maps(std::shared_ptr<const LunMaps> maps) {
    latest_ = std::move(maps);
    ++latest_version_;
    for (base::Core* const core : cores_) {
        base::post(*core, [this, core, maps = latest_, version = latest_version_] {
            PerCore& here = *per_core_[core->id().value];
            here.maps = maps;
            here.maps_version = version;
            for (Nexus& nexus : here.nexuses) {
                nexus.remap(*maps, version);
            }
        });
    }
}

}  // namespace targe::engine
