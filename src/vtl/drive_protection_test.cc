// What keeps the data of a tape from being written over, and what a drive forgets with a cartridge.
#include "vtl/testing_drive.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace targe::vtl {
namespace {

using testing::Answer;
using testing::Bytes;
using testing::bytes_of;
using testing::DriveTest;
using testing::number_at;
using testing::text;

class DriveProtection : public DriveTest {
protected:
    void select_append_only() {
        Bytes page = bytes_of({0, 0, 0x10, 0, 0x50, 1, 0, 28, 0, 0x10});
        page.resize(4 + 32);
        ASSERT_TRUE(run({0x15, 0x10, 0, 0, 36, 0}, page).good());
    }
    Answer allow(unsigned partition, unsigned object) {
        return run({0x82, 0, 1, partition, 0, 0, 0, 0, 0, 0, 0, object, 0, 0, 0, 0});
    }
    Answer allow_format() { return run({0x82, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}); }
    Answer format(unsigned kind = 0) { return run({0x04, 0, kind, 0, 0, 0}); }
    Answer set_capacity(unsigned proportion) {
        return run({0x0b, 0, 0, proportion >> 8U, proportion & 0xffU, 0});
    }
    Answer erase() { return run({0x19, 1, 0, 0, 0, 0}); }
    Answer load(bool on) { return run({0x1b, 0, 0, 0, on ? 1U : 0U, 0}); }
    Answer locate_in(unsigned partition, unsigned object) {
        return run({0x2b, 0x02, 0, 0, 0, 0, object, 0, partition, 0});
    }
    /// One of 4,000,000 bytes besides the first.
    void make_two_partitions() {
        ASSERT_TRUE(run({0x15, 0x10, 0, 0, 16, 0},
                        bytes_of({0, 0, 0x10, 0, 0x11, 10, 3, 1, 0x3c, 3, 3, 0, 0xff, 0xff, 0x0f, 0xa0}))
                        .good());
        ASSERT_TRUE(format(1).good());
    }
    std::uint64_t additional_partitions() { return number_at(run({0x1a, 8, 0x11, 0, 255, 0}).data, 7, 1); }
    std::uint64_t change_reference() {
        return number_at(run({0x8c, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 255, 0, 0}).data, 9, 4);
    }
    void write_blocks(unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            ASSERT_TRUE(write(bytes_of("data")).good());
        }
    }
};

constexpr const char* kAppendOnly = "7/2706";

TEST_F(DriveProtection, IsLiftedForOneCommandAtThePlaceThatWasNamed) {
    select_append_only();
    write_blocks(3);
    ASSERT_TRUE(locate(1).good());
    EXPECT_EQ(text(allow(1, 1)), "5/3b00") << "it is in another partition";
    const std::vector<std::function<Answer()>> commands{[&] { return write(bytes_of("x")); },
                                                        [&] { return filemarks(1); }};
    for (const auto& overwrites : commands) {
        ASSERT_TRUE(locate(1).good());
        ASSERT_TRUE(allow(0, 1).good());
        ASSERT_TRUE(rewind().good());
        EXPECT_EQ(text(overwrites()), kAppendOnly);
        EXPECT_EQ(text(erase()), kAppendOnly);
        EXPECT_EQ(text(format()), kAppendOnly);
        ASSERT_TRUE(locate(1).good());
        EXPECT_TRUE(overwrites().good());
        ASSERT_TRUE(locate(1).good());
        EXPECT_EQ(text(overwrites()), kAppendOnly) << "that was once";
    }
    ASSERT_TRUE(allow(0, 1).good());
    EXPECT_TRUE(erase().good());
}

TEST_F(DriveProtection, IsLiftedForThatPartitionAndThatVolume) {
    make_two_partitions();
    select_append_only();
    write_blocks(2);
    ASSERT_TRUE(locate_in(1, 0).good());
    write_blocks(2);
    ASSERT_TRUE(locate_in(0, 1).good());
    ASSERT_TRUE(allow(0, 1).good());
    ASSERT_TRUE(locate_in(1, 1).good());
    EXPECT_EQ(text(write(bytes_of("x"))), kAppendOnly);
    ASSERT_TRUE(locate_in(0, 1).good());
    ASSERT_TRUE(load(false).good());
    ASSERT_TRUE(load(true).good());
    ASSERT_TRUE(locate(1).good());
    EXPECT_EQ(text(write(bytes_of("x"))), kAppendOnly);
}

TEST_F(DriveProtection, FromFormattingIsLiftedOnceAndForNothingElse) {
    select_append_only();
    write_blocks(1);
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(allow(0, 0).good());
    EXPECT_EQ(text(format()), kAppendOnly);
    ASSERT_TRUE(allow_format().good());
    EXPECT_EQ(text(write(bytes_of("x"))), kAppendOnly);
    ASSERT_TRUE(format().good());
    EXPECT_EQ(text(format()), kAppendOnly);
}

