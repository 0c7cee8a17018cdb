// EXTENDED COPY: what it moves, between which units, and what ends it.
#include "device/disc_drive.h"
#include "engine/copy_manager.h"
#include "engine/testing/copies.h"
#include "engine/testing/persistent_reserve.h"
#include "engine/testing/toy_server.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

using testing::BlockSegment;
using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::copy_cdb;
using testing::filled;
using testing::Initiator;
using testing::Pace;
using testing::Scene;
using testing::SceneOptions;
using testing::SimDevice;
using testing::Task;

using testing::Copies;
using testing::named;

constexpr std::uint8_t kGood = 0x00;
constexpr std::uint8_t kCheck = 0x02;
constexpr std::uint8_t kConflict = 0x18;
constexpr std::uint32_t kUnreachable = 0x0a0804;
constexpr std::uint32_t kNotReachable = 0x0a0d02;
constexpr std::uint32_t kThirdPartyFailure = 0x0a0d01;
constexpr std::uint32_t kInvalidInCdb = 0x052400;

TEST_F(Copies, MovesBlocksFromOneUnitToAnother) {
    fill(*disk0, 10, 100);
    Task& task =
        copy(*host, between(1, {.destination = 1, .blocks = 100, .source_lba = 10, .destination_lba = 700}));
    EXPECT_EQ(task.status, kGood);
    EXPECT_TRUE(holds(*disk1, 700, 10, 100));
    EXPECT_EQ(status(*host, 1), (ByteVector{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{8},
                                            std::byte{1}, std::byte{0}, std::byte{1}, std::byte{0},
                                            std::byte{0}, std::byte{0}, std::byte{0xc8}, std::byte{0}}));
}

TEST_F(Copies, AreAskedOfAnyUnitThatIsThere) {
    fill(*disk1, 0, 8);
    Task& task =
        copy(*host, between(1, {.source = 1, .destination = 0, .blocks = 8, .destination_lba = 64}), 5);
    EXPECT_EQ(task.status, kGood);
    EXPECT_TRUE(holds(*disk0, 64, 0, 8));
}

TEST_F(Copies, KeepRangesThatOverlapWhole) {
    fill(*disk0, 0, 2048);
    EXPECT_EQ(copy(*host, between(1, {.blocks = 2040, .destination_lba = 8})).status, kGood);
    EXPECT_TRUE(holds(*disk0, 8, 0, 2040));
    fill(*disk0, 0, 2048);
    EXPECT_EQ(copy(*host, between(2, {.blocks = 2040, .source_lba = 8})).status, kGood);
    EXPECT_TRUE(holds(*disk0, 0, 8, 2040));
}

TEST_F(Copies, ReachNoUnitThatTheInitiatorDoesNotSee) {
    const ByteVector list =
        testing::lid1_list(1, {testing::cscd(named(0)), testing::cscd(named(2))},
                           {testing::segment({.source = 1, .destination = 0, .blocks = 1}),
                            testing::segment({.destination = 1, .blocks = 1})});
    Task& task = copy(*host, list);
    EXPECT_EQ(task.status, kCheck);
    EXPECT_EQ(task.sense_code(), kUnreachable);
}

TEST_F(Copies, AreOfDisksAlone) {
    for (const scsi::DeviceType type : {scsi::DeviceType::cdrom, scsi::DeviceType::tape}) {
        UnitSettings settings;
        settings.name = "other";
        const scsi::UnitIdentity name = named(10U + static_cast<unsigned>(type));
        settings.identity = name;
        settings.type = type;
        if (type == scsi::DeviceType::cdrom) {
            auto disc = std::make_shared<SimDevice>(scene.world, 2048, 2048);
            settings.device = std::make_unique<device::DiscDrive>(std::move(disc));
        } else {
            settings.device = std::make_unique<testing::ToyServer>(scene.world);
        }
        LunMaps maps = scene.target->latest_maps();
        maps.luns.push_back({.lun = static_cast<std::uint16_t>(6 + maps.luns.size()),
                             .unit = scene.engine.add_unit(std::move(settings))});
        scene.target->set_maps(std::make_shared<const LunMaps>(std::move(maps)));
        scene.world.run();
        host->clear_attentions();
        const std::uint32_t block = type == scsi::DeviceType::cdrom ? 2048 : 512;
        const ByteVector list = testing::lid1_list(1, {testing::cscd(name, block), testing::cscd(named(1))},
                                                   {testing::segment({.destination = 1, .blocks = 4})});
        EXPECT_EQ(copy(*host, list).sense_code(), 0x0a0d03U) << static_cast<unsigned>(type);
    }
    EXPECT_EQ(disk1->writes_begun, 0U);
}

