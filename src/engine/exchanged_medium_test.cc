// Work that would destroy what is on another medium, when that takes the place of its own in the middle of
// it.
#include "engine/atomic_journal.h"
#include "engine/testing/memory_store.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace targe::engine::testing {
namespace {

constexpr std::uint32_t kManualIntervention = 0x020403U;
constexpr std::uint64_t kLba = 8;
constexpr std::uint64_t kBlocks = 16;

const ByteVector kTestUnitReady = cdb({0, 0, 0, 0, 0, 0});
const ByteVector kWriteAtomic = cdb16(0x9c, kLba, kBlocks);
const ByteVector kWrite = cdb10(0x2a, kLba, kBlocks);
const ByteVector kRead = cdb10(0x28, kLba, kBlocks);

ByteVector blocks_of(unsigned value) {
    return filled(kBlocks * 512, value);
}

struct ExchangedMedium : ::testing::Test {
    /// What is there now is another one, by its marks, or the same again.
    void exchange(bool another) {
        ++scene.disk->present;
        store->elsewhere = another;
    }
    void put(unsigned value) {
        for (std::uint64_t lba = kLba; lba < kLba + kBlocks; ++lba) {
            std::ranges::fill(scene.disk->block(lba), static_cast<std::byte>(value));
        }
    }
    bool has(unsigned value) { return scene.holds(kLba, kBlocks, value); }
    void look_again() {
        scene.unit->refresh({}, Unfinished::compare);
        scene.world.advance(std::chrono::seconds{1});
        host->clear_attentions();
    }

    std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
    Scene scene{{.cores = 2, .store = store}};
    std::unique_ptr<Initiator> host = scene.login(1);
    std::unique_ptr<Initiator> other = scene.login(0);
};

/// Each way to have a medium erased, without IMMED.
struct Erased : ExchangedMedium, ::testing::WithParamInterface<std::uint8_t> {
    static constexpr std::uint8_t kFormat = 0;
    static constexpr std::uint8_t kOverwrite = 1;
    static constexpr std::uint8_t kErase = 2;

