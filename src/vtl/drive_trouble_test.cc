// What initiators are told when files are damaged or the host cannot write, and what they can do then.
#include "vtl/testing_drive.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>

namespace targe::vtl {
namespace {

using testing::Answer;
using testing::Bytes;
using testing::bytes_of;
using testing::DriveTest;
using testing::text;

class DriveTrouble : public DriveTest {
protected:
    /// Where the record of an object begins in the only segment.
    [[nodiscard]] std::size_t record_of(unsigned object) const {
        const Bytes& tape = store_->content(store_->names().front());
        std::size_t at = SegmentHeader::kBytes;
        for (unsigned i = 0; i < object; ++i) {
            const auto header =
                decode_record(std::span<const std::byte>(tape).subspan(at).first<RecordHeader::kBytes>());
            EXPECT_TRUE(header);
            at += static_cast<std::size_t>(header ? header->record_bytes() : 0);
        }
        return at;
    }
    void damage(unsigned object) {
        store_->content(store_->names().front())[record_of(object) + 10] ^= std::byte{4};
    }
};

// One write each would hold up the drive for minutes, and the library with it.
TEST_F(DriveTrouble, IsNotMadeByManyFilemarks) {
    ASSERT_TRUE(write(Bytes(100, std::byte{7})).good());
    const std::size_t before = store_->changes();
    ASSERT_TRUE(filemarks(100'000).good());
    EXPECT_LT(store_->changes() - before, 200U);
    EXPECT_EQ(position(), std::pair(std::uint64_t{100'001}, std::uint64_t{100'000}));
    ASSERT_TRUE(write(Bytes(100, std::byte{8})).good());
    ASSERT_TRUE(locate(54'321).good());
    EXPECT_EQ(text(read(100)), "0/0001");
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(space(1, 100'000).good());
    EXPECT_EQ(read(100).data, Bytes(100, std::byte{8}));
}

TEST_F(DriveTrouble, WithTheSpaceForManyFilemarksIsToldOfEach) {
    ASSERT_TRUE(write(Bytes(100, std::byte{7})).good());
    store_->fail_after(60, FaultKind::full);
    const Answer answer = filemarks(100'000);
    EXPECT_EQ(text(answer), "d/0002");
    const std::uint64_t there = position().second;
    EXPECT_GE(there, 4096U);
    EXPECT_EQ(answer.residue(), 100'000 - static_cast<std::int64_t>(there));
}

TEST_F(DriveTrouble, WithOneRecordLeavesTheOthers) {
    write_three_files();  // 3 blocks, filemark, 2 blocks, filemark, 1 block, filemark
    damage(1);
    EXPECT_TRUE(read(100).good());
    const Answer damaged = read(100);
    EXPECT_EQ(text(damaged), "3/1100");
    EXPECT_EQ(damaged.residue(), 100);
    EXPECT_TRUE(damaged.data.empty());
    EXPECT_EQ(position(), std::pair(std::uint64_t{2}, std::uint64_t{0}));
    EXPECT_EQ(read(100).data, Bytes(100, std::byte{2}));
    ASSERT_TRUE(rewind().good());
    EXPECT_TRUE(space(0, 3).good());
    EXPECT_EQ(position(), std::pair(std::uint64_t{3}, std::uint64_t{0}));
    ASSERT_TRUE(rewind().good());
    EXPECT_TRUE(space(1, 1).good());
    EXPECT_EQ(read(200).data, Bytes(200, std::byte{0x11}));
    EXPECT_TRUE(locate(2).good());
    const Answer backwards = run({0x0f, 4, 0, 0, 100, 0});
    EXPECT_EQ(text(backwards), "3/1100");
    EXPECT_EQ(position(), std::pair(std::uint64_t{1}, std::uint64_t{0}));
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(text(run({0x13, 0, 0, 0, 100, 0})), "GOOD");
    EXPECT_EQ(text(run({0x13, 0, 0, 0, 100, 0})), "3/1100");
    EXPECT_EQ(text(run({0x13, 0, 0, 0, 100, 0})), "GOOD");
}

TEST_F(DriveTrouble, WithTheDiskIsToldUntilWhatMayBeLostIsOverwritten) {
    ASSERT_TRUE(write(bytes_of("safe")).good());
    ASSERT_TRUE(filemarks(1).good());
    ASSERT_TRUE(write(bytes_of("in doubt")).good());
    store_->fail_after(1, FaultKind::host);  // the filemark is written, and then not made durable
    EXPECT_EQ(text(filemarks(1)), "3/0c00");
    store_->mend();
    EXPECT_EQ(text(filemarks(0)), "3/0c00");
    EXPECT_EQ(text(write(bytes_of("more"))), "3/0c00");
    // It was told of, so that the tape moves, and what is there is read.
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(read(4).data, bytes_of("safe"));
    ASSERT_TRUE(space(1, 1).good());
    EXPECT_EQ(read(8).data, bytes_of("in doubt"));
    ASSERT_TRUE(locate(2).good());
    ASSERT_TRUE(write(bytes_of("again")).good());
    EXPECT_TRUE(filemarks(1).good());
    EXPECT_TRUE(rewind().good());
}

TEST_F(DriveTrouble, WithTheDiskIsToldOnceByMoving) {
    ASSERT_TRUE(write(bytes_of("block")).good());
    store_->fail_after(0, FaultKind::host);
    EXPECT_EQ(text(rewind()), "3/0c00");
    EXPECT_TRUE(rewind().good());
    EXPECT_EQ(read(5).data, bytes_of("block"));
    EXPECT_EQ(text(run({0x1b, 0, 0, 0, 0, 0})), "3/0c00");
}

TEST_F(DriveTrouble, WithSpaceForTheIndexKeepsNoTapeFromBeingRead) {
    ASSERT_TRUE(filemarks(1).good());
    ASSERT_TRUE(write(bytes_of("block")).good());
    store_->fail_after(1, FaultKind::full);  // the data are made durable, and then there is no space
    EXPECT_TRUE(rewind().good());
    EXPECT_TRUE(space(1, 1).good());
    EXPECT_EQ(read(5).data, bytes_of("block"));
    EXPECT_TRUE(rewind().good());
}

TEST_F(DriveTrouble, WithSpaceForTheLabelIsNoneOfUnload) {
    ASSERT_TRUE(write(bytes_of("block")).good());
    ASSERT_TRUE(filemarks(1).good());
    store_->fail_after(0, FaultKind::full);
    EXPECT_EQ(text(run({0x1b, 0, 0, 0, 0, 0})), "GOOD");
}

TEST_F(DriveTrouble, WithTheLabelFormatsNothing) {
    ASSERT_TRUE(write(bytes_of("block")).good());
    ASSERT_TRUE(rewind().good());
    store_->fail_after(0, FaultKind::full);
    EXPECT_EQ(text(run({0x04, 0, 0, 0, 0, 0})), "3/0c00");
    store_->mend();
    EXPECT_EQ(read(5).data, bytes_of("block"));
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(run({0x04, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(text(read(5)), "8/0005");
}

}  // namespace
}  // namespace targe::vtl