TEST_F(Copies, EndWhereTheDestinationIsReservedByAnother) {
    const auto other = scene.login();
    other->clear_attentions(5);
    ASSERT_EQ(other->run(cdb({0x16, 0, 0, 0, 0, 0}), 0, {}, 5).status, kGood);
    fill(*disk0, 0, 8);
    Task& task = copy(*host, between(1, {.destination = 1, .blocks = 8}));
    EXPECT_EQ(task.status, kCheck);
    EXPECT_EQ(task.sense_code(), kThirdPartyFailure);
    EXPECT_EQ(disk1->writes_begun, 0U);
    EXPECT_EQ(copy(*host, between(2, {.source = 0, .destination = 0, .blocks = 8}), 5).status, kConflict);
}

TEST_F(Copies, EndWhereTheDestinationIsProtected) {
    scene.target->set_maps(std::make_shared<const LunMaps>(
        LunMaps{.luns = {{.lun = 0, .unit = scene.unit}, {.lun = 5, .unit = second, .read_only = true}},
                .groups = {}}));
    scene.world.run();
    EXPECT_EQ(copy(*host, between(1, {.destination = 1, .blocks = 8})).sense_code(), kThirdPartyFailure);
    EXPECT_EQ(disk1->writes_begun, 0U);
}

TEST_F(Copies, TellAtWhichSegmentTheyEnded) {
    const ByteVector list = testing::lid1_list(9, {testing::cscd(named(0))},
                                               {testing::segment({.blocks = 4, .destination_lba = 100}),
                                                testing::segment({.blocks = 4, .destination_lba = 2045})});
    Task& task = copy(*host, list);
    EXPECT_EQ(task.sense_code(), 0x0a0000U);
    EXPECT_EQ(task.sense_received[11], std::byte{1});
    EXPECT_EQ(status(*host, 9)[4], std::byte{2});
    EXPECT_EQ(status(*host, 9)[6], std::byte{1});
    ByteVector details = copy_cdb(0x84, 4, 255);
    details[2] = std::byte{9};
    const ByteVector told = host->run(details, 255).data_received;
    ASSERT_EQ(told.size(), 60U + 18U);
    EXPECT_EQ(told[56], std::byte{2});
    EXPECT_EQ(told[59], std::byte{18});
    EXPECT_EQ(told[62], std::byte{0x0a});
}

TEST_F(Copies, AreKnownToWhomAskedForThemOnly) {
    EXPECT_EQ(copy(*host, between(3, {.blocks = 1, .destination_lba = 1})).status, kGood);
    const auto other = scene.login();
    ByteVector asks = copy_cdb(0x84, 0, 64);
    asks[2] = std::byte{3};
    EXPECT_EQ(other->run(asks, 64).sense_code(), kInvalidInCdb);
    EXPECT_EQ(host->run(asks, 64, {}, 5).sense_code(), kInvalidInCdb);
    scene.world.advance(CopyManager::kHolds + std::chrono::seconds{1});
    EXPECT_EQ(host->run(asks, 64).sense_code(), kInvalidInCdb);
}

TEST_F(Copies, HaveOneIdentifierEach) {
    disk0->pace = Pace::on_request;
    Task& first = begin(*host, between(3, {.destination = 1, .blocks = 1}));
    scene.world.run();
    EXPECT_EQ(copy(*host, between(3, {.destination = 1, .blocks = 1})).sense_code(), 0x050016U);
    EXPECT_EQ(status(*host, 3)[4], std::byte{0});
    disk0->complete_one();
    scene.world.run();
    EXPECT_EQ(first.status, kGood);
}

TEST_F(Copies, WriteNothingOnceTheyWereAborted) {
    disk0->pace = Pace::on_request;
    Task& task = begin(*host, between(1, {.destination = 1, .blocks = 8}));
    scene.world.run();
    ASSERT_EQ(disk0->pending(), 1U);
    auto& function = host->begin(TaskFunction::abort_task, 0, task.tag.value);
    scene.world.run();
    EXPECT_TRUE(host->answered.empty());
    disk0->complete_one();
    scene.world.run();
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(function.response, TaskResponse::function_complete);
    EXPECT_TRUE(task.was_dropped);
    EXPECT_EQ(disk1->writes_begun, 0U);
}

