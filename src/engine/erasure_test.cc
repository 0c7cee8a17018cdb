// FORMAT UNIT and SANITIZE, and ORWRITE, through the engine.
#include "base/log.h"
#include "engine/testing/memory_store.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace targe::engine::testing {
namespace {

const ByteVector kTestUnitReady = cdb({0, 0, 0, 0, 0, 0});
const ByteVector kRequestSense = cdb({3, 0, 0, 0, 252, 0});
const ByteVector kEraseAtOnce = cdb({0x48, 0x82, 0, 0, 0, 0, 0, 0, 0, 0});
const ByteVector kEraseWithExit = cdb({0x48, 0xa2, 0, 0, 0, 0, 0, 0, 0, 0});
const ByteVector kExitFailureMode = cdb({0x48, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0});
const ByteVector kFormat = cdb({0x04, 0, 0, 0, 0, 0});

struct Erasing : ::testing::Test {
    std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
    Scene scene{{.cores = 2, .store = store}};
    std::unique_ptr<Initiator> host = scene.login(1);
    std::unique_ptr<Initiator> other = scene.login(0);

    void fill(std::uint64_t lba, unsigned value) {
        EXPECT_EQ(host->run(cdb16(0x8a, lba, 1), 0, filled(512, value)).status, 0);
    }
};

TEST_F(Erasing, OverwritesEveryBlockBeforeItAnswers) {
    fill(0, 1);
    Task& task = host->send(cdb({0x48, 0x01, 0, 0, 0, 0, 0, 0, 6, 0}), 0, cdb({0x82, 0, 0, 2, 0x0f, 0xa0}));
    scene.world.advance(std::chrono::seconds{1});
    ASSERT_TRUE(task.ended);
    EXPECT_EQ(task.status, 0);
    EXPECT_EQ(scene.disk->block(0)[0], std::byte{0xf0}) << "the second pass inverts";
    EXPECT_EQ(scene.disk->block(2047)[511], std::byte{0x5f});
    EXPECT_GE(scene.disk->flushes, 2U) << "each pass reaches the medium";
    EXPECT_EQ(store->content.at(Kept::sanitize), "");
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
}

TEST_F(Erasing, GoesOnWhenTheHostWasShortOfSomething) {
    const ByteVector erase = cdb({0x48, 0x02, 0, 0, 0, 0, 0, 0, 0, 0});
    const ByteVector overwrite = cdb({0x48, 0x01, 0, 0, 0, 0, 0, 0, 5, 0});
    for (const bool overwrites : {false, true}) {
        fill(5, 7);
        scene.disk->fail = device::IoError::no_resources;
        Task& task = overwrites ? host->send(overwrite, 0, cdb({0x01, 0, 0, 1, 0x0f})) : host->send(erase);
        scene.world.advance(std::chrono::seconds{1});
        ASSERT_TRUE(task.ended);
        EXPECT_EQ(task.sense_code(), 0U);
        EXPECT_EQ(scene.disk->block(5)[0], overwrites ? std::byte{0x0f} : std::byte{0});
    }
}

TEST_F(Erasing, WaitsForMemory) {
    Task& task = host->send(cdb({0x48, 0x01, 0, 0, 0, 0, 0, 0, 5, 0}), 0, cdb({0x01, 0, 0, 1, 0x0f}));
    scene.world.core(0).pool().set_limit(0);
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_FALSE(task.ended);
    scene.world.core(0).pool().set_limit(std::uint64_t{1} << 30U);
    scene.world.advance(std::chrono::seconds{1});
    ASSERT_TRUE(task.ended);
    EXPECT_EQ(task.sense_code(), 0U);
    EXPECT_EQ(scene.disk->block(5)[0], std::byte{0x0f});
}

TEST_F(Erasing, KeepsTheMediumFromEverybodyMeanwhile) {
    fill(5, 7);
    scene.disk->pace = Pace::on_request;
    EXPECT_EQ(host->run(kEraseAtOnce).status, 0);
    EXPECT_FALSE(store->content.at(Kept::sanitize).empty());
    for (Initiator* const each : {host.get(), other.get()}) {
        EXPECT_EQ(each->run(kTestUnitReady).sense_code(), 0x02041bU);
        EXPECT_EQ(each->run(cdb10(0x28, 0, 1), 512).sense_code(), 0x02041bU);
        EXPECT_EQ(each->run(kEraseAtOnce).sense_code(), 0x02041bU) << "one at a time";
        const Task& sense = each->run(kRequestSense, 252);
        EXPECT_EQ(sense.data_received[2], std::byte{0x02});
        EXPECT_EQ(sense.data_received[15] & std::byte{0x80}, std::byte{0x80}) << "progress";
        EXPECT_EQ(each->run(cdb({0x12, 0, 0, 0, 36, 0}), 36).status, 0);
    }
    EXPECT_EQ(other->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    other->run(kRequestSense, 252);
    EXPECT_EQ(other->run(kTestUnitReady).sense_code(), 0x02041bU) << "a reset does not stop it";
    scene.complete_all();
    host->clear_attentions();
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
    EXPECT_EQ(scene.disk->block(5)[0], std::byte{0});
}

TEST_F(Erasing, EndsWithAnAbortThoughTheErasureGoesOn) {
    scene.disk->pace = Pace::on_request;
    Task& task = host->send(cdb({0x48, 0x02, 0, 0, 0, 0, 0, 0, 0, 0}));
    scene.world.run();
    host->begin(TaskFunction::abort_task, 0, task.tag.value);
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_TRUE(task.was_dropped);
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(other->run(kTestUnitReady).sense_code(), 0x02041bU);
    scene.complete_all();
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
}

TEST_F(Erasing, ThatFailsLeavesTheUnitFailedUntilItSucceeds) {
    scene.disk->fail = device::IoError::unwritable;
    EXPECT_EQ(host->run(kEraseAtOnce).status, 0);
    scene.world.run();
    EXPECT_EQ(other->run(kTestUnitReady).sense_code(), 0x033103U);
    EXPECT_EQ(other->run(kExitFailureMode).sense_code(), 0x052400U) << "AUSE was not set";
    EXPECT_EQ(host->run(kEraseAtOnce).status, 0);
    scene.world.run();
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
}

TEST_F(Erasing, LeavesFailureModeWhereThatWasAllowed) {
    scene.disk->fail = device::IoError::unwritable;
    EXPECT_EQ(host->run(kEraseWithExit).status, 0);
    scene.world.run();
    EXPECT_EQ(other->run(kTestUnitReady).sense_code(), 0x033103U);
    EXPECT_EQ(other->run(kExitFailureMode).status, 0);
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
    EXPECT_EQ(store->content.at(Kept::sanitize), "");
    EXPECT_EQ(other->run(kExitFailureMode).status, 0) << "nothing to leave";
}

TEST_F(Erasing, IsNotDoneAsLongAsARestartWouldRepeatIt) {
    EXPECT_EQ(host->run(kTestUnitReady).status, 0);
    scene.disk->pace = Pace::on_request;
    EXPECT_EQ(host->run(kEraseAtOnce).status, 0);
    store->fails = true;
    scene.complete_all();
    EXPECT_EQ(other->run(kTestUnitReady).sense_code(), 0x033103U);
}

TEST_F(Erasing, LetsNobodyWriteWhatARestartMightEraseThoughItWasRefused) {
    static std::string said;
    base::set_log_sink([](std::string_view line) { said += line; });
    store->fails_once = store->fails_late = true;
    EXPECT_EQ(host->run(kEraseWithExit).sense_code(), 0x044400U);
    base::set_log_sink(nullptr);
    EXPECT_NE(said.find("disk0: an erasure was refused"), std::string::npos) << said;
    EXPECT_EQ(other->run(cdb16(0x8a, 0, 1), 0, filled(512, 1)).sense_code(), 0x033103U);
    EXPECT_EQ(other->run(kExitFailureMode).status, 0);
    EXPECT_EQ(other->run(cdb16(0x8a, 0, 1), 0, filled(512, 1)).status, 0);
    EXPECT_EQ(store->content.at(Kept::sanitize), "");
    store->fails_once = true;
    EXPECT_EQ(host->run(kFormat).sense_code(), 0x044400U);
    EXPECT_EQ(other->run(kTestUnitReady).sense_code(), 0x033101U);
}

TEST_F(Erasing, GoesOnAfterARestart) {
    scene.disk->pace = Pace::on_request;
    EXPECT_EQ(host->run(kEraseAtOnce).status, 0);
    const auto kept = std::make_shared<MemoryStore>();
    kept->content = store->content;
    scene.complete_all();
    Scene again({.store = kept});
    const auto later = again.login(0, true);
    EXPECT_EQ(later->run(kRequestSense, 252).status, 0);
    again.world.run();
    EXPECT_EQ(kept->content.at(Kept::sanitize), "") << "and has ended";
    EXPECT_EQ(later->run(kTestUnitReady).status, 0);
}

TEST_F(Erasing, FormatsAndTellsOfItsOwnFailure) {
    fill(9, 3);
    Task& task = host->send(kFormat);
    scene.world.advance(std::chrono::seconds{1});
    ASSERT_TRUE(task.ended);
    EXPECT_EQ(task.status, 0);
    EXPECT_EQ(scene.disk->block(9)[0], std::byte{0});
    scene.disk->fail = device::IoError::unwritable;
    Task& failing = host->send(kFormat);
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_EQ(failing.sense_code(), 0x033101U);
    EXPECT_EQ(other->run(kTestUnitReady).sense_code(), 0x033101U);
    EXPECT_EQ(other->run(kEraseAtOnce).sense_code(), 0x033101U);
    Task& repaired = host->send(kFormat);
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_EQ(repaired.status, 0);
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
}

TEST(OrWrite, SetsBitsAndClearsNone) {
    Scene scene({.cores = 2});
    const auto host = scene.login(1);
    EXPECT_EQ(host->run(cdb16(0x8a, 3, 2), 0, filled(1024, 0x50)).status, 0);
    EXPECT_EQ(host->run(cdb16(0x8b, 4, 1), 0, filled(512, 0x05)).status, 0);
    EXPECT_EQ(scene.disk->block(3)[0], std::byte{0x50});
    EXPECT_EQ(scene.disk->block(4)[511], std::byte{0x55});
    EXPECT_EQ(host->run(cdb16(0x8b, 2047, 2), 0, filled(1024, 0)).sense_code(), 0x052100U);
    EXPECT_EQ(host->run(cdb16(0x8b, 0, 0)).status, 0);
}

// Bits that several hosts set in one block at the same time are all there afterwards, whatever the order.
TEST(OrWrite, LosesNoBitOfAnother) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        Scene scene({.cores = 2, .seed = seed});
        const auto one = scene.login(0);
        const auto other = scene.login(1);
        scene.disk->pace = Pace::by_seed;
        for (unsigned bit = 0; bit < 8; ++bit) {
            Initiator& host = bit % 2 == 0 ? *one : *other;
            host.send(cdb16(0x8b, 7, 1), 0, filled(512, 1U << bit));
        }
        scene.world.run();
        ASSERT_EQ(scene.disk->block(7)[100], std::byte{0xff});
    }
}

}  // namespace
}  // namespace targe::engine::testing
