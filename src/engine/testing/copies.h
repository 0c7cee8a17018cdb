// Units to copy between, and initiators that do.
#pragma once

#include "engine/testing/copy.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

namespace targe::engine::testing {

inline scsi::UnitIdentity named(unsigned last) {
    scsi::UnitIdentity identity;
    identity.serial = "unit" + std::to_string(last);
    identity.naa = {std::byte{0x6e}, std::byte{0x10}, std::byte{0x20}};
    identity.naa.back() = static_cast<std::byte>(last);
    return identity;
}

/// Two units that every initiator sees, and one that nobody does.
struct Copies : ::testing::Test {
    explicit Copies(SceneOptions options = {}) : scene(options) {
        second = scene.add_unit("disk1", options);
        hidden = scene.add_unit("disk2", options);
        scene.unit->rename(named(0));
        second->rename(named(1));
        hidden->rename(named(2));
        scene.world.run();
        scene.target->set_maps(std::make_shared<const LunMaps>(
            LunMaps{.luns = {{.lun = 0, .unit = scene.unit}, {.lun = 5, .unit = second}}, .groups = {}}));
        scene.world.run();
        disk0 = scene.disk;
        disk1 = static_cast<SimDevice*>(&second->device());
        host = scene.login();
        host->clear_attentions(5);
    }

    static ByteVector pattern(std::uint64_t lba) {
        ByteVector block(512);
        for (std::size_t i = 0; i < block.size(); ++i) {
            block[i] = static_cast<std::byte>(lba * 7 + i);
        }
        return block;
    }
    static void fill(SimDevice& disk, std::uint64_t lba, std::uint64_t blocks) {
        for (std::uint64_t i = lba; i < lba + blocks; ++i) {
            std::ranges::copy(pattern(i), disk.block(i).begin());
        }
    }
    static bool holds(SimDevice& disk, std::uint64_t at, std::uint64_t from, std::uint64_t blocks) {
        for (std::uint64_t i = 0; i < blocks; ++i) {
            if (!std::ranges::equal(disk.block(at + i), pattern(from + i))) {
                return false;
            }
        }
        return true;
    }
    static ByteVector between(std::uint8_t id, const BlockSegment& what) {
        return lid1_list(id, {cscd(named(0)), cscd(named(1))}, {segment(what)});
    }
    static ByteVector between4(std::uint32_t id, const BlockSegment& what, bool immediate = false) {
        return lid4_list(id, {cscd(named(0)), cscd(named(1))}, {segment(what)}, immediate);
    }
    /// Two segments from the first unit to the second.
    static ByteVector twice() {
        const ByteVector one = segment({.destination = 1, .blocks = 8});
        return lid1_list(1, {cscd(named(0)), cscd(named(1))}, {one, one});
    }
    Task& copy(Initiator& who, const ByteVector& list, std::uint16_t lun = 0) {
        return who.run(copy_cdb(0x83, 0, list.size()), 0, list, lun);
    }
    Task& begin(Initiator& who, const ByteVector& list, std::uint16_t lun = 0) {
        return who.send(copy_cdb(0x83, 0, list.size()), 0, list, lun);
    }
    Task& copy4(Initiator& who, const ByteVector& list, std::uint16_t lun = 0) {
        return who.run(copy_cdb(0x83, 1, list.size()), 0, list, lun);
    }
    ByteVector status4(Initiator& who, std::uint32_t id, std::uint16_t lun = 0) {
        return who.run(copy_cdb(0x84, 5, 255, id), 255, {}, lun).data_received;
    }
    ByteVector status(Initiator& who, std::uint8_t id, std::uint16_t lun = 0) {
        ByteVector asks = copy_cdb(0x84, 0, 64);
        asks[2] = std::byte{id};
        return who.run(asks, 64, {}, lun).data_received;
    }

    Scene scene;
    std::shared_ptr<LogicalUnit> second;
    std::shared_ptr<LogicalUnit> hidden;
    SimDevice* disk0 = nullptr;
    SimDevice* disk1 = nullptr;
    std::unique_ptr<Initiator> host;
};

}  // namespace targe::engine::testing
