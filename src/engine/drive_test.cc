// Drives of CDs and DVDs: what initiators see of discs, and of their changes.
#include "device/device_observer.h"
#include "device/disc_drive.h"
#include "engine/testing/plain_device.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::filled;
using testing::Initiator;
using testing::World;

constexpr std::uint8_t kGood = 0x00;
constexpr std::uint8_t kCheck = 0x02;
constexpr std::uint32_t kChanged = 0x062800;
constexpr std::uint32_t kTrayClosed = 0x023a01;
constexpr std::uint32_t kTrayOpen = 0x023a02;

/// A disc of any size whose every byte is the same.
class Disc final : public testing::PlainDevice {
public:
    Disc(std::uint64_t blocks, unsigned byte) : blocks_(blocks), byte_(static_cast<std::byte>(byte)) {}

    [[nodiscard]] device::Geometry geometry() const override {
        return {.blocks = blocks_, .block_size = 2048};
    }
    [[nodiscard]] device::Capabilities capabilities() const override { return {.read_only = true}; }
    base::Task<device::IoResult> read(base::CommandArena& /*arena*/, std::uint64_t /*lba*/,
                                      base::Segments into) override {
        for (const base::Segment& each : into) {
            std::fill_n(each.data, each.size, byte_);
        }
        co_return device::IoResult{};
    }
    base::Task<device::IoResult> write(base::CommandArena& /*arena*/, std::uint64_t lba,
                                       base::ConstSegments /*from*/,
                                       device::Durability /*durability*/) override {
        co_return std::unexpected(device::IoFailure{.error = device::IoError::read_only, .lba = lba});
    }
    void observe(device::DeviceObserver* observer) override { observer_ = observer; }
    /// Somebody writes into its image.
    void become(std::uint64_t blocks, unsigned byte, std::move_only_function<void()> told) {
        blocks_ = blocks;
        byte_ = static_cast<std::byte>(byte);
        observer_->raise(0x2800, 0, std::move(told));
    }

private:
    std::uint64_t blocks_;
    std::byte byte_;
    device::DeviceObserver* observer_ = nullptr;
};

class Drive : public ::testing::Test {
protected:
    explicit Drive(std::size_t cores = 2) : world(cores, 1), engine(world.cores(), {}) {
        UnitSettings settings;
        settings.name = "cd0";
        settings.device = std::make_unique<device::DiscDrive>(first);
        settings.identity.serial = "cd0";
        settings.type = scsi::DeviceType::cdrom;
        settings.removable = true;
        unit = engine.add_unit(std::move(settings));
        LunMaps maps;
        maps.luns.push_back({.lun = 0, .unit = unit, .read_only = false});
        target = &engine.add_target("iqn.2026-11.io.targe:test", std::move(maps));
        host = login(0);
        other = login(cores - 1);
    }

    static std::shared_ptr<device::Device> disc(std::uint64_t blocks, unsigned byte) {
        return std::make_shared<Disc>(blocks, byte);
    }

    std::unique_ptr<Initiator> login(std::size_t core) {
        auto made = std::make_unique<Initiator>(world, engine, *target, world.core(core),
                                                "iqn.1993-08.org.debian:" + std::to_string(++logins_));
        made->clear_attentions();
        return made;
    }

    DiscChanged change(std::shared_ptr<device::Device> disc, bool force = false) {
        std::optional<DiscChanged> done;
        unit->change_disc({.disc = std::move(disc), .force = force}, [&](DiscChanged how) { done = how; });
        while (!done && world.step()) {
        }
        return done.value();
    }

    void become(std::uint64_t blocks, unsigned byte) {
        bool told = false;
        first->become(blocks, byte, [&] { told = true; });
        while (!told && world.step()) {
        }
        EXPECT_TRUE(told);
    }

    static std::uint32_t prevent(Initiator& from, unsigned how) {
        return from.run(cdb({0x1e, 0, 0, 0, how, 0})).sense_code();
    }

    std::uint32_t start_stop(unsigned how) { return host->run(cdb({0x1b, 0, 0, 0, how, 0})).sense_code(); }

    /// Event code and media status of the media class.
    static std::pair<unsigned, unsigned> media_event(Initiator& from) {
        const ByteVector& data = from.run(cdb({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8, 0}), 8).data_received;
        return {std::to_integer<unsigned>(data.at(4)), std::to_integer<unsigned>(data.at(5))};
    }

