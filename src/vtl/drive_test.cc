// Reading, writing and moving the tape.
#include "vtl/drive.h"

#include "vtl/limits.h"
#include "vtl/testing_drive.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace targe::vtl {
namespace {

using testing::Answer;
using testing::Bytes;
using testing::bytes_of;
using testing::DriveTest;
using testing::number_at;
using testing::text;

using Pair = std::pair<std::uint64_t, std::uint64_t>;

class DriveData : public DriveTest {};

TEST_F(DriveData, GivesBackBlocksOfAnyLengthAndStopsAtFilemarkAndEndOfData) {
    const Bytes block = bytes_of("a block of some length");
    ASSERT_TRUE(write(block).good());
    ASSERT_TRUE(filemarks(1).good());
    ASSERT_TRUE(rewind().good());
    const Answer whole = read(static_cast<unsigned>(block.size()));
    EXPECT_TRUE(whole.good());
    EXPECT_EQ(whole.data, block);
    EXPECT_EQ(whole.wanted, block.size());
    const Answer mark = read(512);
    EXPECT_EQ(text(mark), "0/0001");
    EXPECT_TRUE(mark.sense->filemark);
    EXPECT_EQ(mark.residue(), 512);
    EXPECT_TRUE(mark.data.empty());
    const Answer end = read(512);
    EXPECT_EQ(text(end), "8/0005");
    EXPECT_EQ(end.residue(), 512);
    EXPECT_EQ(text(read(512)), "8/0005");
    EXPECT_EQ(position(), Pair(2, 1));
}

TEST_F(DriveData, TellsOfALengthThatIsNotTheBlocks) {
    const Bytes block(1000, std::byte{5});
    ASSERT_TRUE(write(block).good());
    ASSERT_TRUE(rewind().good());
    const Answer longer = read(4096);
    EXPECT_EQ(text(longer), "0/0000");
    EXPECT_TRUE(longer.sense->incorrect_length);
    EXPECT_EQ(longer.residue(), 3096);
    EXPECT_EQ(longer.data, block);
    ASSERT_TRUE(rewind().good());
    const Answer shorter = read(400);
    EXPECT_TRUE(shorter.sense->incorrect_length);
    EXPECT_EQ(shorter.residue(), -600);
    EXPECT_EQ(shorter.data.size(), 400U);
    EXPECT_EQ(position(), Pair(1, 0));  // the rest of the block is passed over
    ASSERT_TRUE(rewind().good());
    EXPECT_TRUE(read(4096, 0x02).good());  // SILI
    ASSERT_TRUE(rewind().good());
    EXPECT_TRUE(read(400, 0x02).good());
    ASSERT_TRUE(set_block_length(512).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(read(400, 0x02).residue(), -600);  // told of all the same
}

TEST_F(DriveData, MovesManyBlocksAtOnceInFixedMode) {
    EXPECT_EQ(text(read(1, 0x01)), "5/2400");  // no block length yet
    ASSERT_TRUE(set_block_length(512).good());
    Bytes data;
    for (unsigned i = 0; i < 4; ++i) {
        testing::append(data, Bytes(512, static_cast<std::byte>(i)));
    }
    ASSERT_TRUE(run({0x0a, 0x01, 0, 0, 4, 0}, data).good());
    ASSERT_TRUE(filemarks(1).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(read(2, 0x01).data, Bytes(data.begin(), data.begin() + 1024));
    const Answer mark = read(5, 0x01);
    EXPECT_EQ(text(mark), "0/0001");
    EXPECT_EQ(mark.residue(), 3);
    EXPECT_EQ(mark.data, Bytes(data.begin() + 1024, data.end()));
    EXPECT_EQ(text(read(5, 0x03)), "5/2400");  // SILI with FIXED
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(write(Bytes(100)).good());
    ASSERT_TRUE(rewind().good());
    const Answer odd = read(3, 0x01);
    EXPECT_TRUE(odd.sense->incorrect_length);
    EXPECT_EQ(odd.residue(), 3);
}

TEST_F(DriveData, NeitherReadsNorWritesWithALengthOfZero) {
    EXPECT_TRUE(read(0).good());
    EXPECT_TRUE(run({0x0a, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(position(), Pair(0, 0));
}

TEST_F(DriveData, FillsNoMoreThanThereIsRoom) {
    ASSERT_TRUE(write(Bytes(5000, std::byte{1})).good());
    ASSERT_TRUE(rewind().good());
    const Answer answer = run({0x08, 0, 0, 0x13, 0x88, 0}, {}, 100);
    EXPECT_TRUE(answer.good());
    EXPECT_EQ(answer.data.size(), 100U);
    EXPECT_EQ(answer.wanted, 5000U);
}

TEST_F(DriveData, RefusesDataThatDidNotCome) {
    EXPECT_EQ(text(run({0x0a, 0, 0, 0x10, 0, 0}, Bytes(100))), "b/4b00");
    EXPECT_EQ(position(), Pair(0, 0));
}

TEST_F(DriveData, RefusesBlocksThatAreTooLongAndSetmarks) {
    EXPECT_EQ(text(run({0x0a, 0, 0x80, 0, 1, 0}, Bytes(0x80'0001))), "5/2400");
    EXPECT_EQ(text(run({0x10, 0x02, 0, 0, 1, 0})), "5/2400");
    EXPECT_EQ(text(space(4, 1)), "5/2400");
    EXPECT_EQ(text(space(9, 1)), "5/2400");
    constexpr std::size_t kLongest = std::size_t{8} << 20U;
    ASSERT_TRUE(run({0x0a, 0, 0x80, 0, 0, 0}, Bytes(kLongest)).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(text(run({0x13, 0, 0x80, 0, 0, 0})), "GOOD");
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(run({0x08, 0, 0x80, 0, 0, 0}).wanted, kLongest);
}

TEST_F(DriveData, ReadsBackwards) {
    ASSERT_TRUE(write(bytes_of("one")).good());
    ASSERT_TRUE(filemarks(1).good());
    ASSERT_TRUE(write(bytes_of("two")).good());
    EXPECT_EQ(run({0x0f, 0x04, 0, 0, 3, 0}).data, bytes_of("two"));
    EXPECT_EQ(position(), Pair(2, 1));
    const Answer mark = run({0x0f, 0, 0, 0, 3, 0});
    EXPECT_TRUE(mark.sense->filemark);
    EXPECT_EQ(position(), Pair(1, 0));
    EXPECT_EQ(run({0x0f, 0, 0, 0, 3, 0}).data, bytes_of("eno"));
    const Answer begin = run({0x0f, 0, 0, 0, 3, 0});
    EXPECT_EQ(text(begin), "0/0004");
    EXPECT_TRUE(begin.sense->end_of_medium);
    EXPECT_EQ(begin.residue(), 3);
    // SILI leaves out a block that is longer only where the drive has no block length of its own.
    ASSERT_TRUE(set_block_length(3).good());
    ASSERT_TRUE(space(0, 1).good());
    EXPECT_EQ(run({0x0f, 2, 0, 0, 2, 0}).residue(), -1);
    ASSERT_TRUE(set_block_length(0).good());
    ASSERT_TRUE(space(0, 1).good());
    EXPECT_TRUE(run({0x0f, 2, 0, 0, 2, 0}).good());
}

// It has no data that would bound it: with FIXED it may go over terabytes.
TEST_F(DriveData, VerifiesForAsLongAsMayBe) {
    ASSERT_TRUE(set_block_length(10).good());
    ASSERT_TRUE(run({0x0a, 1, 0, 0, 5, 0}, Bytes(50)).good());
    ASSERT_TRUE(rewind().good());
    int turns = 3;
    Command command{.cdb = {}, .overdue = [&turns] { return turns-- == 0; }};
    const Bytes cdb = bytes_of({0x13, 1, 0, 0, 5, 0});
    command.cdb = cdb;
    const Reply reply = drive_.execute(command);
    ASSERT_TRUE(reply.sense);
    EXPECT_EQ(*reply.sense, (Sense{.key = scsi::SenseKey::aborted_command,
                                   .asc = asc::command_timeout_during_processing,
                                   .information = 2}));
    EXPECT_EQ(position().first, 3U);
    EXPECT_TRUE(run({0x13, 1, 0, 0, 2, 0}).good());
}

TEST_F(DriveData, VerifiesAndCompares) {
    ASSERT_TRUE(write(bytes_of("same")).good());
    ASSERT_TRUE(write(bytes_of("other")).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_TRUE(run({0x13, 0x02, 0, 0, 4, 0}, bytes_of("same")).good());
    const Answer differs = run({0x13, 0x02, 0, 0, 5, 0}, bytes_of("otter"));
    EXPECT_EQ(text(differs), "e/1d00");
    ASSERT_TRUE(rewind().good());
    EXPECT_TRUE(run({0x13, 0, 0, 0, 4, 0}).good());
    EXPECT_TRUE(run({0x13, 0, 0, 0, 9, 0}).sense->incorrect_length);
    EXPECT_EQ(text(run({0x13, 0, 0, 0, 9, 0})), "8/0005");
    ASSERT_TRUE(set_block_length(4).good());
    ASSERT_TRUE(run({0x0a, 1, 0, 0, 3, 0}, bytes_of("onetwo3three")).good());
    for (const std::string last : {"hree", "href"}) {
        ASSERT_TRUE(locate(2).good());
        const Answer many = run({0x13, 3, 0, 0, 3, 0}, bytes_of("onetwo3t" + last));
        EXPECT_EQ(text(many), last == "hree" ? "GOOD" : "e/1d00");
        EXPECT_TRUE(many.good() || many.residue() == 1);
    }
    EXPECT_EQ(text(run({0x13, 3, 0, 0, 3, 0}, bytes_of("onetwo3"))), "b/4b00") << "that are not all";
}

TEST_F(DriveData, SaysMediumErrorAndGoesOnBehindADamagedBlock) {
    ASSERT_TRUE(set_block_length(0).good());
    for (unsigned i = 0; i < 3; ++i) {
        ASSERT_TRUE(write(Bytes(64, static_cast<std::byte>(0xa0U + i))).good());
    }
    ASSERT_TRUE(filemarks(1).good());
    // In the middle of the second block's data. They are compressed, so it is looked for by what it takes.
    Bytes& tape = store_->content(store_->names().front());
    const auto first = decode_record(
        std::span<const std::byte>(tape).subspan<SegmentHeader::kBytes, RecordHeader::kBytes>());
    ASSERT_TRUE(first);
    tape[SegmentHeader::kBytes + static_cast<std::size_t>(first->record_bytes()) + RecordHeader::kBytes +
         5] ^= std::byte{1};
    ASSERT_TRUE(rewind().good());
    EXPECT_TRUE(read(64).good());
    const Answer damaged = read(64);
    EXPECT_EQ(text(damaged), "3/1100");
    EXPECT_EQ(damaged.residue(), 64);
    EXPECT_TRUE(damaged.data.empty());
    EXPECT_EQ(read(64).data, Bytes(64, std::byte{0xa2}));
}

class DriveMoves : public DriveTest {};

TEST_F(DriveMoves, SpaceOverBlocksAndStopsAtFilemarks) {
    write_three_files();  // objects: b b b f b b f b f
    EXPECT_TRUE(space(0, 2).good());
    EXPECT_EQ(position(), Pair(2, 0));
    const Answer mark = space(0, 5);
    EXPECT_EQ(text(mark), "0/0001");
    EXPECT_EQ(mark.residue(), 4);
    EXPECT_EQ(position(), Pair(4, 1));
    EXPECT_TRUE(space(0, 2).good());
    const Answer back = space(0, -3);
    EXPECT_EQ(text(back), "0/0001");
    EXPECT_EQ(back.residue(), 1);
    EXPECT_EQ(position(), Pair(3, 0));
    EXPECT_TRUE(space(0, -3).good());
    EXPECT_EQ(position(), Pair(0, 0));
    EXPECT_TRUE(space(0, 1).good());
    const Answer begin = space(0, -4);
    EXPECT_EQ(text(begin), "0/0004");
    EXPECT_TRUE(begin.sense->end_of_medium);
    EXPECT_EQ(begin.residue(), 3);
    ASSERT_TRUE(locate(9).good());
    const Answer end = space(0, 2);
    EXPECT_EQ(text(end), "8/0005");
    EXPECT_EQ(end.residue(), 2);
}

TEST_F(DriveMoves, SpaceOverFilemarks) {
    write_three_files();
    EXPECT_TRUE(space(1, 2).good());
    EXPECT_EQ(position(), Pair(7, 2));
    EXPECT_TRUE(space(1, -1).good());
    EXPECT_EQ(position(), Pair(6, 1));
    EXPECT_TRUE(space(1, 0).good());
    EXPECT_EQ(position(), Pair(6, 1));
    const Answer end = space(1, 5);
    EXPECT_EQ(text(end), "8/0005");
    EXPECT_EQ(end.residue(), 3);
    EXPECT_EQ(position(), Pair(9, 3));
    const Answer begin = space(1, -5);
    EXPECT_EQ(text(begin), "0/0004");
    EXPECT_EQ(begin.residue(), 2);
    EXPECT_EQ(position(), Pair(0, 0));
}

TEST_F(DriveMoves, SpaceToFilemarksInARowAndToTheEnd) {
    write_three_files();
    ASSERT_TRUE(space(3, 0).good());
    EXPECT_EQ(position(), Pair(9, 3));
    ASSERT_TRUE(filemarks(1).good());
    ASSERT_TRUE(write(bytes_of("x")).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_TRUE(space(2, 2).good());
    EXPECT_EQ(position(), Pair(10, 4));
    EXPECT_TRUE(space(2, -2).good());
    EXPECT_EQ(position(), Pair(8, 2));
    EXPECT_EQ(text(space(2, 3)), "8/0005");
    const Answer back = space(2, -3);
    EXPECT_EQ(text(back), "0/0004");
    EXPECT_EQ(back.residue(), 2);
    EXPECT_TRUE(run({0x91, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0}).good());
    EXPECT_EQ(position(), Pair(7, 2));
    EXPECT_TRUE(
        run({0x91, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}).sense->filemark);
    EXPECT_EQ(position(), Pair(6, 1));
}

TEST_F(DriveMoves, LocatesObjectsFilesAndTheEnd) {
    write_three_files();
    EXPECT_TRUE(locate(5).good());
    EXPECT_EQ(position(), Pair(5, 1));
    EXPECT_EQ(text(locate(100)), "8/0005");
    EXPECT_EQ(position(), Pair(9, 3));
    EXPECT_TRUE(run({0x92, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0}).good());
    EXPECT_EQ(position(), Pair(7, 2));
    EXPECT_TRUE(run({0x92, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}).good());
    EXPECT_EQ(position(), Pair(1, 0));
    EXPECT_TRUE(run({0x92, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(position(), Pair(9, 3));
    EXPECT_TRUE(run({0x92, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(position(), Pair(0, 0));
    EXPECT_EQ(text(run({0x92, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0})), "8/0005");
    EXPECT_EQ(text(run({0x92, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})), "5/2400");
    EXPECT_EQ(text(run({0x2b, 0x02, 0, 0, 0, 0, 0, 0, 1, 0})), "5/2400");  // there is one partition
}

TEST_F(DriveMoves, SaysWhereItIsInEveryForm) {
    write_three_files();
    const Answer begin = run({0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    ASSERT_EQ(begin.data.size(), 20U);
    EXPECT_EQ(begin.data[0], std::byte{0x80});
    ASSERT_TRUE(locate(5).good());
    const Answer brief = run({0x34, 0x01, 0, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(brief.data[0], std::byte{0});
    EXPECT_EQ(number_at(brief.data, 4, 4), 5U);
    EXPECT_EQ(number_at(brief.data, 8, 4), 5U);
    const Answer extended = run({0x34, 0x08, 0, 0, 0, 0, 0, 0, 32, 0});
    ASSERT_EQ(extended.data.size(), 32U);
    EXPECT_EQ(number_at(extended.data, 2, 2), 28U);
    EXPECT_EQ(number_at(extended.data, 8, 8), 5U);
    EXPECT_EQ(run({0x34, 0x08, 0, 0, 0, 0, 0, 0, 10, 0}).data.size(), 10U);
    EXPECT_EQ(text(run({0x34, 0x06, 0, 0, 0, 0, 0, 0, 32, 0})), "5/2400");
    EXPECT_EQ(text(run({0x34, 0x03, 0, 0, 0, 0, 0, 0, 0, 0})), "5/2400");
}

TEST_F(DriveMoves, ForgetsWhatIsBehindAWrite) {
    write_three_files();
    ASSERT_TRUE(locate(4).good());
    ASSERT_TRUE(write(bytes_of("new")).good());
    EXPECT_EQ(text(read(10)), "8/0005");
    ASSERT_TRUE(locate(1).good());
    ASSERT_TRUE(run({0x19, 0, 0, 0, 0, 0}).good());  // ERASE
    EXPECT_EQ(text(read(10)), "8/0005");
    ASSERT_TRUE(rewind().good());
    EXPECT_TRUE(read(100).good());
    EXPECT_EQ(text(read(10)), "8/0005");
}

class DriveEnd : public DriveTest {};

TEST_F(DriveEnd, IsAnnouncedBeforeItComesAndNothingIsLost) {
    std::mt19937_64 random(4);
    int written = 0;
    int early = 0;
    for (;; ++written) {
        Bytes block(100'000);
        for (std::byte& byte : block) {
            byte = static_cast<std::byte>(random());
        }
        const Answer answer = write(block);
        if (answer.good()) {
            ASSERT_EQ(early, 0);
            continue;
        }
        ASSERT_TRUE(answer.sense->end_of_medium);
        ASSERT_EQ(answer.code(), 0x0002U);
        if (answer.key() == 0xd) {
            EXPECT_EQ(answer.residue(), 100'000);
            break;
        }
        EXPECT_EQ(answer.key(), 0U);
        EXPECT_EQ(answer.residue(), 0);
        ++early;
    }
    EXPECT_EQ(written, 99);
    EXPECT_EQ(early, 12);
    EXPECT_EQ(run({0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0}).data[0], std::byte{0x40});  // EOP
    const Answer mark = filemarks(1);
    EXPECT_EQ(text(mark), "0/0002");
    ASSERT_TRUE(rewind().good());
    for (int i = 0; i < written; ++i) {
        ASSERT_TRUE(read(100'000).good());
    }
    EXPECT_TRUE(read(100'000).sense->filemark);
}

TEST_F(DriveEnd, LeavesRoomForBlocksUnderWayOnSmallCartridgesToo) {
    EXPECT_EQ(early_warning_bytes(4U << 20U), 512U << 10U);
    EXPECT_EQ(early_warning_bytes(512U << 20U), 4U * kMaxBlockBytes);
    EXPECT_EQ(early_warning_bytes(10ULL << 30U), 320U << 20U);
    EXPECT_EQ(early_warning_bytes(2'500'000'000'000U), 4ULL << 30U);
}

TEST_F(DriveEnd, CountsWhatIsLeftInFixedMode) {
    ASSERT_TRUE(set_block_length(100'000).good());
    // Nothing is compressed: DCE off.
    ASSERT_TRUE(run({0x15, 0x10, 0, 0, 20, 0}, bytes_of({0, 0,    0x10, 0, 0x0f, 0x0e, 0x40, 0x80, 0, 0,
                                                         0, 0xff, 0,    0, 0,    0xff, 0,    0,    0, 0}))
                    .good());
    const Answer answer = run({0x0a, 0x01, 0, 0, 120, 0}, Bytes(12'000'000));
    EXPECT_EQ(text(answer), "d/0002");
    EXPECT_EQ(answer.residue(), 21);
    EXPECT_EQ(position(), Pair(99, 0));
}

TEST_F(DriveEnd, IsTheHostsWhenItsFileSystemIsFull) {
    store_->fail_after(0, FaultKind::full);
    EXPECT_EQ(text(write(bytes_of("x"))), "d/0002");
    store_->fail_after(0, FaultKind::host);
    EXPECT_EQ(text(write(bytes_of("x"))), "3/0c00");
    store_->mend();
    EXPECT_TRUE(write(bytes_of("x")).good());
}

}  // namespace
}  // namespace targe::vtl
