// A SCSI target device: its name, its ports, and which logical units which initiator sees.
#pragma once

#include "base/core.h"
#include "base/intrusive_list.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace targe::engine {

class LogicalUnit;
class Nexus;

/// One line of a LUN map.
struct LunEntry {
    std::uint16_t lun = 0;  ///< 0 … 16383
    std::shared_ptr<LogicalUnit> unit = {};
    bool read_only = false;
    bool operator==(const LunEntry&) const = default;
};

struct InitiatorGroup {
    std::string name;
    std::vector<std::string> initiators;  ///< patterns: base::matches_any()
    std::vector<LunEntry> luns;
};

/// Immutable once it is given to a target: a change is a new one.
struct LunMaps {
    std::vector<LunEntry> luns;  ///< what an initiator in no group sees
    std::vector<InitiatorGroup> groups;
    /// Patterns of who sees `luns`; nothing: everybody in no group. Others, who have logged in while they
    /// might, see nothing.
    std::optional<std::vector<std::string>> initiators = {};

    /// The map of the first group whose patterns match, else the target's own or none.
    [[nodiscard]] const std::vector<LunEntry>& for_initiator(std::string_view name) const;
    /// The group's name, or nothing.
    [[nodiscard]] std::string_view group_of(std::string_view name) const;
};

/// An iSCSI target port: the portals of one portal group, [RFC 7143 4.4.2].
struct TargetPort {
    std::uint16_t portal_group = 1;          ///< target portal group tag
    std::uint16_t relative_target_port = 0;  ///< 0: the lowest free number
    bool operator==(const TargetPort&) const = default;
};

/// Reachable from every core; what it holds for a core is touched there only. Made by Engine::add_target().
class Target {
public:
    /// At least one port.
    Target(base::Cores cores, std::string name, std::vector<TargetPort> ports,
           std::shared_ptr<const LunMaps> maps);
    ~Target();

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::vector<TargetPort>& ports() const { return ports_; }
    /// The first when there is none of that group.
    [[nodiscard]] const TargetPort& port(std::uint16_t portal_group) const;
    [[nodiscard]] base::Cores cores() const { return cores_; }
    /// Of each nexus that is opened from now on, at each unit, instead of
    /// Limits::commands_per_nexus_and_unit; 0: that. Before any core runs a nexus of it.
    void limit_commands(std::uint32_t limit) { command_limit_ = limit; }
    [[nodiscard]] std::uint32_t command_limit() const { return command_limit_; }

    /// The maps in force on `core`, for whoever runs there.
    [[nodiscard]] const LunMaps& maps(const base::Core& core) const;
    /// Their number: greater for maps that were given later. Other cores may be ahead or behind.
    [[nodiscard]] std::uint64_t maps_version(const base::Core& core) const;
    /// The nexuses on `core`, for whoever runs there.
    [[nodiscard]] base::IntrusiveList<Nexus, struct TargetNexuses>& nexuses(const base::Core& core);

    /// The maps that set_maps() was given last; on the core that calls it.
    [[nodiscard]] const LunMaps& latest_maps() const { return *latest_; }
    /// Puts new maps in force on every core, there and in a later turn. Nexuses whose view changes get
    /// REPORTED LUNS DATA HAS CHANGED; commands of units that leave a view end safely first.
    void set_maps(std::shared_ptr<const LunMaps> maps);

private:
    struct PerCore;
    base::Cores cores_;
    std::string name_;
    std::vector<TargetPort> ports_;
    std::shared_ptr<const LunMaps> latest_;
    std::uint64_t latest_version_ = 0;
    std::uint32_t command_limit_ = 0;
    std::vector<std::unique_ptr<PerCore>> per_core_;
};

}  // namespace targe::engine