    std::shared_ptr<Disc> first = std::make_shared<Disc>(5000, 0x11);
    World world;
    Engine engine;
    std::shared_ptr<LogicalUnit> unit;
    Target* target = nullptr;
    std::unique_ptr<Initiator> host;
    std::unique_ptr<Initiator> other;

private:
    int logins_ = 0;
};

TEST_F(Drive, IsOneAndReadsItsDisc) {
    const ByteVector inquiry = host->run(cdb({0x12, 0, 0, 0, 96, 0}), 96).data_received;
    EXPECT_EQ(inquiry[0], std::byte{0x05});
    EXPECT_EQ(inquiry[1], std::byte{0x80});
    EXPECT_EQ(inquiry[5], std::byte{0}) << "no third-party copies";
    EXPECT_EQ(ByteVector(inquiry.begin() + 64, inquiry.begin() + 66), cdb({0x04, 0xe0})) << "MMC-6";
    EXPECT_EQ(host->run(cdb({0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 8).data_received,
              cdb({0, 0, 0x13, 0x87, 0, 0, 8, 0}));
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 2048).data_received, filled(2048, 0x11));
    EXPECT_EQ(host->run(cdb({0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}), 2048).data_received,
              filled(2048, 0x11));
    EXPECT_EQ(host->run(cdb({0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 0, 0}), 2048).data_received,
              filled(2048, 0x11));
    EXPECT_EQ(host->run(cdb({0xb9, 0, 0, 0, 2, 0, 0, 2, 1, 0x10, 0, 0}), 2048).data_received,
              filled(2048, 0x11));
    EXPECT_EQ(host->run(cdb10(0x2f, 0, 8)).status, kGood);
    EXPECT_EQ(host->run(cdb10(0x2b, 4999, 0)).status, kGood);
    EXPECT_EQ(host->run(cdb({0xbb, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(host->run(cdb({0x43, 0, 0, 0, 0, 0, 0, 0, 20, 0}), 20).data_received.at(19), std::byte{0x88});
    EXPECT_EQ(host->run(cdb({0x46, 2, 0, 0, 0, 0, 0, 0, 8, 0}), 8).data_received.at(7), std::byte{0x08});
    EXPECT_EQ(host->run(cdb({0x51, 0, 0, 0, 0, 0, 0, 0, 34, 0}), 34).data_received.size(), 34U);
    EXPECT_EQ(host->run(cdb({0x52, 1, 0, 0, 0, 1, 0, 0, 36, 0}), 36).data_received.size(), 36U);
    EXPECT_EQ(host->run(cdb({0xac, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}), 24).data_received.size(), 24U);
    EXPECT_EQ(host->run(cdb({0xad, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0}), 2048).sense_code(), 0x053002U)
        << "a CD";
    EXPECT_EQ(host->run(cdb({0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0}), 8).data_received.size(), 8U);
}

TEST_F(Drive, ReadsNothingBeyondItsDisc) {
    EXPECT_EQ(host->run(cdb10(0x28, 4999, 2), 4096).sense_code(), 0x052100U);
    EXPECT_EQ(host->run(cdb10(0x2b, 5000, 0)).sense_code(), 0x052100U);
}

TEST_F(Drive, WritesNothing) {
    EXPECT_EQ(host->run(cdb10(0x2a, 0, 1), 0, filled(2048, 1)).sense_code(), 0x052000U);
    EXPECT_EQ(host->run(cdb({0x04, 0, 0, 0, 0, 0})).sense_code(), 0x052000U) << "FORMAT UNIT";
    EXPECT_EQ(host->run(cdb10(0x35, 0, 0)).sense_code(), 0x052000U) << "SYNCHRONIZE CACHE";
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 2048).data_received, filled(2048, 0x11));
}

TEST_F(Drive, WithoutADiscIsNotReadyWhateverIsAskedOfIt) {
    EXPECT_EQ(change(nullptr), DiscChanged::changed);
    EXPECT_EQ(host->next_attention(), kTrayOpen);
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 2048).sense_code(), kTrayOpen);
    EXPECT_EQ(host->run(cdb10(0x28, 0xffff'ffff, 1), 2048).sense_code(), kTrayOpen) << "no range";
    EXPECT_EQ(host->run(cdb({0x43, 0, 0, 0, 0, 0, 0, 0, 20, 0}), 20).sense_code(), kTrayOpen);
    EXPECT_EQ(host->run(cdb({0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 8).sense_code(), kTrayOpen);
    EXPECT_EQ(start_stop(0x01), kTrayOpen) << "nothing to start";
    EXPECT_EQ(start_stop(0x03), 0U) << "the tray closes";
    EXPECT_EQ(host->next_attention(), kTrayClosed);
    EXPECT_EQ(host->run(cdb({0x12, 0, 0, 0, 96, 0}), 96).status, kGood);
    EXPECT_EQ(host->run(cdb({0x46, 2, 0, 0, 0, 0, 0, 0, 8, 0}), 8).data_received.at(7), std::byte{0});
}

TEST_F(Drive, TellsEveryNexusOfAnotherDisc) {
    EXPECT_EQ(change(disc(400'000, 0x22)), DiscChanged::changed);
    for (Initiator* const each : {host.get(), other.get()}) {
        EXPECT_EQ(each->run(cdb({0x46, 2, 0, 0, 0, 0, 0, 0, 8, 0}), 8).data_received.at(7), std::byte{0x10})
            << "GET CONFIGURATION goes before";
        EXPECT_EQ(each->run(cdb10(0x28, 0, 1), 2048).sense_code(), kChanged);
        EXPECT_EQ(each->run(cdb10(0x28, 0, 1), 2048).data_received, filled(2048, 0x22));
    }
    EXPECT_EQ(host->run(cdb({0xad, 0, 0, 0, 0, 0, 0, 0, 8, 4, 0, 0}), 2052).data_received.size(), 2052U);
}

TEST_F(Drive, KeepsNoCommandThatWasMeantForTheDiscBefore) {
    EXPECT_EQ(change(nullptr), DiscChanged::changed);
    testing::Task& early = host->send(cdb10(0x28, 0, 1), 2048);
    EXPECT_EQ(change(disc(1, 0x33)), DiscChanged::changed);
    while (!early.ended && world.step()) {
    }
    EXPECT_EQ(early.status, kCheck) << "whichever came first";
    host->clear_attentions();
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 2048).data_received, filled(2048, 0x33));
    EXPECT_EQ(host->run(cdb10(0x28, 1, 1), 2048).sense_code(), 0x052100U);
}

TEST_F(Drive, TellsEachNexusOfEventsOnce) {
    EXPECT_EQ(media_event(*host), std::pair(2U, 2U)) << "the disc that was there from the start";
    EXPECT_EQ(media_event(*host), std::pair(0U, 2U));
    EXPECT_EQ(change(nullptr), DiscChanged::changed);
    EXPECT_EQ(media_event(*host), std::pair(3U, 1U)) << "removed, and the tray is open";
    EXPECT_EQ(media_event(*host), std::pair(0U, 1U));
    EXPECT_EQ(change(disc(10, 1)), DiscChanged::changed);
    EXPECT_EQ(media_event(*host), std::pair(2U, 2U));
    EXPECT_EQ(media_event(*other), std::pair(2U, 2U)) << "the latest is what counts";
    EXPECT_EQ(host->next_attention(), kChanged) << "an event takes no unit attention away";
    const auto operational = [&] {
        return host->run(cdb({0x4a, 1, 0, 0, 0x02, 0, 0, 0, 8, 0}), 8).data_received.at(4);
    };
    EXPECT_EQ(operational(), std::byte{2});
    EXPECT_EQ(operational(), std::byte{0});
}

TEST_F(Drive, TellsEveryNexusOfADiscThatHasBecomeAnother) {
    EXPECT_EQ(media_event(*host).first, 2U);
    become(400'000, 0x22);
    for (Initiator* const each : {host.get(), other.get()}) {
        EXPECT_EQ(media_event(*each), std::pair(2U, 2U));
        EXPECT_EQ(each->run(cdb({0x46, 2, 0, 0, 0, 0, 0, 0, 8, 0}), 8).data_received.at(7), std::byte{0x10})
            << "a DVD is in the place of a CD";
        EXPECT_EQ(each->next_attention(), kChanged);
        EXPECT_EQ(each->next_attention(), 0U);
        EXPECT_EQ(each->run(cdb10(0x28, 399'999, 1), 2048).data_received, filled(2048, 0x22));
    }
}

TEST_F(Drive, LeavesADiscThatHasBecomeAnotherOutsideTheDrive) {
    EXPECT_EQ(start_stop(0x02), 0U);
    become(10, 0x22);
    EXPECT_EQ(host->next_attention(), kTrayOpen);
    EXPECT_EQ(start_stop(0x03), 0U);
    EXPECT_EQ(other->next_attention(), kChanged);
    EXPECT_EQ(other->run(cdb10(0x28, 10, 1), 2048).sense_code(), 0x052100U);
}

TEST_F(Drive, RemembersWhatWasToldWhereverItsNexusGoes) {
    EXPECT_EQ(media_event(*host).first, 2U);
    host->move_to(world.core(1));
    EXPECT_EQ(media_event(*host).first, 0U);
}

TEST_F(Drive, EjectsAndLoadsForInitiators) {
    EXPECT_EQ(start_stop(0x02), 0U);
    EXPECT_EQ(host->next_attention(), kTrayOpen);
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 2048).sense_code(), kTrayOpen);
    EXPECT_EQ(media_event(*other), std::pair(3U, 1U));
    EXPECT_EQ(start_stop(0x03), 0U);
    EXPECT_EQ(host->next_attention(), 0U) << "it has loaded the disc itself";
    EXPECT_EQ(other->next_attention(), kChanged);
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 2048).data_received, filled(2048, 0x11));
}

TEST_F(Drive, KeepsADiscWhoseRemovalIsPrevented) {
    EXPECT_EQ(media_event(*host).first, 2U);
    EXPECT_EQ(host->run(cdb({0x1e, 0, 0, 0, 1, 0})).status, kGood);
    EXPECT_EQ(start_stop(0x02), 0x055302U);
    EXPECT_EQ(change(disc(10, 0x22)), DiscChanged::prevented);
    EXPECT_EQ(media_event(*host), std::pair(1U, 2U)) << "somebody wants it back";
    EXPECT_EQ(host->next_attention(), 0U);
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 2048).data_received, filled(2048, 0x11));
    const auto lock_state = [&] {
        return host->run(cdb({0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 40, 0}), 40).data_received.at(14);
    };
    EXPECT_EQ(lock_state(), std::byte{0x2b});
    EXPECT_EQ(change(disc(10, 0x22), true), DiscChanged::changed);
    EXPECT_EQ(host->next_attention(), kChanged);
    EXPECT_EQ(lock_state(), std::byte{0x29}) << "nobody prevents it any more";
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 2048).data_received, filled(2048, 0x22));
}

TEST_F(Drive, AsksWhoPreventsRemovalPersistently) {
    EXPECT_EQ(media_event(*host).first, 2U);
    EXPECT_EQ(prevent(*host, 3), 0U);
    EXPECT_EQ(change(nullptr), DiscChanged::prevented);
    EXPECT_EQ(media_event(*host), std::pair(1U, 2U)) << "EjectRequest";
    EXPECT_EQ(media_event(*host), std::pair(0U, 2U)) << "once";
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 2048).data_received, filled(2048, 0x11));
    EXPECT_EQ(start_stop(0x02), 0U) << "it may eject the disc itself";
    EXPECT_EQ(host->next_attention(), kTrayOpen);
    EXPECT_EQ(change(disc(10, 0x22)), DiscChanged::changed) << "into a tray that is open";
    EXPECT_EQ(media_event(*host), std::pair(2U, 2U));
    EXPECT_EQ(change(nullptr), DiscChanged::prevented) << "the next disc stays, too";
    EXPECT_EQ(host->next_attention(), kChanged);
    EXPECT_EQ(prevent(*host, 2), 0U);
    EXPECT_EQ(change(nullptr), DiscChanged::changed);
}

