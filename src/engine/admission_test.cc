// What happens to a command before it executes, and what its lengths come to.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::DataOutMode;
using testing::filled;
using testing::Initiator;
using testing::Scene;
using testing::Task;

constexpr std::uint8_t kGood = 0x00;
constexpr std::uint8_t kBusy = 0x08;
constexpr std::uint8_t kConflict = 0x18;
using Kind = Residual::Kind;

TEST(UnitAttention, GreetsEveryNewNexusOnce) {
    Scene scene;
    const auto host = scene.login(0, true);
    EXPECT_EQ(host->run(cdb({0x12, 0, 0, 0, 36, 0}), 36).status, kGood);
    EXPECT_EQ(host->next_attention(), 0x062900U);
    EXPECT_EQ(host->next_attention(), 0U);
    const auto again = scene.login(0, true, NexusOrigin::reinstated);
    EXPECT_EQ(again->next_attention(), 0x062907U);
}

TEST(UnitAttention, IsToldAgainWhenItsStatusWasLost) {
    Scene scene;
    const auto host = scene.login(0, true);
    host->delivery = Delivery::failed;
    EXPECT_EQ(host->next_attention(), 0x062900U);
    host->delivery = Delivery::delivered;
    EXPECT_EQ(host->next_attention(), 0x062900U);
    EXPECT_EQ(host->next_attention(), 0U);
}

TEST(UnitAttention, IsConsumedByRequestSense) {
    Scene scene;
    const auto host = scene.login(0, true);
    const Task& task = host->run(cdb({0x03, 0, 0, 0, 252, 0}), 252);
    EXPECT_EQ(task.data_received[2], std::byte{6});
    EXPECT_EQ(task.data_received[12], std::byte{0x29});
    EXPECT_EQ(host->next_attention(), 0U);
}

TEST(UnitAttention, IsToldLaterWhenRequestSenseFindsNoMemory) {
    Scene scene;
    const auto host = scene.login(0, true);
    scene.world.core(0).pool().set_limit(0);
    EXPECT_EQ(host->run(cdb({0x03, 0, 0, 0, 252, 0}), 252).status, kBusy);
    EXPECT_EQ(host->next_attention(), 0x062900U);
}

