#include "vtl/partition.h"

#include "vtl/testing_store.h"
#include "vtl/testing_tape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

namespace targe::vtl {
namespace {

using testing::MemoryStore;
using testing::Object;
using testing::read_all;
using testing::read_object;
using testing::some_bytes;
using testing::write_object;

/// Segments are small, so that a few blocks fill several.
constexpr PartitionName kName{.cartridge = 7, .segment_bytes = 8000};

class Partitions : public ::testing::Test {
protected:
    void SetUp() override { reopen(); }
    void reopen() {
        partition_.reset();
        auto opened = Partition::open(store_, kName);
        ASSERT_TRUE(opened) << opened.error().what;
        partition_ = std::move(*opened);
    }
    void write(const Object& object) {
        tape_.push_back(object);
        const auto wrote = write_object(*partition_, codec_, object);
        ASSERT_TRUE(wrote) << wrote.error().what;
    }
    /// Blocks of many lengths with a filemark now and then.
    void fill(std::size_t objects) {
        for (std::size_t i = 0; i < objects; ++i) {
            write(random_() % 5 == 0 ? Object{} : Object{some_bytes(random_, 1 + random_() % 900)});
        }
    }
    [[nodiscard]] std::uint64_t filemarks_before(std::size_t object) const {
        return static_cast<std::uint64_t>(
            std::count(tape_.begin(), tape_.begin() + static_cast<std::ptrdiff_t>(object), Object{}));
    }

