// Log pages through the engine: what is counted and measured, and what initiators keep there.
#include "engine/testing/memory_store.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine::testing {
namespace {

const ByteVector kTestUnitReady = cdb({0, 0, 0, 0, 0, 0});
const ByteVector kResetAll = cdb({0x4c, 0x02, 0x40, 0, 0, 0, 0, 0, 0, 0});

ByteVector log_sense(unsigned page, unsigned subpage = 0, unsigned save = 0) {
    return cdb({0x4d, save, 0x40U | page, subpage, 0, 0, 0, 0x50, 0, 0});
}

ByteVector log_page(Initiator& initiator, unsigned page, unsigned subpage = 0) {
    return initiator.run(log_sense(page, subpage), 0x5000).data_received;
}

std::uint64_t number_at(const ByteVector& data, std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + 8; ++i) {
        value = value << 8U | std::to_integer<std::uint64_t>(data.at(i));
    }
    return value;
}

// Where the numbers of page 19h are; those of a group's page have the same places, as far as they go.
constexpr std::size_t kReads = 8;
constexpr std::size_t kWrites = 16;
constexpr std::size_t kBlocksReceived = 24;
constexpr std::size_t kBlocksTransmitted = 32;
constexpr std::size_t kReadTime = 40;
constexpr std::size_t kWriteTime = 48;
constexpr std::size_t kWeight = 56;
constexpr std::size_t kWeightedTime = 64;
constexpr std::size_t kIdleTime = 76;
constexpr std::size_t kFuaWrites = 108;

TEST(Statistics, CountOverAllCoresUntilTheyAreReset) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto other = scene.login(1);
    one->run(cdb10(0x28, 0, 3), 1536);
    other->run(cdb10(0x2a, 0, 2), 0, filled(1024, 1));
    ByteVector durable = cdb10(0x2a, 0, 1);
    durable[1] = std::byte{0x08};  // FUA
    other->run(durable, 0, filled(512, 1));
    other->run(cdb10(0x28, 99999, 1), 512);
    const ByteVector page = log_page(*one, 0x19);
    ASSERT_EQ(page.size(), 164U);
    EXPECT_EQ(number_at(page, kReads), 2U) << "also one that names no blocks of the medium";
    EXPECT_EQ(number_at(page, kWrites), 2U);
    EXPECT_EQ(number_at(page, kBlocksReceived), 3U);
    EXPECT_EQ(number_at(page, kBlocksTransmitted), 3U);
    EXPECT_EQ(number_at(page, kFuaWrites), 1U);
    EXPECT_EQ(one->run(kResetAll).status, 0);
    EXPECT_EQ(one->next_attention(), 0U);
    EXPECT_EQ(other->next_attention(), 0x062a02U);
    const ByteVector anew = log_page(*other, 0x19);
    for (const std::size_t number : {kReads, kWrites, kBlocksReceived, kBlocksTransmitted, kWeight}) {
        EXPECT_EQ(number_at(anew, number), 0U);
    }
}

TEST(Statistics, MeasureTheTimeOfCommandsAndBetweenThem) {
    using std::chrono::milliseconds;
    Scene scene;
    const auto one = scene.login();
    one->run(kResetAll);
    scene.disk->pace = Pace::on_request;
    scene.world.advance(milliseconds{7});
    one->send(cdb10(0x28, 0, 1), 512);
    scene.world.advance(milliseconds{5});
    one->send(cdb10(0x2a, 8, 1), 0, filled(512, 1));
    scene.world.advance(milliseconds{2});
    while (scene.disk->pending() > 0) {
        scene.disk->complete_one();
        scene.world.run();
    }
    scene.world.advance(milliseconds{4});
    const ByteVector page = log_page(*one, 0x19);
    EXPECT_EQ(number_at(page, kReadTime), 7000U);
    EXPECT_EQ(number_at(page, kWriteTime), 2000U);
    EXPECT_EQ(number_at(page, kIdleTime), 11000U) << "before them, and after them";
    EXPECT_EQ(number_at(page, kWeight), 2 * 360360U / 7);
    EXPECT_EQ(number_at(page, kWeightedTime), 9000 * (360360U / 7));
}

