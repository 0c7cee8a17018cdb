// Commands that the unit's device leaves to the engine: blocks to be written or copied.
#include "engine/testing/remapping_disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace targe::engine {
namespace {

using device::ServerAnswer;
using testing::ByteVector;
using testing::cdb;
using testing::cdb16;
using testing::filled;
using testing::kPieceBlocks;
using testing::kRemapBlock;
using testing::kRemapBlocks;
using testing::kRemapping;
using testing::kUnruly;
using testing::kWriteSame16;
using testing::Remaps;
using testing::Task;

constexpr unsigned kRead16 = 0x88;
constexpr unsigned kWrite16 = 0x8a;

TEST_F(Remaps, WriteTheBlockToAllOfTheList) {
    constexpr std::uint64_t kLong = 10 * kPieceBlocks + 7;
    remaps({{.lba = 3, .blocks = 1, .source = 0}, {.lba = 100, .blocks = kLong, .source = 0}},
           filled(kRemapBlock, 7));
    EXPECT_EQ(write_same().status, 0x00);
    EXPECT_TRUE(disk_->may_remap);
    EXPECT_TRUE(disk_->well_made);
    EXPECT_EQ(disk_->blocks(3, 1), filled(kRemapBlock, 7));
    EXPECT_EQ(disk_->blocks(100, kLong), filled(kLong * kRemapBlock, 7));
    EXPECT_EQ(std::ranges::count(disk_->bytes, std::byte{7}),
              static_cast<std::ptrdiff_t>((kLong + 1) * kRemapBlock));
    EXPECT_EQ(disk_->opcodes, std::vector<unsigned>(12, kWrite16));
    EXPECT_EQ(disk_->most_at_once, 8U);
}

TEST_F(Remaps, CopyOneRangeAfterTheOther) {
    constexpr std::uint64_t kLong = 9 * kPieceBlocks + 1;
    for (std::uint64_t lba = 0; lba < kLong; ++lba) {
        std::memcpy(disk_->at(lba), &lba, sizeof lba);
    }
    const ByteVector source = disk_->blocks(0, kLong);
    remaps({{.lba = 3000, .blocks = kLong, .source = 0}, {.lba = 5500, .blocks = kLong, .source = 3000}});
    EXPECT_EQ(copy().status, 0x00);
    EXPECT_TRUE(disk_->well_made);
    EXPECT_EQ(disk_->blocks(3000, kLong), source);
    EXPECT_EQ(disk_->blocks(5500, kLong), source) << "what the first range had written";
    EXPECT_EQ(std::ranges::count(disk_->opcodes, kRead16), 20);
    EXPECT_EQ(std::ranges::count(disk_->opcodes, kWrite16), 20);
}

TEST_F(Remaps, EndAsTheFirstCommandThatFailed) {
    remaps({{.lba = 0, .blocks = kRemapBlocks, .source = 0}, {.lba = 0, .blocks = 1, .source = 0}},
           filled(kRemapBlock, 7));
    disk_->fails_at = 5 * kPieceBlocks;
    const Task& failed = write_same();
    EXPECT_EQ(failed.sense_code(), 0x030c00U);
    EXPECT_TRUE(disk_->requests.empty()) << "it has waited for all of them";
    EXPECT_EQ(disk_->most_at_once, 6U);
    EXPECT_EQ(disk_->opcodes.size(), 6U) << "no more were made";
    disk_->failure.deferred = true;
    EXPECT_EQ(write_same().sense_received[0], std::byte{0x70}) << "it is of this command";
    disk_->failure = {.end = ServerAnswer::End::answered, .status = 0x08};
    EXPECT_EQ(write_same().status, 0x08);
    disk_->end.status = 0x28;
    EXPECT_EQ(write_same().status, 0x08) << "those that were under way fail later";
}

TEST_F(Remaps, WriteNothingThatWasNotRead) {
    remaps({{.lba = 4000, .blocks = 20, .source = 0}});
    disk_->short_by = kRemapBlock;
    EXPECT_EQ(copy().sense_code(), 0x0b4400U);
    EXPECT_EQ(disk_->opcodes, std::vector<unsigned>{kRead16});
    disk_->short_by = 0;
    disk_->fails_at = 10;
    EXPECT_EQ(copy().sense_code(), 0x030c00U);
    EXPECT_EQ(disk_->opcodes, (std::vector<unsigned>{kRead16, kRead16}));
}

TEST_F(Remaps, AreNotFinishedByAnotherHandler) {
    using End = ServerAnswer::End;
    remaps({{.lba = 0, .blocks = kRemapBlocks, .source = 0}}, filled(kRemapBlock, 7));
    disk_->fails_at = 5 * kPieceBlocks;
    for (const End end : {End::reset, End::lost, End::away, End::busy}) {
        disk_->failure = {.end = end};
        EXPECT_EQ(write_same().sense_code(), 0x0b4400U) << "a part of it may have been done";
    }
}

TEST_F(Remaps, AreOnlyForWhatWasLetInAsAWrite) {
    remaps({{.lba = 0, .blocks = 1, .source = 0}}, filled(kRemapBlock, 7));
    copy();
    EXPECT_TRUE(disk_->may_remap) << "its rule says that it writes";
    host_->run(cdb({kUnruly, 0, 0, 0, 0, 0}));
    EXPECT_FALSE(disk_->may_remap);
    host_->run(cdb({0x00, 0, 0, 0, 0, 0}));
    EXPECT_FALSE(disk_->may_remap);
}

TEST_F(Remaps, AreRefusedWhereThereIsNoMemory) {
    remaps({{.lba = 4000, .blocks = 20, .source = 0}});
    world_.core(0).pool().set_limit(0);
    EXPECT_EQ(copy().status, 0x08);
    EXPECT_TRUE(disk_->opcodes.empty());
}

}  // namespace
}  // namespace targe::engine