    MemoryStore store_;
    BlockCodec codec_;
    std::mt19937_64 random_{11};
    std::vector<Object> tape_;
    std::unique_ptr<Partition> partition_;
};

TEST_F(Partitions, AreEmptyWithoutAnyFile) {
    EXPECT_EQ(partition_->end_object(), 0U);
    EXPECT_EQ(partition_->used_bytes(), 0U);
    EXPECT_EQ(partition_->peek().value(), std::nullopt);
    EXPECT_TRUE(store_.names().empty());
}

TEST_F(Partitions, GiveBackWhatWasWrittenOverManySegmentsAndAfterBeingOpenedAgain) {
    fill(300);
    EXPECT_EQ(read_all(*partition_, codec_), tape_);
    ASSERT_TRUE(partition_->sync());
    EXPECT_GT(store_.names().size(), 10U);
    reopen();
    EXPECT_EQ(partition_->end_object(), tape_.size());
    EXPECT_EQ(partition_->end_filemarks(), filemarks_before(tape_.size()));
    EXPECT_EQ(read_all(*partition_, codec_), tape_);
}

TEST_F(Partitions, FindEveryObjectAndEveryFilemarkFromAnywhere) {
    fill(400);
    for (int i = 0; i < 2000; ++i) {
        const std::size_t object = random_() % (tape_.size() + 1);
        ASSERT_TRUE(partition_->seek_object(object));
        ASSERT_EQ(partition_->object(), object);
        ASSERT_EQ(partition_->filemarks(), filemarks_before(object));
        if (object < tape_.size()) {
            ASSERT_EQ(read_object(*partition_, codec_).value(), tape_[object]) << "object " << object;
        }
        const std::uint64_t mark = random_() % partition_->end_filemarks();
        ASSERT_TRUE(partition_->seek_filemark(mark));
        ASSERT_EQ(partition_->filemarks(), mark);
        ASSERT_EQ(tape_[static_cast<std::size_t>(partition_->object())], Object{});
    }
}

TEST_F(Partitions, LoseWhatIsBehindAWriteInTheMiddle) {
    fill(300);
    ASSERT_TRUE(partition_->sync());
    for (const std::size_t keep : {250U, 120U, 119U, 40U, 1U, 0U}) {
        ASSERT_TRUE(partition_->seek_object(keep));
        tape_.resize(keep);
        fill(3);
        ASSERT_EQ(partition_->end_object(), keep + 3);
        ASSERT_EQ(read_all(*partition_, codec_), tape_) << "keep " << keep;
        ASSERT_TRUE(partition_->sync());
        reopen();
        ASSERT_EQ(read_all(*partition_, codec_), tape_) << "keep " << keep;
    }
}

// A write that has failed may have been done all the same; what of it lies behind the next one, which is
// shorter, is no part of the tape.
TEST_F(Partitions, HaveNothingOfAWriteThatFailed) {
    fill(3);
    ASSERT_TRUE(partition_->sync());
    ASSERT_TRUE(partition_->seek_object(2));
    const std::uint64_t epoch = partition_->peek().value()->epoch;
    ASSERT_TRUE(partition_->seek_object(3));
    std::vector<std::byte> record(RecordHeader::kBytes);
    encode({.type = ObjectType::filemark,
            .object = 4,
            .filemarks = partition_->filemarks() + 1,
            .epoch = epoch,
            .previous_bytes = RecordHeader::kBytes},
           std::span{record}.first<RecordHeader::kBytes>());
    store_.fail_after(0, FaultKind::host, true);
    EXPECT_FALSE(write_object(*partition_, codec_, record));
    write(Object{});
    ASSERT_TRUE(partition_->sync());
    reopen();
    EXPECT_EQ(read_all(*partition_, codec_), tape_);
    ASSERT_TRUE(partition_->seek_object(tape_.size()));
    write(Object{});
    ASSERT_TRUE(partition_->sync());
    store_.fail_after(0, FaultKind::host, true);
    EXPECT_FALSE(partition_->append_filemarks(3));
    write(Object{});
    ASSERT_TRUE(partition_->sync());
    reopen();
    EXPECT_EQ(read_all(*partition_, codec_), tape_);
}

TEST_F(Partitions, AreNotReadWholeToFindSomething) {
    constexpr PartitionName kLarge{.cartridge = 7, .number = 1, .segment_bytes = 16U << 20U};
    auto opened = Partition::open(store_, kLarge);
    ASSERT_TRUE(opened);
    const std::vector<std::byte> block(64 << 10U);
    for (int i = 0; i < 1024; ++i) {
        ASSERT_TRUE(codec_.write(**opened, block, {}));
    }
    ASSERT_TRUE((*opened)->sync());
    const std::uint64_t before = store_.bytes_read();
    opened = Partition::open(store_, kLarge);
    ASSERT_TRUE(opened);
    ASSERT_TRUE((*opened)->seek_object(767));  // the last of its segment, which has 256
    ASSERT_TRUE((*opened)->peek());
    EXPECT_EQ((*opened)->end_object(), 1024U);
    EXPECT_LT(store_.bytes_read() - before, 20'000U);  // of 64 MiB
}

TEST_F(Partitions, SayThatDataAreDamagedRatherThanGiveWrongOnes) {
    fill(12);
    ASSERT_TRUE(partition_->sync());
    const std::string name = store_.names().front();
    const MemoryStore::Content whole = store_.content(name);
    for (std::size_t byte = 0; byte < whole.size(); ++byte) {
        store_.content(name)[byte] ^= static_cast<std::byte>(1U << (byte % 8));
        auto opened = Partition::open(store_, kName);
        if (opened) {
            // What is found is a beginning of what was written, and the end is where it was: nothing is
            // silently missing either.
            const std::vector<Object> found = read_all(**opened, codec_);
            ASSERT_EQ((*opened)->end_object(), tape_.size()) << "byte " << byte;
            ASSERT_TRUE(std::equal(found.begin(), found.end(), tape_.begin())) << "byte " << byte;
            if (byte >= SegmentHeader::kBytes) {
                ASSERT_LT(found.size(), tape_.size()) << "byte " << byte;
            }
        } else {
            ASSERT_LT(byte, SegmentHeader::kBytes);
            ASSERT_EQ(opened.error().kind, FaultKind::damaged);
        }
        store_.content(name) = whole;
    }
}

TEST_F(Partitions, NeedNoIndexButForSpeed) {
    fill(300);
    ASSERT_TRUE(partition_->sync());
    for (const std::string& name : store_.names()) {
        if (name.ends_with(".index") && name != store_.names().back()) {
            store_.content(name).clear();
        }
    }
    reopen();
    EXPECT_EQ(read_all(*partition_, codec_), tape_);
    ASSERT_TRUE(partition_->seek_object(200));
    EXPECT_EQ(read_object(*partition_, codec_).value(), tape_[200]);
}

TEST_F(Partitions, AreNotTakenForAnotherCartridges) {
    fill(5);
    ASSERT_TRUE(partition_->sync());
    PartitionName other = kName;
    other.cartridge = 8;
    const auto opened = Partition::open(store_, other);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, FaultKind::damaged);
}

// Each step of the store fails once; what was synced before stays, and writing goes on when it works again.
TEST_F(Partitions, KeepWhatTheyHaveWhenTheStoreFails) {
    fill(60);
    ASSERT_TRUE(partition_->sync());
    const std::vector<Object> kept(tape_.begin(), tape_.begin() + 30);
    for (const FaultKind kind : {FaultKind::full, FaultKind::host}) {
        for (std::size_t step = 0; step < 25; ++step) {
            const auto disk = store_.copy();
            auto opened = Partition::open(*disk, kName);
            ASSERT_TRUE(opened);
            Partition& partition = **opened;
            ASSERT_TRUE(partition.seek_object(30));
            disk->fail_after(step, kind);
            bool failed = false;
            for (int i = 0; i < 30 && !failed; ++i) {
                const auto wrote = write_object(partition, codec_, some_bytes(random_, 700));
                failed = !wrote;
                if (failed) {
                    EXPECT_EQ(wrote.error().kind, kind);
                }
            }
            ASSERT_TRUE(failed);
            disk->mend();
            opened = Partition::open(*disk, kName);
            ASSERT_TRUE(opened);
            const std::vector<Object> found = read_all(**opened, codec_);
            ASSERT_GE(found.size(), kept.size()) << "step " << step;
            ASSERT_TRUE(std::equal(kept.begin(), kept.end(), found.begin())) << "step " << step;
        }
    }
}

TEST_F(Partitions, WriteOnAfterAFailureAsIfItHadNotBeen) {
    fill(20);
    store_.fail_after(0, FaultKind::full);
    ASSERT_FALSE(write_object(*partition_, codec_, some_bytes(random_, 700)));
    store_.mend();
    fill(40);
    EXPECT_EQ(read_all(*partition_, codec_), tape_);
    ASSERT_TRUE(partition_->sync());
    reopen();
    EXPECT_EQ(read_all(*partition_, codec_), tape_);
}

TEST_F(Partitions, AreSearchedBackwardsForFilemarksWithoutWalkingTheSameWayAgain) {
    constexpr std::size_t kFilemarks = 2000;
    for (std::size_t i = 0; i < kFilemarks; ++i) {
        write({});
    }
    const std::uint64_t before = store_.bytes_read();
    for (std::size_t i = kFilemarks; i-- > 0;) {
        ASSERT_TRUE(partition_->seek_filemark(i));
        ASSERT_EQ(partition_->object(), i);
    }
    EXPECT_LT(store_.bytes_read() - before, 2 * kFilemarks * RecordHeader::kBytes);
    // What was there once, and is not any more, is not found.
    ASSERT_TRUE(partition_->seek_object(10));
    tape_.resize(10);
    write(Object{some_bytes(random_, 100)});
    write({});
    ASSERT_TRUE(partition_->seek_filemark(10));
    EXPECT_EQ(partition_->object(), 11U);
    EXPECT_EQ(read_all(*partition_, codec_), tape_);
}

}  // namespace
}  // namespace targe::vtl