TEST_F(Drive, LetsNobodyElseEjectWhatIsPreventedPersistently) {
    const auto eject = cdb({0x1b, 0, 0, 0, 0x02, 0});
    EXPECT_EQ(prevent(*other, 3), 0U);
    EXPECT_EQ(host->run(eject).sense_code(), 0x052c06U);
    EXPECT_EQ(prevent(*host, 2), 0U);
    EXPECT_EQ(host->run(eject).sense_code(), 0x052c06U) << "not its own to allow";
    EXPECT_EQ(prevent(*other, 1), 0U);
    EXPECT_EQ(other->run(eject).sense_code(), 0x055302U) << "PREVENT holds for everybody";
    EXPECT_EQ(prevent(*other, 2), 0U);
    EXPECT_EQ(other->run(eject).sense_code(), 0x055302U) << "10b leaves what 01b has set";
    EXPECT_EQ(prevent(*other, 3), 0U);
    EXPECT_EQ(prevent(*other, 0), 0U);
    EXPECT_EQ(host->run(eject).sense_code(), 0x052c06U) << "00b leaves what 11b has set";
    EXPECT_EQ(other->run(eject).status, kGood);
    EXPECT_EQ(host->next_attention(), kTrayOpen);
    EXPECT_EQ(start_stop(0x03), 0x052c06U) << "nor closes its tray";
    EXPECT_EQ(other->run(cdb({0x1b, 0, 0, 0, 0x03, 0})).status, kGood);
}

