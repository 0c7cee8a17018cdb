#include "scsi/unit_attention.h"

#include <gtest/gtest.h>

#include <vector>

namespace targe::scsi {
namespace {

constexpr Asc kReset = Asc::power_on_reset_or_bus_device_reset_occurred;
constexpr Asc kUnitReset = Asc::bus_device_reset_function_occurred;
constexpr Asc kNexusLoss = Asc::i_t_nexus_loss_occurred;
constexpr Asc kMode = Asc::mode_parameters_changed;
constexpr Asc kCapacity = Asc::capacity_data_has_changed;
constexpr Asc kInquiry = Asc::inquiry_data_has_changed;
constexpr Asc kInventory = Asc::reported_luns_data_has_changed;

std::vector<Asc> drain(UnitAttentionQueue& queue, InventoryAttention& inventory) {
    std::vector<Asc> all;
    while (const auto next = queue.take(inventory)) {
        all.push_back(*next);
    }
    return all;
}

std::vector<Asc> drain(UnitAttentionQueue& queue) {
    InventoryAttention none;
    return drain(queue, none);
}

TEST(UnitAttention, ComesOutInTheOrderInWhichItWasRaised) {
    UnitAttentionQueue queue;
    queue.raise(kReset);
    queue.raise(kMode);
    queue.raise(kCapacity);
    EXPECT_EQ(drain(queue), (std::vector{kReset, kMode, kCapacity}));
    EXPECT_TRUE(queue.empty());
}

TEST(UnitAttention, IsNotQueuedTwice) {
    UnitAttentionQueue queue;
    queue.raise(kMode);
    queue.raise(kCapacity);
    queue.raise(kMode);
    EXPECT_EQ(drain(queue), (std::vector{kMode, kCapacity}));
    queue.raise(kMode);
    EXPECT_EQ(drain(queue), (std::vector{kMode}));
}

TEST(UnitAttention, PeekingTakesNothingOut) {
    UnitAttentionQueue queue;
    const InventoryAttention inventory;
    EXPECT_EQ(queue.peek(inventory), std::nullopt);
    queue.raise(kMode);
    EXPECT_EQ(queue.peek(inventory), kMode);
    EXPECT_EQ(queue.peek(inventory), kMode);
}

TEST(UnitAttention, OfNexusLossGoesToTheHead) {
    UnitAttentionQueue queue;
    queue.raise(kMode);
    queue.raise_first(kNexusLoss);
    EXPECT_EQ(drain(queue), (std::vector{kNexusLoss, kMode}));
}

TEST(UnitAttention, OfAResetCoversWeakerOnesInTheirPlace) {
    UnitAttentionQueue queue;
    queue.raise(kMode);
    queue.raise(kNexusLoss);
    queue.raise(kUnitReset);
    queue.raise(kCapacity);
    EXPECT_EQ(drain(queue), (std::vector{kMode, kUnitReset, kCapacity}));
    queue.raise(kReset);
    queue.raise(kUnitReset);
    queue.raise_first(kNexusLoss);
    EXPECT_EQ(drain(queue), (std::vector{kReset}));
}

TEST(UnitAttention, OfNexusLossBringsTheResetThatCoversItToTheHead) {
    UnitAttentionQueue queue;
    queue.raise(kMode);
    queue.raise(kReset);
    queue.raise_first(kNexusLoss);
    EXPECT_EQ(drain(queue), (std::vector{kReset, kMode}));
}

TEST(UnitAttention, ThatWasNotDeliveredIsNext) {
    UnitAttentionQueue queue;
    InventoryAttention inventory;
    queue.raise(kMode);
    queue.raise(kCapacity);
    const auto lost = queue.take(inventory);
    ASSERT_EQ(lost, kMode);
    queue.raise(kInquiry);
    queue.undelivered(*lost, inventory);
    EXPECT_EQ(drain(queue), (std::vector{kMode, kCapacity, kInquiry}));
}

TEST(UnitAttention, OfInventoryIsReportedOnceForTheNexus) {
    UnitAttentionQueue disk0;
    UnitAttentionQueue disk1;
    InventoryAttention inventory;
    inventory.raise();
    inventory.raise();
    disk0.raise(kMode);
    EXPECT_EQ(drain(disk0, inventory), (std::vector{kMode, kInventory}));
    EXPECT_EQ(disk1.peek(inventory), std::nullopt);
}

TEST(UnitAttention, OfInventoryThatWasNotDeliveredWaitsForAnyUnit) {
    UnitAttentionQueue disk0;
    UnitAttentionQueue disk1;
    InventoryAttention inventory;
    inventory.raise();
    ASSERT_EQ(disk0.take(inventory), kInventory);
    disk0.undelivered(kInventory, inventory);
    EXPECT_EQ(disk1.take(inventory), kInventory);
}

TEST(UnitAttention, OfInventoryIsClearedByReportLuns) {
    UnitAttentionQueue queue;
    InventoryAttention inventory;
    inventory.raise();
    inventory.clear();
    EXPECT_EQ(queue.take(inventory), std::nullopt);
}

TEST(UnitAttention, OverflowBecomesOneReset) {
    UnitAttentionQueue queue;
    for (std::size_t i = 0; i < UnitAttentionQueue::kCapacity; ++i) {
        queue.raise(static_cast<Asc>(0x2a10 + i));
    }
    EXPECT_EQ(queue.size(), UnitAttentionQueue::kCapacity);
    queue.raise(kMode);
    queue.raise(kCapacity);
    EXPECT_EQ(drain(queue), (std::vector{kReset, kCapacity}));
}

}  // namespace
}  // namespace targe::scsi
