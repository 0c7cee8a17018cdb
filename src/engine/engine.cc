#include "engine/engine.h"

#include "engine/background.h"

#include <algorithm>
#include <utility>

namespace targe::engine {

namespace {

Background add_up(base::Cores cores, base::Core& asking, std::shared_ptr<LogicalUnit> unit,
                  std::move_only_function<void(const Counters&)> answer) {
    Counters sum;
    for (base::Core* const core : cores) {
        co_await base::hop_to(*core);
        sum += unit->lane(*core).counters();
    }
    co_await base::hop_to(asking);
    answer(sum);
}

LunMaps without(const LunMaps& maps, const LogicalUnit& unit) {
    LunMaps left = maps;
    const auto is_unit = [&](const LunEntry& entry) { return entry.unit.get() == &unit; };
    std::erase_if(left.luns, is_unit);
    for (InitiatorGroup& group : left.groups) {
        std::erase_if(group.luns, is_unit);
    }
    return left;
}

bool mentions(const LunMaps& maps, const LogicalUnit& unit) {
    const auto is_unit = [&](const LunEntry& entry) { return entry.unit.get() == &unit; };
    return std::ranges::any_of(maps.luns, is_unit) ||
           std::ranges::any_of(maps.groups, [&](const InitiatorGroup& group) {
               return std::ranges::any_of(group.luns, is_unit);
           });
}

}  // namespace

Engine::Engine(base::Cores cores, Limits limits) : cores_(cores), limits_(limits) {
    TARGE_ASSERT(!cores.empty());
}

Engine::~Engine() = default;

std::shared_ptr<LogicalUnit> Engine::add_unit(UnitSettings settings) {
    settings.transfer_bytes = limits_.transfer_bytes;
    base::Core& home = *cores_[next_home_++ % cores_.size()];
    units_.push_back(std::make_shared<LogicalUnit>(cores_, home, std::move(settings)));
    if (const auto& group = units_.back()->settings().group) {
        group->join(units_.back());
    }
    units_.back()->resume();
    units_.back()->listen();
    return units_.back();
}

void Engine::stop() {
    for (const auto& unit : units_) {
        unit->stop();
    }
}

void Engine::remove_unit(const std::shared_ptr<LogicalUnit>& unit) {
    unit->stop();
    for (const auto& target : targets_) {
        if (mentions(target->latest_maps(), *unit)) {
            target->set_maps(std::make_shared<const LunMaps>(without(target->latest_maps(), *unit)));
        }
    }
    // Compared by its address, because the argument may be the very element that goes.
    std::erase_if(units_, [gone = unit.get()](const auto& one) { return one.get() == gone; });
}

std::uint16_t Engine::free_port(const std::vector<TargetPort>& taken) const {
    const auto has = [](const std::vector<TargetPort>& ports, std::uint16_t number) {
        return std::ranges::find(ports, number, &TargetPort::relative_target_port) != ports.end();
    };
    std::uint16_t number = 1;
    while (has(taken, number) ||
           std::ranges::any_of(targets_, [&](const auto& each) { return has(each->ports(), number); })) {
        ++number;
    }
    return number;
}

Target& Engine::add_target(std::string name, LunMaps maps, std::vector<TargetPort> ports) {
    TARGE_ASSERT(find_target(name) == nullptr);
    for (TargetPort& port : ports) {
        if (port.relative_target_port == 0) {
            port.relative_target_port = free_port(ports);
        }
    }
    targets_.push_back(std::make_unique<Target>(cores_, std::move(name), std::move(ports),
                                                std::make_shared<const LunMaps>(std::move(maps))));
    return *targets_.back();
}

std::shared_ptr<DeviceGroup> Engine::add_group(DeviceGroupSettings settings) {
    groups_.push_back(std::make_shared<DeviceGroup>(*cores_.front(), std::move(settings)));
    return groups_.back();
}

void Engine::remove_target(Target& target) {
    target.set_maps(std::make_shared<const LunMaps>());
    const auto at = std::ranges::find_if(targets_, [&](const auto& each) { return each.get() == &target; });
    TARGE_ASSERT(at != targets_.end());
    // Kept: other cores may be about to look at it.
    removed_targets_.push_back(std::move(*at));
    targets_.erase(at);
}

Target* Engine::find_target(std::string_view name) {
    const auto at = std::ranges::find_if(targets_, [name](const auto& each) { return each->name() == name; });
    return at != targets_.end() ? at->get() : nullptr;
}

std::unique_ptr<Nexus> Engine::open_nexus(base::Core& core, Target& target, NexusIdentity identity,
                                          CommandPort& port, NexusOrigin origin) {
    return std::make_unique<Nexus>(core, target, std::move(identity), port, origin, limits_);
}

void Engine::collect(base::Core& asking, const std::shared_ptr<LogicalUnit>& unit,
                     std::move_only_function<void(const Counters&)> answer) {
    add_up(cores_, asking, unit, std::move(answer));
}

}  // namespace targe::engine