TEST_F(Copies, EndWhenAUnitThatTheyVisitIsReset) {
    const auto other = scene.login();
    disk1->pace = Pace::on_request;
    Task& task = begin(*host, twice());
    scene.world.run();
    ASSERT_EQ(disk1->pending(), 1U);
    other->begin(TaskFunction::logical_unit_reset, 5);
    scene.world.run();
    EXPECT_TRUE(other->answered.empty());
    disk1->complete_one();
    scene.world.run();
    EXPECT_EQ(other->answered.size(), 1U);
    EXPECT_TRUE(task.ended);
    EXPECT_EQ(task.sense_code(), kNotReachable);
    EXPECT_EQ(disk1->writes_begun, 1U);
}

TEST_F(Copies, KeepNoFunctionWaitingAtAUnitThatWasNotAskedForThem) {
    const auto other = scene.login();
    other->clear_attentions(5);
    const auto reserve_out = [](Initiator& who, unsigned action, unsigned key, unsigned victim,
                                std::uint16_t lun) -> Task& {
        return who.run(testing::out_cdb(action, testing::kWriteExclusive), 0,
                       testing::out_list(key, victim, 0), lun);
    };
    for (const std::uint16_t asked : {std::uint16_t{0}, std::uint16_t{5}}) {
        SCOPED_TRACE(asked);
        SimDevice& hangs = asked == 0 ? *disk0 : *disk1;
        const std::uint16_t healthy = 5 - asked;
        EXPECT_EQ(reserve_out(*other, testing::kRegister, 0, 1, healthy).status, kGood);
        EXPECT_EQ(reserve_out(*host, testing::kRegister, 0, 2, healthy).status, kGood);
        for (const bool preempts : {false, true}) {
            hangs.pace = Pace::on_request;
            Task& task = begin(*host, twice(), asked);
            scene.world.run();
            ASSERT_EQ(hangs.pending(), 1U);
            if (preempts) {
                const Task& fence = reserve_out(*other, testing::kPreemptAndAbort, 1, 2, healthy);
                EXPECT_TRUE(fence.ended);
                EXPECT_EQ(fence.status, kGood);
            } else {
                other->begin(TaskFunction::logical_unit_reset, healthy);
                scene.world.run();
                EXPECT_EQ(other->answered.size(), asked == 0 ? 1U : 2U);
                other->clear_attentions(healthy);
            }
            EXPECT_EQ(other->run(cdb({0, 0, 0, 0, 0, 0}), 0, {}, healthy).status, kGood);
            EXPECT_FALSE(task.ended);
            hangs.pace = Pace::at_once;
            const std::uint64_t written = disk1->writes_begun;
            hangs.complete_one();
            scene.world.run();
            EXPECT_EQ(task.sense_code(), kNotReachable);
            EXPECT_EQ(disk1->writes_begun, written) << "it goes nowhere any more";
            host->clear_attentions(healthy);
        }
    }
}

TEST_F(Copies, EndWhileTheyWaitForALane) {
    disk1->pace = Pace::on_request;
    const auto other = scene.login();
    other->clear_attentions(5);
    // A change of the destination's state that waits for a write keeps the copy out of the lane.
    Task& write = other->send(cdb10(0x2a, 100, 1), 0, filled(512, 1), 5);
    Task& reserve = other->send(cdb({0x16, 0, 0, 0, 0, 0}), 0, {}, 5);
    scene.world.run();
    Task& task = begin(*host, between(1, {.destination = 1, .blocks = 8}));
    scene.world.run();
    EXPECT_FALSE(task.ended);
    auto& function = host->begin(TaskFunction::abort_task, 0, task.tag.value);
    scene.world.run();
    EXPECT_EQ(function.response, TaskResponse::function_complete);
    EXPECT_TRUE(task.was_dropped);
    disk1->complete_one();
    scene.world.run();
    EXPECT_TRUE(write.ended && reserve.ended);
    EXPECT_EQ(disk1->writes_begun, 1U);
}

