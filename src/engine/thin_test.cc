// Thin provisioning through the engine: anchored blocks, how full the store is, and what is told of it.
#include "engine/testing/memory_store.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <chrono>

namespace targe::engine::testing {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint32_t kThresholdReached = 0x063807;
constexpr std::uint32_t kNoSpace = 0x072707;

constexpr device::Capabilities kCan{
    .unmap = true, .unmapped_reads_zero = true, .block_status = true, .anchor = true, .fill = true};

/// A thin unit that counts its resources and can anchor.
struct Thin : ::testing::Test {
    explicit Thin(std::size_t cores = 1)
        : scene{{.cores = cores, .store = store, .can = kCan}}, host{scene.login(cores - 1)} {}
    /// MODE SELECT of the Logical Block Provisioning page, with one enabled threshold.
    Task& set_threshold(std::size_t place, std::uint8_t count, bool save = false) {
        ByteVector list(4);
        ByteVector page = cdb({0x5c, 0x02, 0, 44});
        page.resize(48);
        for (std::size_t i = 0; i < 4; ++i) {
            page[16 + 8 * i] = i < 2 ? std::byte{0} : std::byte{1};
            page[17 + 8 * i] = i < 2 ? std::byte{1} : std::byte{2};
        }
        page[16 + 8 * place] |= std::byte{0x80};
        page[16 + 8 * place + 7] = std::byte{count};
        list.insert(list.end(), page.begin(), page.end());
        return host->run(cdb({0x15, save ? 0x11U : 0x10U, 0, 0, 52, 0}), 0, list);
    }
    Task& log_page() { return host->run(cdb({0x4d, 0, 0x4c, 0, 0, 0, 0, 1, 0, 0}), 256); }
    /// A look is asked for at most once a second, by the end of a command.
    void let_it_look() {
        scene.world.advance(std::chrono::seconds{1});
        host->run(cdb({0, 0, 0, 0, 0, 0}));
        scene.world.run();
    }

