// One target, one unit on a simulated disk, and as many initiators as a test wants.
#pragma once

#include "engine/engine.h"
#include "engine/testing/initiator.h"
#include "engine/testing/sim_device.h"
#include "engine/testing/world.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace targe::engine::testing {

struct SceneOptions {
    std::size_t cores = 1;
    std::uint64_t seed = 1;
    std::uint64_t blocks = 2048;
    std::uint32_t block_size = 512;
    bool removable = false;
    bool write_through = false;
    bool read_only_lun = false;
    scsi::TaskSetType task_set_type = scsi::TaskSetType::one_per_nexus;
    std::uint32_t max_commands = 0;
    bool asymmetric = false;                       ///< the target's port is in a target port group
    std::shared_ptr<UnitStore> store = {};         ///< of disk0
    std::optional<device::Capabilities> can = {};  ///< nothing: as SimDevice has them
    Limits limits = {};
};

class Scene {
public:
    explicit Scene(SceneOptions options = {})
        : world(options.cores, options.seed), engine(world.cores(), options.limits) {
        if (options.asymmetric) {
            group = engine.add_group(
                {.name = "group", .access = {.groups = {{.id = 1, .ports = {1}}}, .set_by_command = true}});
        }
        unit = add_unit("disk0", options);
        disk = static_cast<SimDevice*>(&unit->device());
        LunMaps maps;
        maps.luns.push_back({.lun = 0, .unit = unit, .read_only = options.read_only_lun});
        target = &engine.add_target("iqn.2026-11.io.targe:test", std::move(maps));
    }

    std::shared_ptr<LogicalUnit> add_unit(std::string name, const SceneOptions& options = {}) {
        UnitSettings settings;
        settings.name = std::move(name);
        auto device = std::make_unique<SimDevice>(world, options.blocks, options.block_size);
        device->can = options.can.value_or(device->can);
        settings.device = std::move(device);
        settings.identity.serial = settings.name;
        settings.removable = options.removable;
        settings.write_through = options.write_through;
        settings.store = options.store;
        settings.task_set_type = options.task_set_type;
        settings.max_commands = options.max_commands;
        settings.group = group;
        return engine.add_unit(std::move(settings));
    }

    /// Logged in on `core`; its first unit attention already told, unless `fresh`.
    std::unique_ptr<Initiator> login(std::size_t core = 0, bool fresh = false,
                                     NexusOrigin origin = NexusOrigin::fresh) {
        auto made =
            std::make_unique<Initiator>(world, engine, *target, world.core(core),
                                        "iqn.1993-08.org.debian:" + std::to_string(++logins_), origin);
        if (!fresh) {
            made->clear_attentions();
        }
        return made;
    }

    /// Lets everything happen, the disk's operations one after the other.
    void complete_all() {
        world.run();
        while (disk->pending() > 0) {
            disk->complete_one();
            world.run();
        }
    }
    /// Whether all of these blocks of the disk have this byte.
    [[nodiscard]] bool holds(std::uint64_t lba, std::uint64_t blocks, unsigned value) const {
        for (std::uint64_t i = lba; i < lba + blocks; ++i) {
            if (!std::ranges::all_of(disk->block(i), [&](std::byte b) { return b == std::byte(value); })) {
                return false;
            }
        }
        return true;
    }

    World world;
    Engine engine;
    std::shared_ptr<DeviceGroup> group;  ///< null: none
    std::shared_ptr<LogicalUnit> unit;
    SimDevice* disk = nullptr;
    Target* target = nullptr;

private:
    int logins_ = 0;
};

inline ByteVector filled(std::size_t size, unsigned value) {
    return ByteVector(size, static_cast<std::byte>(value));
}

}  // namespace targe::engine::testing
