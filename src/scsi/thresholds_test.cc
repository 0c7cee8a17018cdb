#include "scsi/thresholds.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <vector>

namespace targe::scsi {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

UnitDescription unit_of(std::uint64_t blocks, std::uint32_t block_size) {
    UnitDescription unit = testing::thin_disk();
    unit.blocks = blocks;
    unit.block_size = block_size;
    unit.provisioning.threshold_exponent = threshold_exponent(blocks, block_size);
    return unit;
}

TEST(Thresholds, AreCountedInSetsOfAMebibyteOrMore) {
    EXPECT_EQ(threshold_exponent(2048, 512), 11);
    EXPECT_EQ(threshold_exponent(1, 4096), 8);
    EXPECT_EQ(threshold_set_bytes(unit_of(2048, 512)), kMiB);
    EXPECT_EQ(threshold_set_bytes(unit_of(2048, 4096)), kMiB);
    // CAPACITY over the set size must be less than 2^32, [SBC-3 r36].
    for (const unsigned bits : {40U, 43U, 44U, 50U, 62U}) {
        for (const std::uint64_t blocks : {std::uint64_t{1} << bits, (std::uint64_t{1} << bits) - 1}) {
            EXPECT_LT(blocks >> threshold_exponent(blocks, 512), std::uint64_t{1} << 32U) << bits;
        }
    }
}

TEST(Thresholds, CountNoMoreThanFits) {
    const UnitDescription unit = unit_of(2048, 512);
    EXPECT_EQ(threshold_sets(3 * kMiB + 5, unit), 3U);
    EXPECT_EQ(threshold_sets(~std::uint64_t{0}, unit), 0xffff'ffffU);
}

/// What a threshold makes of a resource that changes.
std::vector<bool> reached(ThresholdResource resource, std::uint32_t count,
                          const std::vector<std::uint64_t>& mebibytes) {
    const UnitDescription unit = unit_of(1U << 20U, 512);
    ModePages pages{.threshold_reports = true};
    for (std::size_t i = 0; i < kThresholds.size(); ++i) {
        if (kThresholds.at(i) == resource) {
            pages.thresholds.at(i) = {.enabled = true, .count = count};
            break;
        }
    }
    EXPECT_TRUE(watches_thresholds(unit, pages));
    ThresholdWatch watch;
    std::vector<bool> told;
    for (const std::uint64_t now : mebibytes) {
        const bool is_available = resource == ThresholdResource::available;
        told.push_back(watch.reached(unit, pages,
                                     {.available = is_available ? now * kMiB : 0,
                                      .used = is_available ? ~std::uint64_t{0} : now * kMiB}));
    }
    return told;
}

using Told = std::vector<bool>;

TEST(Thresholds, OfWhatIsAvailableAreReachedFromAboveAndArmedAgainThere) {
    EXPECT_EQ(reached(ThresholdResource::available, 10, {30, 11, 10, 9, 8, 10, 9, 11, 10, 9, 3}),
              (Told{false, false, false, true, false, false, false, false, false, true, false}));
}

TEST(Thresholds, OfWhatIsUsedAreReachedFromBelowAndArmedAgainThere) {
    EXPECT_EQ(reached(ThresholdResource::used, 10, {3, 9, 10, 11, 12, 10, 11, 9, 10, 11, 40}),
              (Told{false, false, false, true, false, false, false, false, false, true, false}));
}

TEST(Thresholds, ThatAreReachedAlreadyWhenTheyAreSetAreToldOf) {
    EXPECT_EQ(reached(ThresholdResource::available, 10, {5, 5}), (Told{true, false}));
    EXPECT_EQ(reached(ThresholdResource::used, 10, {50, 50}), (Told{true, false}));
    EXPECT_EQ(reached(ThresholdResource::available, 0, {1, 0, 0}), (Told{false, true, false}));
    EXPECT_EQ(reached(ThresholdResource::used, 0xffff'ffff, {1}), (Told{false}));
}

TEST(Thresholds, AreArmedWhenTheyAreAltered) {
    const UnitDescription unit = unit_of(1U << 20U, 512);
    ModePages pages{.threshold_reports = true};
    pages.thresholds[1] = {.enabled = true, .count = 10};
    ThresholdWatch watch;
    EXPECT_TRUE(watch.reached(unit, pages, {.available = 5 * kMiB}));
    pages.thresholds[1].count = 7;
    EXPECT_TRUE(watch.reached(unit, pages, {.available = 5 * kMiB}));
    EXPECT_FALSE(watch.reached(unit, pages, {.available = 5 * kMiB}));
    pages.thresholds[1].enabled = false;
    EXPECT_FALSE(watch.reached(unit, pages, {.available = 5 * kMiB}));
    pages.thresholds[1].enabled = true;
    EXPECT_TRUE(watch.reached(unit, pages, {.available = 5 * kMiB}));
}

TEST(Thresholds, AreNotWatchedWhereNobodyWantsToKnow) {
    UnitDescription unit = unit_of(1U << 20U, 512);
    ModePages pages{.threshold_reports = true};
    EXPECT_FALSE(watches_thresholds(unit, pages));
    pages.thresholds[2].enabled = true;
    EXPECT_TRUE(watches_thresholds(unit, pages));
    pages.threshold_reports = false;
    EXPECT_FALSE(watches_thresholds(unit, pages));
    pages.threshold_reports = true;
    unit.provisioning.threshold_exponent = 0;
    EXPECT_FALSE(watches_thresholds(unit, pages));
}

}  // namespace
}  // namespace targe::scsi