TEST_F(DriveProtection, IsOfFormattingToo) {
    Label of_tab = label();
    of_tab.write_protected = true;
    insert(of_tab);
    EXPECT_EQ(text(format()), "7/2700");
    EXPECT_EQ(text(set_capacity(0x8000)), "7/2700");
    Drive newer({.serial = "SEVEN", .generation = find_generation("LTO-7")});
    Label older = label();
    older.generation = 5;  // the oldest that it reads; it writes none before LTO-6
    auto made = Cartridge::create(std::make_unique<testing::MemoryStore>(), older);
    ASSERT_TRUE(made);
    newer.insert(std::move(*made));
    EXPECT_EQ(text(testing::send(newer, Bytes(6))), "GOOD");
    EXPECT_EQ(text(testing::send(newer, bytes_of({0x0a, 0, 0, 0, 1, 0}), bytes_of("x"))), "7/3005");
    EXPECT_EQ(text(testing::send(newer, bytes_of({0x04, 0, 0, 0, 0, 0}))), "7/3005");
    EXPECT_EQ(text(testing::send(newer, bytes_of({0x0b, 0, 0, 0x80, 0, 0}))), "7/3005");
}

TEST_F(DriveProtection, LeavesTheCapacityThatWasAskedForToTheByte) {
    ASSERT_TRUE(set_capacity(0x8000).good());
    EXPECT_EQ(number_at(run({0x8c, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 255, 0, 0}).data, 9, 8), 5U)
        << "half of 10 MB, and not what is left when each 65,535th is cut to whole bytes";
}

TEST_F(DriveProtection, BeginsAnewWithEachCartridge) {
    // Of where the last one stood the initiator knows nothing; where it stands now it does.
    drive_.distrust_position();
    insert(label());
    write_blocks(1);
    ASSERT_TRUE(space(0, -1).good());
    EXPECT_EQ(text(write(bytes_of("x"))), "GOOD");
    // Each volume has another change reference once it is written.
    const std::uint64_t of_first = change_reference();
    write_blocks(1);
    insert(label());
    write_blocks(1);
    EXPECT_EQ(change_reference(), of_first);
    // What may be lost of one is told though the same was told of the last.
    store_->fail_after(0, FaultKind::host);
    EXPECT_EQ(text(rewind()), "3/0c00");
    insert(label());
    write_blocks(1);
    store_->fail_after(0, FaultKind::host);
    EXPECT_EQ(text(rewind()), "3/0c00");
    insert(label());
    make_two_partitions();
    ASSERT_TRUE(locate_in(1, 0).good());
    ASSERT_TRUE(load(true).good());
    EXPECT_EQ(number_at(run({0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0}).data, 4, 4), 0U);
    EXPECT_EQ(additional_partitions(), 1U);
    insert(label());
    EXPECT_EQ(additional_partitions(), 0U);
}

TEST_F(DriveProtection, IsOfAttributesOfAnotherPartitionToo) {
    const auto write_attribute = [&](unsigned partition) {
        return run({0x8d, 0, 0, 0, 0, 0, 0, partition, 0, 0, 0, 0, 0, 10, 0, 0},
                   bytes_of({0, 0, 0, 6, 0x08, 0x05, 0, 0, 1, 0x81}));
    };
    EXPECT_EQ(text(write_attribute(1)), "5/2400") << "there is no such partition";
    make_two_partitions();
    ASSERT_TRUE(write_attribute(1).good());
    const auto first_of = [&](unsigned partition) {
        return number_at(run({0x8c, 0, 0, 0, 0, 0, 0, partition, 0x08, 0x05, 0, 0, 0, 255, 0, 0}).data, 4, 2);
    };
    EXPECT_EQ(first_of(1), 0x0805U);
    EXPECT_NE(first_of(0), 0x0805U);
}

TEST_F(DriveProtection, LoadsNothingThatCannotBeRead) {
    Label cleaning = label();
    cleaning.cleaning = true;
    insert(cleaning);
    EXPECT_EQ(text(load(true)), "2/3003");
    EXPECT_EQ(text(load(false)), "GOOD");
    std::string trouble;
    drive_.remove(trouble);
    drive_.insert_unreadable("B00001L6");
    EXPECT_EQ(text(load(true)), "3/3100");
    EXPECT_EQ(text(load(false)), "GOOD");
}

TEST_F(DriveProtection, RaisesAnAlertWhereItIsMetAndForgetsItWithTheCartridge) {
    const auto alerts = [&] { return number_at(run({0x4d, 0, 0x52, 0, 0, 0, 0, 0, 255, 0}).data, 8, 8); };
    const auto flag = [](unsigned alert) { return std::uint64_t{1} << (64 - alert); };
    Label worm = label();
    worm.worm = true;
    insert(worm);
    write_blocks(1);
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(text(write(bytes_of("x"))), "7/300c");
    EXPECT_EQ(alerts(), flag(alert::worm_overwrite_attempted));
    insert(label());
    EXPECT_EQ(alerts(), 0U);
    ASSERT_TRUE(run({0x1e, 0, 0, 0, 1, 0}).good());
    EXPECT_EQ(text(load(false)), "5/5302");
    EXPECT_EQ(alerts(), flag(alert::no_removal));
}

TEST_F(DriveProtection, WritesNoMoreFilemarksThanThereIsRoomFor) {
    const Answer answer = filemarks(200'000);
    EXPECT_EQ(text(answer), "d/0002");
    constexpr std::int64_t kFit = 10'000'000 / RecordHeader::kBytes;
    EXPECT_EQ(position().second, std::uint64_t{kFit});
    EXPECT_EQ(answer.residue(), 200'000 - kFit);
    EXPECT_EQ(text(filemarks(0)), "GOOD") << "which writes nothing, and so ends near no end";
}

}  // namespace
}  // namespace targe::vtl
