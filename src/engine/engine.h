// The owner of targets and logical units, for a span of cores.
#pragma once

#include "base/core.h"
#include "engine/device_group.h"
#include "engine/limits.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/target.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace targe::engine {

/// Called on the first core (`cores[0]`), or before any core runs; exceptions are said. Outlives the cores'
/// run.
class Engine {
public:
    explicit Engine(base::Cores cores, Limits limits = {});
    ~Engine();

    /// Before the units that are to be in it.
    std::shared_ptr<DeviceGroup> add_group(DeviceGroupSettings settings);

    /// Units are spread over the cores as homes, in turn.
    std::shared_ptr<LogicalUnit> add_unit(UnitSettings settings);
    /// The daemon ends: what units do by themselves stops where it is, and goes on after a restart.
    void stop();
    /// Takes the unit out of every LUN map; it ends when the last command on it has.
    void remove_unit(const std::shared_ptr<LogicalUnit>& unit);

    /// `name` must be new, and so must be relative target port identifiers that are given.
    Target& add_target(std::string name, LunMaps maps, std::vector<TargetPort> ports = {TargetPort{}});
    /// Its nexuses see no unit any more; the transport closes them. The object stays as long as the engine.
    void remove_target(Target& target);
    [[nodiscard]] Target* find_target(std::string_view name);

    /// On `core`, which will be the nexus's for life. `port` outlives the nexus.
    [[nodiscard]] std::unique_ptr<Nexus> open_nexus(base::Core& core, Target& target, NexusIdentity identity,
                                                    CommandPort& port, NexusOrigin origin);

    /// The unit's counters of all cores together, later, on the core that asks.
    void collect(base::Core& asking, const std::shared_ptr<LogicalUnit>& unit,
                 std::move_only_function<void(const Counters&)> answer);

    [[nodiscard]] base::Cores cores() const { return cores_; }
    [[nodiscard]] const Limits& limits() const { return limits_; }

private:
    [[nodiscard]] std::uint16_t free_port(const std::vector<TargetPort>& taken) const;

    base::Cores cores_;
    Limits limits_;
    std::vector<std::shared_ptr<DeviceGroup>> groups_;
    std::vector<std::shared_ptr<LogicalUnit>> units_;
    std::vector<std::unique_ptr<Target>> targets_;
    std::vector<std::unique_ptr<Target>> removed_targets_;
    std::size_t next_home_ = 0;
};

}  // namespace targe::engine