TEST_F(Drive, TellsOfPersistentPrevention) {
    const auto operational_status = [&](Initiator& from) {
        return from.run(cdb({0x4a, 1, 0, 0, 0x02, 0, 0, 0, 8, 0}), 8).data_received.at(5);
    };
    const auto locked = [&] {
        return (host->run(cdb({0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 40, 0}), 40).data_received.at(14) &
                std::byte{2}) != std::byte{0};
    };
    EXPECT_EQ(operational_status(*host), std::byte{0});
    EXPECT_FALSE(locked());
    EXPECT_EQ(prevent(*other, 3), 0U);
    EXPECT_EQ(operational_status(*host), std::byte{0x80});
    EXPECT_EQ(operational_status(*other), std::byte{0x80});
    EXPECT_TRUE(locked());
    EXPECT_EQ(prevent(*other, 2), 0U);
    EXPECT_EQ(operational_status(*host), std::byte{0});
    EXPECT_EQ(prevent(*other, 1), 0U);
    EXPECT_EQ(operational_status(*host), std::byte{0}) << "PREVENT alone is not persistent";
    EXPECT_TRUE(locked());
}

TEST_F(Drive, ForgetsPersistentPreventionWithItsNexusAResetAndForce) {
    EXPECT_EQ(prevent(*other, 3), 0U);
    EXPECT_EQ(host->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    host->clear_attentions();
    other->clear_attentions();
    EXPECT_EQ(change(disc(10, 0x22)), DiscChanged::changed);

    host->clear_attentions();
    EXPECT_EQ(prevent(*host, 3), 0U);
    EXPECT_EQ(change(disc(10, 0x33)), DiscChanged::prevented);
    EXPECT_EQ(change(disc(10, 0x33), true), DiscChanged::changed);
    EXPECT_EQ(change(disc(10, 0x44)), DiscChanged::changed) << "nobody prevents it any more";

    other->clear_attentions();
    EXPECT_EQ(prevent(*other, 3), 0U);
    other->close();
    EXPECT_EQ(change(disc(10, 0x55)), DiscChanged::changed);
}

TEST_F(Drive, ForgetsPersistentPreventionOfThoseWhoArePreempted) {
    const auto reserve_out = [](Initiator& from, unsigned action, std::uint64_t key, unsigned new_key) {
        ByteVector list(24);
        list[7] = static_cast<std::byte>(key);
        list[15] = static_cast<std::byte>(new_key);
        return from.run(cdb({0x5f, action, 1, 0, 0, 0, 0, 0, 24, 0}), 0, list).status;
    };
    EXPECT_EQ(reserve_out(*host, 0, 0, 1), kGood);
    EXPECT_EQ(reserve_out(*other, 0, 0, 2), kGood);
    EXPECT_EQ(prevent(*other, 3), 0U);
    EXPECT_EQ(start_stop(0x02), 0x052c06U);
    EXPECT_EQ(reserve_out(*host, 5, 1, 2), kGood) << "PREEMPT AND ABORT";
    EXPECT_EQ(start_stop(0x02), 0U);
}

TEST_F(Drive, TellsAllOfTheInformationOfABd) {
    EXPECT_EQ(change(disc(5'000'000, 0x22)), DiscChanged::changed);
    EXPECT_EQ(host->next_attention(), kChanged);
    EXPECT_EQ(host->run(cdb({0x46, 2, 0, 0, 0, 0, 0, 0, 8, 0}), 8).data_received.at(7), std::byte{0x40});
    const ByteVector told = host->run(cdb({0xad, 1, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0}), 8192).data_received;
    EXPECT_EQ(told.size(), 4100U);
}

TEST_F(Drive, ThatIsReservedTellsOthersOfItselfAlone) {
    EXPECT_EQ(host->run(cdb({0x16, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 2048).status, 0x18);
    EXPECT_EQ(other->run(cdb({0x46, 2, 0, 0, 0, 0, 0, 0, 8, 0}), 8).status, kGood);
    EXPECT_EQ(media_event(*other).first, 2U);
}

}  // namespace
}  // namespace targe::engine