    Task& begin() {
        scene.disk->pace = Pace::on_request;
        Task& task = GetParam() == kFormat ? host->send(cdb({0x04, 0, 0, 0, 0, 0}))
                     : GetParam() == kOverwrite
                         ? host->send(cdb({0x48, 0x01, 0, 0, 0, 0, 0, 0, 5, 0}), 0, cdb({2, 0, 0, 1, 7}))
                         : host->send(cdb({0x48, 0x02, 0, 0, 0, 0, 0, 0, 0, 0}));
        scene.world.run();
        EXPECT_EQ(scene.disk->pending(), 1U);
        EXPECT_EQ(scene.disk->pins, 1) << "nothing takes its place in the middle of a write";
        return task;
    }
    /// The first write of it was done to the one before.
    void go_on_with(unsigned content) {
        scene.disk->complete_one();
        put(content);
        scene.complete_all();
        scene.world.advance(std::chrono::seconds{1});
        EXPECT_EQ(scene.disk->pins, 0);
    }
    [[nodiscard]] static unsigned result() { return GetParam() == kOverwrite ? 7 : 0; }
};

INSTANTIATE_TEST_SUITE_P(EachWay, Erased,
                         ::testing::Values(Erased::kFormat, Erased::kOverwrite, Erased::kErase));

TEST_P(Erased, StopsOnAnotherAndGoesOnWhenItsOwnIsBack) {
    const Task& task = begin();
    const std::uint64_t begun = scene.disk->writes_begun;
    exchange(true);
    go_on_with(9);
    EXPECT_EQ(scene.disk->writes_begun, begun);
    EXPECT_EQ(scene.disk->flushes, 0U);
    EXPECT_TRUE(has(9));
    EXPECT_EQ(task.sense_code(), kManualIntervention);
    scene.disk->pace = Pace::at_once;
    for (const ByteVector& each : {kTestUnitReady, kWriteAtomic}) {
        EXPECT_EQ(other->run(each, 0, each == kTestUnitReady ? ByteVector{} : blocks_of(1)).sense_code(),
                  kManualIntervention);
    }
    EXPECT_FALSE(store->content.at(Kept::sanitize).empty()) << "it is not forgotten";
    look_again();
    EXPECT_EQ(host->run(kTestUnitReady).sense_code(), kManualIntervention);
    EXPECT_TRUE(has(9));
    ++scene.disk->present;
    store->right_again = true;
    look_again();
    EXPECT_EQ(host->run(kTestUnitReady).sense_code(), 0U);
    EXPECT_TRUE(has(result()));
    EXPECT_EQ(store->content.at(Kept::sanitize), "");
}

TEST_P(Erased, GoesOnWithItsOwnThatWasAway) {
    const Task& task = begin();
    exchange(false);
    go_on_with(result());
    EXPECT_EQ(task.status, 0);
    EXPECT_EQ(task.sense_code(), 0U);
    EXPECT_TRUE(has(result()));
    EXPECT_EQ(store->looked, std::vector{Unfinished::compare}) << "once";
    EXPECT_EQ(store->content.at(Kept::sanitize), "");
}

TEST_P(Erased, HasFailedWhereNothingTellsWhichItIs) {
    const Task& task = begin();
    store->blind = true;
    exchange(true);
    go_on_with(9);
    EXPECT_EQ(task.sense_code() >> 8U, 0x0331U) << "FORMAT COMMAND FAILED, SANITIZE COMMAND FAILED";
    EXPECT_TRUE(has(9));
    EXPECT_FALSE(store->content.at(Kept::sanitize).empty());
}

/// Of which the first half was written, and what was there could not be put back.
struct HalfWritten : ExchangedMedium {
    HalfWritten() {
        EXPECT_EQ(host->run(kWrite, 0, blocks_of(1)).status, 0);
        scene.disk->torn_bytes = kBlocks / 2 * 512;
        scene.disk->fails = device::IoError::gone;
        EXPECT_NE(host->run(kWriteAtomic, 0, blocks_of(5)).status, 0);
        scene.disk->torn_bytes = 0;
    }
    void is_back(bool another) {
        exchange(another);
        put(another ? 9 : 5);
        scene.disk->fails.reset();
        scene.world.advance(std::chrono::seconds{1});
    }
};

TEST_F(HalfWritten, IsNotPutRightOnAnother) {
    Task& beside = other->send(kRead, kBlocks * 512);
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_FALSE(beside.ended) << "half of it is there";
    is_back(true);
    EXPECT_TRUE(has(9));
    EXPECT_TRUE(beside.ended);
    EXPECT_EQ(host->run(kTestUnitReady).sense_code(), kManualIntervention);
    EXPECT_FALSE(store->content.at(Kept::atomic_write).empty());
    put(3);
    ++scene.disk->present;
    store->right_again = true;
    look_again();
    EXPECT_TRUE(has(5)) << "all of it";
    EXPECT_TRUE(store->content.at(Kept::atomic_write).empty());
    EXPECT_EQ(other->run(kWriteAtomic, 0, blocks_of(6)).status, 0) << "the journal is free";
    EXPECT_TRUE(has(6));
}

TEST_F(HalfWritten, IsPutRightOnItsOwnThatWasAway) {
    is_back(false);
    EXPECT_TRUE(has(1));
    EXPECT_EQ(other->run(kWriteAtomic, 0, blocks_of(6)).status, 0);
    EXPECT_TRUE(has(6));
}

TEST_F(HalfWritten, MayBeErasedOnAnotherByThoseWhoWantThat) {
    scene.world.advance(std::chrono::milliseconds{120});
    exchange(true);
    const Task& erased = host->send(cdb({0x48, 0x02, 0, 0, 0, 0, 0, 0, 0, 0}));
    scene.disk->fails.reset();
    scene.world.run();
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_EQ(erased.status, 0);
    EXPECT_TRUE(has(0));
    EXPECT_EQ(host->run(kTestUnitReady).sense_code(), 0U);
    EXPECT_TRUE(store->content.at(Kept::atomic_write).empty());
}

TEST_F(ExchangedMedium, IsNotWrittenByWhatWasKeptForTheOneBefore) {
    put(9);
    store->on_kept = [this] {
        store->on_kept = {};
        exchange(false);
    };
    EXPECT_NE(host->run(kWriteAtomic, 0, blocks_of(5)).sense_code(), 0U);
    EXPECT_TRUE(has(9));
    EXPECT_TRUE(store->content.at(Kept::atomic_write).empty());
    EXPECT_EQ(host->run(kWriteAtomic, 0, blocks_of(5)).status, 0);
    EXPECT_TRUE(has(5));
}

TEST_F(ExchangedMedium, IsNotWrittenByWhatARestartGoesOnWith) {
    const auto kept = std::make_shared<MemoryStore>();
    kept->content[Kept::atomic_write] = keep_image(kLba, 512, blocks_of(5));
    kept->fails = true;
    Scene again{{.cores = 2, .store = kept}};
    const auto early = again.login(1);
    again.world.advance(std::chrono::seconds{1});
    EXPECT_GT(again.disk->writes_begun, 0U);
    ++again.disk->present;
    kept->elsewhere = true;
    const std::uint64_t written = again.disk->writes_begun;
    again.world.advance(std::chrono::seconds{1});
    EXPECT_EQ(again.disk->writes_begun, written);
    early->clear_attentions();
    EXPECT_EQ(early->run(kTestUnitReady).sense_code(), kManualIntervention);
}

}  // namespace
}  // namespace targe::engine::testing
