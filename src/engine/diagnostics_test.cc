// Self-tests, echo buffers and error history, through the engine.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine::testing {
namespace {

const ByteVector kReadEcho = cdb({0x3c, 0x0a, 0, 0, 0, 0, 0, 2, 0, 0});
const ByteVector kSelfTest = cdb({0x1d, 0x04, 0, 0, 0, 0});
const ByteVector kForegroundShort = cdb({0x1d, 0xa0, 0, 0, 0, 0});
const ByteVector kBackgroundShort = cdb({0x1d, 0x20, 0, 0, 0, 0});
const ByteVector kHistoryDirectory = cdb({0x3c, 0x1c, 0, 0, 0, 0, 0, 1, 0, 0});
const ByteVector kHistoryRecords = cdb({0x3c, 0x1c, 0x10, 0, 0, 0, 0, 1, 0, 0});

TEST(EchoBuffer, GivesEachNexusWhatItWrote) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto other = scene.login(1);
    EXPECT_EQ(one->run(kReadEcho, 512).sense_code(), 0x052c00U);
    const ByteVector sent = cdb({1, 2, 3});
    EXPECT_EQ(one->run(cdb({0x3b, 0x0a, 0, 0, 0, 0, 0, 0, 3, 0}), 0, sent).status, 0);
    EXPECT_EQ(one->run(kReadEcho, 512).data_received, sent);
    EXPECT_EQ(other->run(kReadEcho, 512).sense_code(), 0x052c00U);
    EXPECT_EQ(one->run(cdb({0x3c, 0x0b, 0, 0, 0, 0, 0, 0, 4, 0}), 4).data_received, cdb({0, 0, 2, 0}));
}

TEST(SelfTest, ReadsTheMediumAndSaysWhenItCannot) {
    Scene scene({.cores = 2});
    const auto one = scene.login(1);
    const auto reads = scene.disk->reads;
    EXPECT_EQ(one->run(kSelfTest).status, 0);
    EXPECT_EQ(scene.disk->reads, reads + 3);
    scene.disk->fail = device::IoError::unreadable;
    EXPECT_EQ(one->run(kSelfTest).sense_code(), 0x043e03U);
    EXPECT_TRUE(scene.unit->lane(one->core()).state().self_tests.empty()) << "the default one is in no log";
    scene.world.run();  // the error is on its way to the unit's home
}

TEST(SelfTest, EntersItsResultNewestFirst) {
    Scene scene({.cores = 2});
    const auto one = scene.login(1);
    EXPECT_EQ(one->run(kForegroundShort).status, 0);
    scene.disk->fail = device::IoError::unreadable;
    EXPECT_EQ(one->run(kBackgroundShort).status, 0) << "it is answered before it begins";
    scene.world.run();
    const auto results = scene.unit->lane(scene.world.core(0)).state().self_tests;
    ASSERT_EQ(results.size(), 2U);
    EXPECT_EQ(results[0].code, 1);
    EXPECT_EQ(results[0].ending, scsi::SelfTestResult::Ending::by_failed_segment);
    EXPECT_EQ(results[0].first_failure, 0U);
    EXPECT_EQ(results[1].code, 5);
    EXPECT_EQ(results[1].ending, scsi::SelfTestResult::Ending::well);
}

const ByteVector kBackgroundExtended = cdb({0x1d, 0x40, 0, 0, 0, 0});
const ByteVector kForegroundExtended = cdb({0x1d, 0xc0, 0, 0, 0, 0});
const ByteVector kAbortTest = cdb({0x1d, 0x80, 0, 0, 0, 0});
const ByteVector kRequestSense = cdb({3, 0, 0, 0, 252, 0});
const ByteVector kTestUnitReady = cdb({0, 0, 0, 0, 0, 0});

/// On 3 MiB, of which an extended test reads a piece a millisecond.
struct ExtendedTest : ::testing::Test {
    Scene scene{{.cores = 2, .blocks = 3 * 2048}};
    std::unique_ptr<Initiator> one = scene.login(1);
    std::unique_ptr<Initiator> other = scene.login(0);

    [[nodiscard]] scsi::SelfTestResult newest() const { return scene.unit->home().state().self_tests.at(0); }
    /// Step by step, because each pause begins when the one before has ended.
    void pass(int milliseconds) {
        for (int i = 0; i < milliseconds; ++i) {
            scene.world.advance(std::chrono::milliseconds{1});
        }
    }
};
using Ending = scsi::SelfTestResult::Ending;

TEST_F(ExtendedTest, InTheBackgroundReadsAllAndLetsCommandsPass) {
    EXPECT_EQ(one->run(kBackgroundExtended).status, 0);
    EXPECT_EQ(newest().ending, Ending::in_progress);
    EXPECT_EQ(newest().code, 2);
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
    EXPECT_EQ(other->run(kForegroundShort).sense_code(), 0x020409U) << "one at a time";
    EXPECT_EQ(other->run(kSelfTest).sense_code(), 0x020409U);
    const ByteVector sense = other->run(kRequestSense, 252).data_received;
    EXPECT_EQ(ByteVector(sense.begin() + 12, sense.begin() + 14), cdb({0x04, 0x09}));
    EXPECT_EQ(sense[15], std::byte{0x80});
    EXPECT_EQ(sense[16], std::byte{0x55}) << "a third";
    pass(5);
    EXPECT_EQ(newest().ending, Ending::well);
    EXPECT_EQ(scene.disk->reads, 3U);
    EXPECT_EQ(other->run(kRequestSense, 252).data_received[2], std::byte{0});
    EXPECT_EQ(other->run(kForegroundShort).status, 0);
}