TEST(Statistics, TakeTheIdleTimeOfTheLeastIdleCore) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto other = scene.login(1);
    one->run(kResetAll);
    other->clear_attentions();
    scene.disk->pace = Pace::on_request;
    Task& read = other->send(cdb10(0x28, 0, 1), 512);
    scene.world.advance(std::chrono::milliseconds{5});
    scene.disk->complete_one();
    scene.world.run();
    ASSERT_TRUE(read.ended);
    scene.world.advance(std::chrono::milliseconds{3});
    EXPECT_EQ(number_at(log_page(*one, 0x19), kIdleTime), 3000U);
}

TEST(Statistics, WeighCommandsByThePriorityOfTheirNexus) {
    Scene scene;
    const auto one = scene.login();
    EXPECT_EQ(one->run(cdb({0xa4, 0x0e, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}), 0, cdb({3})).status, 0);
    one->run(cdb10(0x28, 0, 1), 512);
    EXPECT_EQ(number_at(log_page(*one, 0x19), kWeight), 360360U / 3);
}

TEST(Statistics, AreKeptForEachGroup) {
    Scene scene({.cores = 2});
    const auto one = scene.login(1);
    ByteVector read = cdb10(0x28, 0, 2);
    read[6] = std::byte{31};
    one->run(read, 1024);
    ByteVector write = cdb16(0x8a, 0, 1);
    write[14] = std::byte{1};
    one->run(write, 0, filled(512, 1));
    one->run(cdb10(0x28, 0, 1), 512);
    EXPECT_EQ(number_at(log_page(*one, 0x19), kReads), 2U);
    EXPECT_EQ(number_at(log_page(*one, 0x19, 31), kReads), 1U);
    EXPECT_EQ(number_at(log_page(*one, 0x19, 31), kBlocksTransmitted), 2U);
    EXPECT_EQ(number_at(log_page(*one, 0x19, 31), kWrites), 0U);
    EXPECT_EQ(number_at(log_page(*one, 0x19, 1), kBlocksReceived), 1U);
    EXPECT_EQ(number_at(log_page(*one, 0x19, 2), kReads), 0U);
    EXPECT_EQ(one->run(cdb({0x4c, 0x02, 0x59, 31, 0, 0, 0, 0, 0, 0})).status, 0);
    EXPECT_EQ(number_at(log_page(*one, 0x19, 31), kReads), 0U);
    EXPECT_EQ(number_at(log_page(*one, 0x19, 1), kWrites), 1U);
    EXPECT_EQ(number_at(log_page(*one, 0x19), kReads), 2U);
}

TEST(SelfTestLog, TellsOfTestsUntilItIsReset) {
    Scene scene({.cores = 2});
    const auto one = scene.login(1);
    one->run(cdb({0x1d, 0xa0, 0, 0, 0, 0}));
    const ByteVector page = log_page(*one, 0x10);
    ASSERT_EQ(page.size(), 4U + 20 * 20);
    EXPECT_EQ(page[8], std::byte{0xa0});
    EXPECT_EQ(page[28], std::byte{0x00}) << "there was one only";
    EXPECT_EQ(one->run(cdb({0x4c, 0x02, 0x50, 0, 0, 0, 0, 0, 0, 0})).status, 0);
    EXPECT_EQ(log_page(*one, 0x10)[8], std::byte{0});
}

/// LOG SELECT of Application Client parameter 3, all bytes `value`.
ByteVector note(unsigned value) {
    ByteVector list = cdb({0x0f, 0, 1, 0, 0, 3, 0x23, 252});
    list.insert(list.end(), 252, static_cast<std::byte>(value));
    return list;
}
ByteVector log_select(unsigned flags) {
    return cdb({0x4c, flags, 0x40, 0, 0, 0, 0, 1, 4, 0});
}
std::byte noted(Initiator& initiator) {
    return log_page(initiator, 0x0f).at(4 + 3 * 256 + 4);
}