TEST(UnitAttention, OfModeSelectGoesToTheOthersExactlyOnce) {
    Scene scene{{.cores = 3}};
    std::vector<std::unique_ptr<Initiator>> hosts;
    for (std::size_t i = 0; i < 6; ++i) {
        hosts.push_back(scene.login(i % 3));
    }
    const ByteVector control = cdb({0, 0, 0, 0, 0x0a, 0x0a, 0x20, 0x10, 8, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(hosts[0]->run(cdb({0x15, 0x10, 0, 0, 16, 0}), 0, control).status, kGood);
    scene.world.run();
    EXPECT_EQ(hosts[0]->next_attention(), 0U);
    for (std::size_t i = 1; i < 6; ++i) {
        EXPECT_EQ(hosts[i]->events, std::vector{scsi::Asc::mode_parameters_changed});
        EXPECT_EQ(hosts[i]->next_attention(), 0x062a01U);
        EXPECT_EQ(hosts[i]->next_attention(), 0U);
    }
    EXPECT_EQ(hosts[3]->run(cdb10(0x2a, 0, 1), 0, filled(512, 1)).sense_code(), 0x072700U);
}

TEST(AbsentLun, AnswersInquiryReportLunsAndRequestSense) {
    Scene scene;
    const auto host = scene.login();
    EXPECT_EQ(host->run(cdb({0x12, 0, 0, 0, 36, 0}), 36, {}, 5).data_received[0], std::byte{0x7f});
    EXPECT_EQ(host->run(cdb({0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0}), 16, {}, 5).data_received[3],
              std::byte{8});
    const Task& sense = host->run(cdb({0x03, 0, 0, 0, 252, 0}), 252, {}, 5);
    EXPECT_EQ(sense.status, kGood);
    EXPECT_EQ(sense.data_received[12], std::byte{0x25});
    EXPECT_EQ(host->run(cdb({0, 0, 0, 0, 0, 0}), 0, {}, 5).sense_code(), 0x052500U);
    EXPECT_EQ(host->run(cdb10(0x2a, 0, 1), 0, filled(512, 1), 300).sense_code(), 0x052500U);
}

TEST(Residuals, OfReadsFollowTheExpectation) {
    Scene scene;
    const auto host = scene.login();
    const auto read = [&](std::uint16_t blocks, std::uint32_t expected) -> Task& {
        return host->run(cdb10(0x28, 0, blocks), expected);
    };
    EXPECT_EQ(read(1, 512).residual_in, Residual{});
    EXPECT_EQ(read(1, 0).residual_in, (Residual{Kind::overflow, 512}));
    EXPECT_EQ(read(1, 10000).residual_in, (Residual{Kind::underflow, 10000 - 512}));
    const Task& part = read(1, 200);
    EXPECT_EQ(part.residual_in, (Residual{Kind::overflow, 312}));
    EXPECT_EQ(part.data_received.size(), 200U);
    EXPECT_EQ(read(2, 512).residual_in, (Residual{Kind::overflow, 512}));
    EXPECT_EQ(read(2, 512).data_received.size(), 512U);
}

TEST(Residuals, OfAReadThatIsSentAsAWriteAreTold) {
    Scene scene;
    const auto host = scene.login();
    const Task& task = host->run(cdb10(0x28, 0, 1), 0, filled(512, 1));
    EXPECT_EQ(task.status, kGood);
    EXPECT_FALSE(task.asked_for_data);
    EXPECT_EQ(task.residual_out, (Residual{Kind::underflow, 512}));
    EXPECT_EQ(task.residual_in, (Residual{Kind::overflow, 512}));
}

TEST(Residuals, OfWritesExecuteTheWholeBlocksThatCame) {
    Scene scene;
    const auto host = scene.login();
    const auto write = [&](unsigned opcode, std::uint16_t blocks, std::size_t sent) -> Task& {
        return host->run(cdb10(opcode, 0, blocks), 0, filled(sent, 0x77));
    };
    for (const unsigned opcode : {0x2aU, 0x2eU}) {
        EXPECT_EQ(write(opcode, 1, 0).status, kGood);
        EXPECT_EQ(write(opcode, 1, 0).residual_out, (Residual{Kind::overflow, 512}));
        EXPECT_EQ(scene.disk->block(0)[0], std::byte{0});
        const Task& longer = write(opcode, 1, 1024);
        EXPECT_EQ(longer.residual_out, (Residual{Kind::underflow, 512}));
        EXPECT_EQ(longer.data_out.size, 0U + 512U);
        EXPECT_EQ(scene.disk->block(1)[0], std::byte{0});
        const Task& shorter = write(opcode, 2, 512);
        EXPECT_EQ(shorter.status, kGood);
        EXPECT_EQ(shorter.residual_out, (Residual{Kind::overflow, 512}));
        EXPECT_EQ(scene.disk->block(1)[0], std::byte{0});
        const Task& part = write(opcode, 1, 200);
        EXPECT_EQ(part.residual_out, (Residual{Kind::overflow, 312}));
        EXPECT_EQ(part.sense_code(), opcode == 0x2a ? 0x050e03U : 0U);
        host->run(cdb10(0x2a, 0, 1), 0, filled(512, 0));
    }
}

TEST(WriteProtection, ComesFromTheLunMap) {
    Scene scene{{.read_only_lun = true}};
    const auto host = scene.login();
    EXPECT_EQ(host->run(cdb10(0x2a, 0, 1), 0, filled(512, 1)).sense_code(), 0x072700U);
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 512).status, kGood);
    EXPECT_EQ(host->run(cdb({0x1a, 0, 0x08, 0, 255, 0}), 255).data_received[2], std::byte{0x90});
    EXPECT_EQ(scene.disk->writes_begun, 0U);
}

TEST(WriteProtection, IsToldToWhoWantsToUnmap) {
    Scene scene{{.read_only_lun = true}};
    const auto host = scene.login();
    EXPECT_EQ(host->run(cdb({0x41, 0x08, 0, 0, 0, 0, 0, 0, 1, 0})).sense_code(), 0x072700U);
    EXPECT_EQ(host->run(cdb({0x41, 0x20, 0, 0, 0, 0, 0, 0, 1, 0}), 0, filled(512, 0)).sense_code(),
              0x052400U);
}

