// Units that share the states of their target port groups, [SPC-4 r37 5.15].
#pragma once

#include "base/core.h"
#include "base/task.h"
#include "engine/nexus_unit.h"
#include "engine/unit_store.h"
#include "scsi/asymmetric_access.h"
#include "scsi/sense.h"

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace targe::engine {

class LogicalUnit;

/// What an explicit change asks of one target port group.
struct AccessMove {
    std::uint16_t group = 0;
    scsi::AccessState from = {};
    scsi::AccessState to = {};
};

/// The administrator's program, which makes the paths what they are to become.
class AccessHook {
public:
    AccessHook() = default;
    AccessHook(const AccessHook&) = delete;
    AccessHook& operator=(const AccessHook&) = delete;
    virtual ~AccessHook() = default;
    /// Within a bounded time. False: the states must stay as they are. Goes on on the core that asked.
    virtual base::Task<bool> run(base::CommandArena& arena, const std::string& device_group,
                                 std::vector<AccessMove> moves) = 0;
};

struct DeviceGroupSettings {
    std::string name;
    scsi::AsymmetricAccess access;                    ///< as configured
    std::chrono::milliseconds transition_hold{5000};  ///< how long a command waits for a transition to end
    std::shared_ptr<AccessHook> hook = {};            ///< none: SET TARGET PORT GROUPS takes effect by itself
    /// None: what is set is forgotten when the process ends.
    std::shared_ptr<UnitStore> store = {};
};

/// Reachable from every core, and changed on its home. The states that were set outlive the process until
/// the configuration says something else than it said when they were set.
///
/// A change takes every unit's lanes in turn of that unit, all units at once: between the first and the last
/// two units may answer differently, as they may while an initiator asks one after the other. Every unit has
/// changed when the change is answered; another one may come before, and follows it in each unit.
class DeviceGroup : public std::enable_shared_from_this<DeviceGroup> {
public:
    DeviceGroup(base::Core& home, DeviceGroupSettings settings);

    [[nodiscard]] const DeviceGroupSettings& settings() const { return settings_; }
    [[nodiscard]] base::Core& home() const { return home_; }
    /// For units that are made: on the home, or before any core runs.
    [[nodiscard]] std::shared_ptr<const scsi::AsymmetricAccess> first_access() const { return access_; }
    void join(const std::shared_ptr<LogicalUnit>& unit) {
        std::erase_if(units_, [](const auto& each) { return each.expired(); });
        units_.push_back(unit);
    }

    // On the home.
    [[nodiscard]] std::shared_ptr<const scsi::AsymmetricAccess> access() const { return access_; }

    /// What the states are to become; or why they stay.
    using Decide =
        std::function<std::expected<scsi::AsymmetricAccess, scsi::Sense>(const scsi::AsymmetricAccess&)>;
    /// Explicit, by a command of `issuer`, which is not told of what it asked for: with the hook, while
    /// whatever moves is in transition. BUSY while another change is prepared; HARDWARE ERROR, SET TARGET
    /// PORT GROUPS COMMAND FAILED when the hook refuses or what must be kept cannot be: then nothing changes.
    base::Task<scsi::Outcome> set_by_command(base::CommandArena& arena, Decide decide, NexusId issuer);

    using Done = std::move_only_function<void(scsi::Outcome)>;
    /// Implicit, by the administrator. From any core; `done` is called on the home.
    void set(Decide decide, Done done);

private:
    base::Task<scsi::Outcome> change(base::CommandArena& arena, const Decide& decide,
                                     std::optional<NexusId> issuer);
    base::Task<scsi::Outcome> move(base::CommandArena& arena, scsi::AsymmetricAccess next,
                                   std::optional<NexusId> issuer);
    base::Task<bool> ask_hook(base::CommandArena& arena, const scsi::AsymmetricAccess& next);
    base::Task<bool> keep(base::CommandArena& arena, const scsi::AsymmetricAccess& next);

    base::Core& home_;
    DeviceGroupSettings settings_;
    std::shared_ptr<const scsi::AsymmetricAccess> access_;  // home only, once cores run
    std::vector<std::weak_ptr<LogicalUnit>> units_;
    bool changing_ = false;  // home only
    bool doubted_ = false;   // home only: a restart may find states that were refused
    unsigned settling_ = 0;  // home only: changes that not every unit has
};

}  // namespace targe::engine