    std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
    Scene scene;
    std::unique_ptr<Initiator> host;
};

TEST_F(Thin, AnchorsByUnmapAndByWriteSame) {
    host->run(cdb16(0x8a, 0, 64), 0, filled(64 * 512, 1));
    const ByteVector list = cdb({0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 0});
    EXPECT_EQ(host->run(cdb({0x42, 1, 0, 0, 0, 0, 0, 0, 24, 0}), 0, list).status, 0);
    EXPECT_EQ(host->run(cdb({0x93, 0x19, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 8, 0, 0})).status, 0);
    EXPECT_EQ(host->run(cdb({0x41, 0x18, 0, 0, 0, 24, 0, 0, 8, 0}), 0, filled(512, 0)).status, 0);
    EXPECT_EQ(scene.disk->block(8)[0], std::byte{0});
    EXPECT_EQ(scene.disk->block(31)[511], std::byte{0});
    const Task& status = host->run(cdb({0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0}), 64);
    ASSERT_GE(status.data_received.size(), 56U);
    EXPECT_EQ(status.data_received[20], std::byte{0}) << "0 to 7 are mapped";
    EXPECT_EQ(status.data_received[8 + 16 + 7], std::byte{8});
    EXPECT_EQ(status.data_received[8 + 16 + 11], std::byte{24});
    EXPECT_EQ(status.data_received[8 + 16 + 12], std::byte{2}) << "8 to 31 are anchored";
    EXPECT_EQ(status.data_received[8 + 32 + 12], std::byte{0});
}

TEST_F(Thin, FindsNoSpaceToAnchor) {
    scene.disk->fail = device::IoError::no_space;
    EXPECT_EQ(host->run(cdb({0x93, 0x19, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 8, 0, 0})).sense_code(), kNoSpace);
}

TEST_F(Thin, AnchorsOnlyWhatItUnmapsAndWhereTheStoreCan) {
    EXPECT_EQ(host->run(cdb({0x93, 0x11, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 8, 0, 0})).sense_code(), 0x052400U)
        << "ANCHOR without UNMAP";
    scene.disk->can.anchor = false;
    scene.unit->refresh({});
    scene.world.run();
    EXPECT_EQ(host->run(cdb({0x93, 0x19, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 8, 0, 0})).sense_code(),
              0x052400U);
    EXPECT_EQ(host->run(cdb({0x42, 1, 0, 0, 0, 0, 0, 0, 0, 0})).sense_code(), 0x052400U);
    EXPECT_EQ(host->run(cdb({0x12, 1, 0xb2, 0, 64, 0}), 64).data_received[5], std::byte{0xe4});
}

TEST_F(Thin, TellsHowFullItsStoreIs) {
    scene.disk->filled = {.used_bytes = 3 * kMiB, .available_bytes = 5 * kMiB, .shared = true};
    const Task& task = log_page();
    EXPECT_EQ(task.data_received,
              cdb({0x8c, 0, 0, 24, 0, 1, 3, 8, 0, 0, 0, 5, 2, 0, 0, 0, 0, 2, 3, 8, 0, 0, 0, 3, 2, 0, 0, 0}));
    EXPECT_EQ(scene.disk->fills, 1U);
    host->run(cdb({0x4d, 0, 0x59, 0, 0, 0, 0, 1, 0, 0}), 256);
    EXPECT_EQ(scene.disk->fills, 1U) << "nothing is looked at for another page";
}

TEST_F(Thin, TellsEveryNexusOnceThatAThresholdWasReached) {
    const auto other = scene.login();
    ASSERT_EQ(set_threshold(0, 10).status, 0);
    other->clear_attentions();
    let_it_look();
    EXPECT_EQ(host->next_attention(), 0U);
    scene.disk->filled.available_bytes = 9 * kMiB;
    let_it_look();
    for (Initiator* const each : {host.get(), other.get()}) {
        EXPECT_EQ(each->next_attention(), kThresholdReached);
        EXPECT_EQ(each->next_attention(), 0U);
    }
    let_it_look();
    EXPECT_EQ(host->next_attention(), 0U) << "it is not armed until there is space again";
    scene.disk->filled.available_bytes = 20 * kMiB;
    let_it_look();
    scene.disk->filled.available_bytes = 8 * kMiB;
    let_it_look();
    EXPECT_EQ(host->next_attention(), kThresholdReached);
}

TEST_F(Thin, LooksNoMoreThanOnceASecondAndNotAtAllWithoutThresholds) {
    for (int i = 0; i < 100; ++i) {
        host->run(cdb16(0x8a, 0, 1), 0, filled(512, 1));
        scene.world.advance(std::chrono::milliseconds{100});
    }
    EXPECT_EQ(scene.disk->fills, 0U);
    ASSERT_EQ(set_threshold(2, 10).status, 0);
    for (int i = 0; i < 100; ++i) {
        host->run(cdb16(0x8a, 0, 1), 0, filled(512, 1));
        scene.world.advance(std::chrono::milliseconds{100});
    }
    EXPECT_GE(scene.disk->fills, 10U);
    EXPECT_LE(scene.disk->fills, 11U);
}

TEST_F(Thin, LooksWhenAWriteFoundNoSpace) {
    ASSERT_EQ(set_threshold(2, 10).status, 0);
    let_it_look();
    const std::uint64_t looks = scene.disk->fills;
    scene.disk->filled = {.used_bytes = 11 * kMiB, .available_bytes = 0, .shared = true};
    scene.disk->fail = device::IoError::no_space;
    EXPECT_EQ(host->run(cdb16(0x8a, 0, 1), 0, filled(512, 1)).sense_code(), kNoSpace);
    scene.world.run();
    EXPECT_EQ(scene.disk->fills, looks + 1);
    EXPECT_EQ(host->next_attention(), kThresholdReached);
}

TEST_F(Thin, GoesOnWhenThereIsSpaceAgain) {
    host->run(cdb16(0x8a, 4, 1), 0, filled(512, 7));
    for (int i = 0; i < 3; ++i) {
        scene.disk->fail = device::IoError::no_space;
        EXPECT_EQ(host->run(cdb16(0x8a, 0, 1), 0, filled(512, 1)).sense_code(), kNoSpace);
        EXPECT_EQ(host->run(cdb16(0x88, 4, 1), 512).data_received, filled(512, 7)) << "reads go on";
    }
    EXPECT_EQ(host->run(cdb16(0x8a, 0, 1), 0, filled(512, 1)).status, 0);
    EXPECT_EQ(scene.disk->block(0)[0], std::byte{1});
}

TEST_F(Thin, SavesThresholds) {
    ASSERT_EQ(set_threshold(3, 200, true).status, 0);
    EXPECT_NE(store->content.at(Kept::mode_pages).find("28.2.47.7=200\n"), std::string::npos)
        << store->content.at(Kept::mode_pages);
    EXPECT_EQ(host->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    host->clear_attentions();
    const Task& saved = host->run(cdb({0x1a, 8, 0x1c, 2, 255, 0}), 255);
    EXPECT_EQ(saved.data_received[4 + 47], std::byte{200});
}

TEST(ThinOnTwoCores, TellsNexusesOfEveryCore) {
    struct OnTwo : Thin {
        OnTwo() : Thin(2) {}
        void TestBody() override {}
    } thin;
    const auto other = thin.scene.login(0);
    ASSERT_EQ(thin.set_threshold(2, 10).status, 0);
    other->clear_attentions();
    thin.scene.world.run();  // a look is under way
    thin.scene.disk->filled.used_bytes = 11 * kMiB;
    thin.let_it_look();
    EXPECT_EQ(thin.host->next_attention(), kThresholdReached);
    EXPECT_EQ(other->next_attention(), kThresholdReached);
}

TEST(ThinAtStart, TakesThresholdsFromTheConfiguration) {
    Scene scene;
    UnitSettings settings;
    settings.name = "configured";
    auto disk = std::make_unique<SimDevice>(scene.world, 2048, 512);
    disk->can.fill = true;
    settings.device = std::move(disk);
    settings.threshold_available_bytes = 30 * kMiB;
    settings.threshold_used_bytes = 40 * kMiB;
    const auto unit = scene.engine.add_unit(std::move(settings));
    const scsi::ModePages& pages = unit->home().state().default_pages;
    EXPECT_TRUE(pages.threshold_reports);
    EXPECT_EQ(pages.thresholds[0], (scsi::Threshold{.enabled = true, .count = 30}));
    EXPECT_EQ(pages.thresholds[1], scsi::Threshold{});
    EXPECT_EQ(pages.thresholds[2], (scsi::Threshold{.enabled = true, .count = 40}));
}

}  // namespace
}  // namespace targe::engine::testing