TEST(Reservation, KeepsOthersOutUntilItEnds) {
    Scene scene{{.cores = 2}};
    const auto holder = scene.login(0);
    const auto other = scene.login(1);
    EXPECT_EQ(holder->run(cdb({0x16, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(holder->run(cdb({0x16, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(other->run(cdb({0x16, 0, 0, 0, 0, 0})).status, kConflict);
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, kConflict);
    EXPECT_EQ(other->run(cdb({0x1a, 0, 0x3f, 0, 255, 0}), 255).status, kConflict);
    EXPECT_EQ(other->run(cdb({0x12, 0, 0, 0, 36, 0}), 36).status, kGood);
    EXPECT_EQ(other->run(cdb({0x17, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, kConflict);
    EXPECT_EQ(holder->run(cdb({0x17, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, kGood);
    holder->run(cdb({0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, kConflict);
    holder->close();
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, kGood);
}

TEST(Reservation, IsLookedAtAgainWhenTheDataHaveCome) {
    Scene scene;
    const auto writer = scene.login();
    const auto other = scene.login();
    writer->data_out_mode = DataOutMode::later;
    Task& write = writer->send(cdb10(0x2a, 0, 1), 0, filled(512, 1));
    other->run(cdb({0x16, 0, 0, 0, 0, 0}));
    writer->deliver_data(write);
    EXPECT_EQ(write.status, kConflict);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
}

TEST(Precedence, RefusalsGoBeforeAUnitAttention) {
    Scene scene;
    const auto holder = scene.login();
    const auto other = scene.login(0, true);
    EXPECT_EQ(holder->run(cdb({0x16, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, kConflict);
    EXPECT_EQ(other->next_attention(), 0x062900U) << "it waits on";
}

TEST(Capacity, IsLookedAtAgainAfterEveryWait) {
    Scene scene;
    const auto host = scene.login();
    host->data_out_mode = DataOutMode::later;
    Task& first = host->send(cdb10(0x2a, 2046, 1), 0, filled(512, 1));
    Task& second = host->send(cdb10(0x2a, 2047, 1), 0, filled(512, 1));
    scene.disk->resize(1024);
    scene.unit->refresh({});
    scene.world.run();
    host->deliver_data(first);
    host->deliver_data(second);
    scene.world.run();
    EXPECT_EQ(first.sense_code(), 0x062a09U);
    EXPECT_EQ(second.sense_code(), 0x052100U);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
}

TEST(Overlap, AbortsEverythingOfTheNexusHere) {
    Scene scene;
    const auto host = scene.login();
    scene.disk->pace = testing::Pace::on_request;
    Task& first = host->send(cdb10(0x28, 0, 1), 512);
    auto twin = std::make_unique<Task>();
    twin->cdb = scsi::Cdb{cdb10(0x28, 0, 1)};
    twin->tag = first.tag;
    twin->expected = {true, 0, 512};
    EXPECT_EQ(host->submit(std::move(twin)).sense_code(), 0x0b4e00U);
    scene.disk->complete_one();
    EXPECT_TRUE(first.was_dropped);
}

TEST(Overlap, IsNoneOnceTheStatusIsOnItsWay) {
    Scene scene;
    const auto host = scene.login();
    host->hold_responses = true;
    Task& first = host->run(cdb10(0x28, 0, 1), 512);
    auto next = std::make_unique<Task>();
    next->cdb = scsi::Cdb{cdb10(0x28, 0, 1)};
    next->tag = first.tag;
    next->expected = {true, 0, 512};
    Task& second = host->submit(std::move(next));
    EXPECT_EQ(second.status, kGood);
    host->retire(first);
    host->retire(second);
}

TEST(Ordering, OrderedTasksWaitForOlderOnesAndHoldNewerOnes) {
    Scene scene;
    const auto host = scene.login();
    scene.disk->pace = testing::Pace::on_request;
    Task& older = host->send(cdb10(0x2a, 0, 1), 0, filled(512, 1));
    Task& ordered = host->send(cdb10(0x2a, 1, 1), 0, filled(512, 2), 0, scsi::TaskAttribute::ordered);
    Task& newer = host->send(cdb10(0x2a, 2, 1), 0, filled(512, 3));
    Task& first = host->send(cdb({0, 0, 0, 0, 0, 0}), 0, {}, 0, scsi::TaskAttribute::head_of_queue);
    EXPECT_TRUE(first.ended);
    EXPECT_EQ(scene.disk->pending(), 1U);
    scene.disk->complete_one();
    EXPECT_TRUE(older.ended);
    EXPECT_EQ(scene.disk->pending(), 1U);
    scene.disk->complete_one();
    EXPECT_TRUE(ordered.ended);
    EXPECT_FALSE(newer.ended);
    scene.disk->complete_one();
    EXPECT_TRUE(newer.ended);
}

TEST(Resize, TellsEveryNexus) {
    Scene scene{{.cores = 2}};
    const auto a = scene.login(0);
    const auto b = scene.login(1);
    scene.disk->resize(4096);
    bool found = false;
    scene.unit->refresh([&](bool ok) { found = ok; });
    scene.world.run();
    EXPECT_TRUE(found);
    EXPECT_EQ(a->next_attention(), 0x062a09U);
    EXPECT_EQ(b->next_attention(), 0x062a09U);
    EXPECT_EQ(b->run(cdb10(0x28, 4095, 1), 512).status, kGood);
}

TEST(LunMap, ChangesWhileNexusesLive) {
    Scene scene{{.cores = 2}};
    const auto a = scene.login(0);
    const auto b = scene.login(1);
    const auto second = scene.add_unit("disk1");
    LunMaps maps = scene.target->latest_maps();
    maps.luns.push_back({.lun = 1, .unit = second});
    scene.target->set_maps(std::make_shared<const LunMaps>(maps));
    scene.world.run();
    EXPECT_EQ(a->next_attention(), 0x063f0eU);
    EXPECT_EQ(a->next_attention(), 0U);
    EXPECT_EQ(a->next_attention(1), 0x062900U);
    EXPECT_EQ(b->run(cdb({0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0}), 64).data_received[3], std::byte{16});
    EXPECT_EQ(b->next_attention(), 0U);  // REPORT LUNS told it

    maps = {};
    static_cast<testing::SimDevice&>(second->device()).pace = testing::Pace::on_request;
    a->clear_attentions(1);
    Task& running = a->send(cdb10(0x2a, 0, 1), 0, filled(512, 1), 1);
    scene.engine.remove_unit(second);
    scene.world.run();
    EXPECT_EQ(a->run(cdb10(0x28, 0, 1), 512, {}, 1).sense_code(), 0x052500U);
    EXPECT_FALSE(running.ended);
    static_cast<testing::SimDevice&>(second->device()).complete_one();
    EXPECT_EQ(running.status, kGood);
    EXPECT_FALSE(running.was_dropped);
    scene.world.run();
    EXPECT_EQ(second.use_count(), 1);
}

TEST(LunMap, ShowsNothingToWhoIsNotLetInAnyMore) {
    Scene scene;
    const auto a = scene.login(0);
    a->clear_attentions();
    LunMaps maps = scene.target->latest_maps();
    maps.initiators.emplace();
    scene.target->set_maps(std::make_shared<const LunMaps>(maps));
    scene.world.run();
    EXPECT_EQ(a->run(cdb10(0x28, 0, 1), 512).sense_code(), 0x052500U);
    EXPECT_EQ(a->run(cdb({0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0}), 64).data_received[3], std::byte{0});
    maps.initiators = {"*"};
    scene.target->set_maps(std::make_shared<const LunMaps>(maps));
    scene.world.run();
    a->clear_attentions();
    EXPECT_EQ(a->run(cdb10(0x28, 0, 1), 512).status, kGood);
}

TEST(Counters, AddUpOverTheCores) {
    Scene scene{{.cores = 3}};
    std::vector<std::unique_ptr<Initiator>> hosts;
    for (std::size_t i = 0; i < 3; ++i) {
        hosts.push_back(scene.login(i));
        hosts.back()->run(cdb10(0x2a, 0, 2), 0, filled(1024, 1));
        hosts.back()->run(cdb10(0x28, 0, 1), 512);
    }
    Counters sum;
    scene.engine.collect(scene.world.core(0), scene.unit, [&](const Counters& c) { sum = c; });
    scene.world.run();
    EXPECT_EQ(sum.reads, 3U);
    EXPECT_EQ(sum.writes, 3U);
    EXPECT_EQ(sum.read_bytes, 1536U);
    EXPECT_EQ(sum.written_bytes, 3072U);
}

}  // namespace
}  // namespace targe::engine