struct ApplicationLog : ::testing::Test {
    std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
};

TEST_F(ApplicationLog, IsTheSameForEverybodyWhoIsToldOfChanges) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto other = scene.login(1);
    EXPECT_EQ(one->run(log_select(0), 0, note(7)).status, 0);
    EXPECT_EQ(one->next_attention(), 0U);
    EXPECT_EQ(other->next_attention(), 0x062a02U);
    EXPECT_EQ(noted(*other), std::byte{7});
    EXPECT_EQ(other->run(log_select(0), 0, note(7)).status, 0);
    EXPECT_EQ(one->next_attention(), 0U) << "nothing changed";
    EXPECT_EQ(one->run(log_select(1), 0, note(8)).sense_code(), 0x052400U) << "there is nowhere to keep it";
    EXPECT_EQ(noted(*one), std::byte{7});
}

TEST_F(ApplicationLog, ThatIsSavedOutlivesTheProcessAndComesBackWithAReset) {
    {
        Scene scene({.cores = 2, .store = store});
        const auto one = scene.login(1);
        EXPECT_EQ(one->run(log_select(1), 0, note(7)).status, 0);
        EXPECT_EQ(store->keeps, 1);
        EXPECT_EQ(one->run(log_select(0), 0, note(8)).status, 0);
        EXPECT_EQ(store->keeps, 1);
        EXPECT_EQ(noted(*one), std::byte{8});
        EXPECT_EQ(one->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
        one->clear_attentions();
        EXPECT_EQ(noted(*one), std::byte{7});
        EXPECT_EQ(one->run(log_select(0), 0, note(9)).status, 0);
        EXPECT_EQ(one->run(log_sense(0x00, 0, 1), 0x5000).status, 0) << "SP saves, whatever the page";
        EXPECT_EQ(store->keeps, 2);
    }
    Scene scene({.store = store});
    const auto later = scene.login();
    EXPECT_EQ(noted(*later), std::byte{9});
    EXPECT_EQ(log_page(*later, 0x0f).at(0), std::byte{0x0f}) << "DS is clear";
}

TEST_F(ApplicationLog, ThatCannotBeKeptDoesNotChange) {
    Scene scene({.store = store});
    const auto one = scene.login();
    const auto other = scene.login();
    store->fails = true;
    EXPECT_EQ(one->run(log_select(1), 0, note(7)).sense_code(), 0x044400U);
    EXPECT_EQ(noted(*one), std::byte{0});
    EXPECT_EQ(other->next_attention(), 0U);
}

TEST_F(ApplicationLog, OfAnotherReleaseOrDamagedIsEmpty) {
    store->content[Kept::log_parameters] = "damaged";
    Scene scene({.store = store});
    const auto one = scene.login();
    EXPECT_EQ(noted(*one), std::byte{0});
}

TEST_F(ApplicationLog, CountsHowOftenAMediumWasUnloaded) {
    const ByteVector eject = cdb({0x1b, 0, 0, 0, 2, 0});
    const ByteVector load = cdb({0x1b, 0, 0, 0, 3, 0});
    {
        Scene scene({.removable = true, .store = store});
        const auto one = scene.login();
        EXPECT_EQ(one->run(eject).status, 0);
        EXPECT_EQ(one->run(eject).status, 0) << "it is out already";
        EXPECT_EQ(one->run(load).status, 0);
        store->fails = true;
        EXPECT_EQ(one->run(eject).status, 0) << "a count that cannot be kept is no reason to refuse";
    }
    store->fails = false;
    Scene scene({.removable = true, .store = store});
    const auto later = scene.login();
    const ByteVector page = log_page(*later, 0x0e);
    ASSERT_EQ(page.size(), 22U);
    EXPECT_EQ(ByteVector(page.begin() + 14, page.end()), cdb({0, 6, 3, 4, 0, 0, 0, 1}));
    Scene fixed({.store = std::make_shared<MemoryStore>()});
    EXPECT_EQ(log_page(*fixed.login(), 0x0e).size(), 14U);
}

}  // namespace
}  // namespace targe::engine::testing