TEST_F(Copies, EndWithTheirNexus) {
    disk1->pace = Pace::on_request;
    begin(*host, between(1, {.destination = 1, .blocks = 8}));
    scene.world.run();
    bool closed = false;
    host->begin_close([&] { closed = true; });
    scene.world.run();
    EXPECT_FALSE(closed);
    disk1->complete_one();
    scene.world.run();
    EXPECT_TRUE(closed);
}

TEST_F(Copies, EndWhenAUnitLeavesTheLunMap) {
    disk1->pace = Pace::on_request;
    Task& task = begin(*host, twice());
    scene.world.run();
    scene.target->set_maps(
        std::make_shared<const LunMaps>(LunMaps{.luns = {{.lun = 0, .unit = scene.unit}}, .groups = {}}));
    scene.world.run();
    EXPECT_FALSE(task.ended);
    disk1->complete_one();
    scene.world.run();
    EXPECT_EQ(task.sense_code(), kUnreachable);
    EXPECT_EQ(disk1->writes_begun, 1U);
}

TEST_F(Copies, WaitForCompareAndWriteOfTheSameBlocks) {
    disk1->pace = Pace::on_request;
    const auto other = scene.login();
    other->clear_attentions(5);
    const ByteVector compare = testing::joined({filled(512, 0), filled(512, 9)});
    ByteVector compare_and_write = testing::cdb16(0x89, 3, 0);
    compare_and_write[13] = std::byte{1};
    Task& swap = other->send(compare_and_write, 0, compare, 5);
    scene.world.run();
    fill(*disk0, 0, 8);
    Task& task = begin(*host, between(1, {.destination = 1, .blocks = 8}));
    scene.world.run();
    EXPECT_EQ(disk1->pending(), 1U);  // its read
    disk1->complete_one();
    scene.world.run();
    EXPECT_EQ(disk1->writes_begun, 1U);
    disk1->complete_one();
    scene.world.run();
    EXPECT_TRUE(swap.ended && !task.ended);
    disk1->complete_one();
    scene.world.run();
    EXPECT_EQ(task.status, kGood);
    EXPECT_TRUE(holds(*disk1, 0, 0, 8));
}

TEST_F(Copies, LetChangesOfAUnitThroughBetweenPieces) {
    disk0->pace = Pace::on_request;
    Task& task = begin(*host, twice());
    scene.world.run();
    const auto other = scene.login();
    other->clear_attentions(5);
    EXPECT_EQ(other->run(cdb({0x16, 0, 0, 0, 0, 0}), 0, {}, 5).status, kGood);
    disk0->complete_one();
    scene.world.run();
    EXPECT_EQ(task.sense_code(), kThirdPartyFailure);
    EXPECT_EQ(disk1->writes_begun, 0U);
}

struct WriteThroughCopies : Copies {
    WriteThroughCopies() : Copies({.write_through = true}) {}
};
TEST_F(WriteThroughCopies, AreDurable) {
    EXPECT_EQ(copy(*host, between(1, {.destination = 1, .blocks = 8})).status, kGood);
    EXPECT_EQ(disk1->durable_writes, 1U);
}

TEST(CopiesOnTwoCores, LeaveNoUnitStuck) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        struct Both : Copies {
            using Copies::Copies;
            void TestBody() override {}
        } scene{SceneOptions{.cores = 2, .seed = seed}};
        scene.disk0->pace = Pace::by_seed;
        scene.disk1->pace = Pace::by_seed;
        const auto other = scene.scene.login(1);
        other->clear_attentions(5);
        std::vector<Task*> tasks;
        for (unsigned i = 0; i < 4; ++i) {
            tasks.push_back(&scene.begin(
                *scene.host,
                scene.between(static_cast<std::uint8_t>(i), {.source = 0, .destination = 1, .blocks = 300})));
            tasks.push_back(&scene.begin(
                *other,
                scene.between(static_cast<std::uint8_t>(i), {.source = 1, .destination = 0, .blocks = 300})));
            tasks.push_back(&scene.host->send(cdb({0x16, 0, 0, 0, 0, 0}), 0, {}, 5));
            tasks.push_back(&scene.host->send(cdb({0x17, 0, 0, 0, 0, 0}), 0, {}, 5));
        }
        scene.host->begin(TaskFunction::logical_unit_reset, 5);
        scene.scene.world.run();
        for (const Task* const task : tasks) {
            EXPECT_TRUE(task->ended || task->was_dropped);
        }
        EXPECT_EQ(scene.host->answered.size(), 1U);
    }
}

}  // namespace
}  // namespace targe::engine
