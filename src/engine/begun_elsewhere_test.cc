// What a restart has interrupted, where the medium is not the one on which it was begun.
#include "engine/atomic_journal.h"
#include "engine/testing/memory_store.h"
#include "engine/testing/scene.h"
#include "scsi/medium_erasure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace targe::engine::testing {
namespace {

constexpr std::uint32_t kManualIntervention = 0x020403U;
constexpr std::uint64_t kLba = 8;

const ByteVector kTestUnitReady = cdb({0, 0, 0, 0, 0, 0});
const ByteVector kRequestSense = cdb({3, 0, 0, 0, 252, 0});
const ByteVector kRead = cdb10(0x28, kLba, 1);
const ByteVector kWrite = cdb10(0x2a, kLba, 1);
const ByteVector kFormat = cdb({0x04, 0, 0, 0, 0, 0});
const ByteVector kErase = cdb({0x48, 0x82, 0, 0, 0, 0, 0, 0, 0, 0});

/// A unit of which work of one kind is kept.
struct BegunElsewhere : ::testing::TestWithParam<Kept> {
    static std::shared_ptr<MemoryStore> keeping(Kept what) {
        auto store = std::make_shared<MemoryStore>();
        store->elsewhere = true;
        if (what == Kept::sanitize) {
            scsi::Erasure erasure;
            erasure.kind = scsi::Erasure::Kind::block_erase;
            store->content[what] = scsi::keep(erasure);
        } else {
            store->content[what] = keep_image(kLba, 512, filled(512, 5));
        }
        return store;
    }
    /// Says whether the medium was to be had.
    bool refresh(Unfinished what) {
        std::optional<bool> found;
        scene.unit->refresh([&](bool is) { found = is; }, what);
        scene.world.advance(std::chrono::seconds{1});
        host->clear_attentions();
        return found.value_or(false);
    }
    std::uint32_t answer(const ByteVector& command, std::uint32_t reads = 0, const ByteVector& data = {}) {
        return host->run(command, reads, data).sense_code();
    }

    std::shared_ptr<MemoryStore> store = keeping(GetParam());
    Scene scene{{.cores = 2, .store = store}};
    std::unique_ptr<Initiator> host = scene.login(1);
    const unsigned after = GetParam() == Kept::sanitize ? 0 : 5;  ///< the work has gone on
};

INSTANTIATE_TEST_SUITE_P(EachWork, BegunElsewhere, ::testing::Values(Kept::sanitize, Kept::atomic_write));

TEST_P(BegunElsewhere, WritesNothingAndSaysThatSomebodyHasToLook) {
    std::ranges::fill(scene.disk->block(kLba), std::byte{9});
    scene.world.advance(std::chrono::seconds{5});
    EXPECT_EQ(answer(kTestUnitReady), kManualIntervention);
    EXPECT_EQ(answer(kRead, 512), kManualIntervention);
    EXPECT_EQ(answer(kWrite, 0, filled(512, 1)), kManualIntervention);
    EXPECT_EQ(answer(cdb16(0x9c, kLba, 1), 0, filled(512, 1)), kManualIntervention) << "WRITE ATOMIC";
    EXPECT_EQ(answer(kFormat), kManualIntervention);
    EXPECT_EQ(answer(kErase), kManualIntervention);
    host->run(kRequestSense, 252);  // POWER ON OCCURRED, which it is still to be told
    const Task& sense = host->run(kRequestSense, 252);
    EXPECT_EQ(sense.data_received[2], std::byte{0x02});
    EXPECT_EQ(sense.data_received[12], std::byte{0x04});
    EXPECT_EQ(sense.data_received[13], std::byte{0x03});
    EXPECT_EQ(host->run(cdb({0x12, 0, 0, 0, 36, 0}), 36).status, 0) << "INQUIRY";
    EXPECT_EQ(host->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    host->clear_attentions();
    EXPECT_EQ(answer(kTestUnitReady), kManualIntervention);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
    EXPECT_TRUE(std::ranges::all_of(scene.disk->block(kLba), [](auto byte) { return byte == std::byte{9}; }));
    EXPECT_FALSE(store->content.at(GetParam()).empty()) << "it is not forgotten";
}

TEST_P(BegunElsewhere, GoesOnWhenTheRightMediumIsBack) {
    std::ranges::fill(scene.disk->block(kLba), std::byte{9});
    EXPECT_TRUE(refresh(Unfinished::compare));
    EXPECT_EQ(answer(kTestUnitReady), kManualIntervention) << "it is not back yet";
    store->right_again = true;
    EXPECT_TRUE(refresh(Unfinished::compare));
    EXPECT_EQ(answer(kTestUnitReady), 0U);
    EXPECT_EQ(host->run(kRead, 512).data_received, filled(512, after));
    EXPECT_EQ(store->content.at(GetParam()), "") << "it has ended";
    store->looked.clear();
    EXPECT_TRUE(refresh(Unfinished::compare));
    EXPECT_TRUE(store->looked.empty()) << "nothing is kept from going on";
}

TEST_P(BegunElsewhere, GoesOnWhereItIsToldTo) {
    EXPECT_TRUE(refresh(Unfinished::is_here));
    EXPECT_EQ(store->looked, std::vector{Unfinished::is_here});
    EXPECT_EQ(answer(kTestUnitReady), 0U);
    EXPECT_EQ(host->run(kRead, 512).data_received, filled(512, after));
    EXPECT_EQ(store->content.at(GetParam()), "");
}

TEST_P(BegunElsewhere, IsGivenUpWhenThatIsAskedFor) {
    std::ranges::fill(scene.disk->block(kLba), std::byte{9});
    EXPECT_TRUE(refresh(Unfinished::drop));
    EXPECT_EQ(answer(kTestUnitReady), 0U);
    EXPECT_EQ(host->run(kRead, 512).data_received, filled(512, 9)) << "nothing was written";
    EXPECT_EQ(scene.disk->writes_begun, 0U);
    EXPECT_EQ(answer(kWrite, 0, filled(512, 1)), 0U);
    EXPECT_EQ(answer(cdb16(0x9c, kLba, 1), 0, filled(512, 2)), 0U);
    EXPECT_EQ(answer(kErase), 0U);
    scene.world.run();  // to its end
}

TEST_P(BegunElsewhere, StaysWhenTheMediumIsNotToBeHad) {
    scene.disk->fail = device::IoError::gone;
    EXPECT_FALSE(refresh(Unfinished::is_here));
    EXPECT_TRUE(store->looked.empty());
    EXPECT_EQ(answer(kTestUnitReady), kManualIntervention);
}

}  // namespace
}  // namespace targe::engine::testing