TEST_F(ExtendedTest, FindsTheBlockThatCannotBeRead) {
    EXPECT_EQ(one->run(kBackgroundExtended).status, 0);
    scene.disk->fail = device::IoError::unreadable;
    pass(5);
    EXPECT_EQ(newest().ending, Ending::by_failed_segment);
    EXPECT_EQ(newest().first_failure, 2048U);
    ASSERT_TRUE(newest().sense);
    EXPECT_EQ(newest().sense->asc, scsi::Asc::unrecovered_read_error);
}

TEST_F(ExtendedTest, IsAbortedByACommand) {
    EXPECT_EQ(one->run(kAbortTest).sense_code(), 0x052400U) << "there is none";
    EXPECT_EQ(one->run(kBackgroundExtended).status, 0);
    Task& abort = other->send(kAbortTest);
    pass(3);
    ASSERT_TRUE(abort.ended);
    EXPECT_EQ(abort.status, 0);
    EXPECT_EQ(newest().ending, Ending::aborted_by_command);
    EXPECT_EQ(other->run(kForegroundShort).status, 0);
}

TEST_F(ExtendedTest, IsAbortedByWhatNeedsTheMediumForItself) {
    const ByteVector stop = cdb({0x1b, 0, 0, 0, 0, 0});
    const ByteVector erase = cdb({0x48, 0x82, 0, 0, 0, 0, 0, 0, 0, 0});
    for (const ByteVector& command : {stop, erase}) {
        EXPECT_EQ(one->run(kBackgroundExtended).status, 0);
        EXPECT_EQ(other->run(command).status, 0);
        pass(5);
        EXPECT_EQ(newest().ending, Ending::aborted_otherwise);
    }
    EXPECT_EQ(one->run(kBackgroundExtended).status, 0);
    EXPECT_EQ(other->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    pass(5);
    EXPECT_EQ(newest().ending, Ending::aborted_otherwise);
}

TEST_F(ExtendedTest, InTheForegroundKeepsOthersOut) {
    Task& test = one->send(kForegroundExtended);
    scene.world.run();
    EXPECT_FALSE(test.ended);
    EXPECT_EQ(other->run(kTestUnitReady).sense_code(), 0x020409U);
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).sense_code(), 0x020409U);
    EXPECT_EQ(other->run(cdb({0x12, 0, 0, 0, 36, 0}), 36).status, 0);
    EXPECT_EQ(other->run(cdb({0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0}), 16).status, 0);
    EXPECT_EQ(other->run(kRequestSense, 252).data_received[13], std::byte{0x09});
    pass(5);
    ASSERT_TRUE(test.ended);
    EXPECT_EQ(test.status, 0);
    EXPECT_EQ(newest().ending, Ending::well);
    EXPECT_EQ(newest().code, 6);
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
}

TEST_F(ExtendedTest, InTheForegroundEndsWithItsTask) {
    Task& test = one->send(kForegroundExtended);
    scene.world.run();
    one->begin(TaskFunction::abort_task_set);
    pass(5);
    EXPECT_TRUE(test.was_dropped);
    EXPECT_EQ(newest().ending, Ending::aborted_otherwise);
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
}

TEST(ErrorHistory, RemembersWhatTheMediumDid) {
    Scene scene({.cores = 2});
    const auto one = scene.login(1);
    scene.disk->fail = device::IoError::unreadable;
    EXPECT_EQ(one->run(cdb10(0x28, 7, 1), 512).sense_code(), 0x031100U);
    EXPECT_EQ(one->run(cdb10(0x28, 99999, 1), 512).sense_code(), 0x052100U) << "the initiator's own fault";
    EXPECT_EQ(one->run(kHistoryDirectory, 256).data_received.size(), 48U);
    const ByteVector records = one->run(kHistoryRecords, 256).data_received;
    ASSERT_EQ(records.size(), 24U);
    EXPECT_EQ(records[15], std::byte{7});
    EXPECT_EQ(records[16], std::byte{0x28});
}

TEST(ErrorHistory, IsReleasedWithTheNexusAndByAReset) {
    Scene scene({.cores = 2});
    auto one = scene.login(1);
    const auto other = scene.login(0);
    EXPECT_EQ(one->run(kHistoryDirectory, 256).status, 0);
    EXPECT_EQ(other->run(kHistoryDirectory, 256).sense_code(), 0x050016U);
    EXPECT_EQ(other->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    other->clear_attentions();
    one->clear_attentions();
    EXPECT_EQ(other->run(kHistoryDirectory, 256).status, 0);
    EXPECT_EQ(one->run(cdb({0x3c, 0x1c, 2, 0, 0, 0, 0, 1, 0, 0}), 256).status, 0) << "takes over";
    EXPECT_EQ(other->run(kHistoryDirectory, 256).sense_code(), 0x050016U);
    one->close();
    EXPECT_EQ(other->run(kHistoryDirectory, 256).status, 0);
}

}  // namespace
}  // namespace targe::engine::testing
