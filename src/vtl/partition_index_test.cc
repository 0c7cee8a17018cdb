// Tapes with many objects between two syncs: the lines of the index there bound what a search walks over, and
// what a damaged record hides.
#include "vtl/partition.h"
#include "vtl/testing_store.h"
#include "vtl/testing_tape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace targe::vtl {
namespace {

using testing::MemoryStore;
using testing::Object;
using testing::read_all;
using testing::read_object;
using testing::some_bytes;
using testing::write_object;

constexpr PartitionName kName{.cartridge = 7};
constexpr std::uint64_t kBetweenLines = 256;  // objects

class LongTapes : public ::testing::Test {
protected:
    void SetUp() override {
        reopen();
        for (int i = 0; i < 2000; ++i) {
            write(i % 3 == 2 ? Object{} : Object{some_bytes(random_, 1 + random_() % 40)});
        }
        const auto marks = partition_->append_filemarks(500);
        ASSERT_EQ(marks, 500U);
        tape_.resize(tape_.size() + 500);
    }
    void reopen() {
        partition_.reset();
        auto opened = Partition::open(store_, kName);
        ASSERT_TRUE(opened) << opened.error().what;
        partition_ = std::move(*opened);
        ASSERT_EQ(partition_->end_object(), tape_.size());
    }
    void write(const Object& object) {
        tape_.push_back(object);
        ASSERT_TRUE(write_object(*partition_, codec_, object));
    }
    /// Each search from the begin of the tape.
    void expect_found_nearby() {
        std::uint64_t filemarks = 0;
        for (std::uint64_t object = 0; object < tape_.size(); ++object) {
            SCOPED_TRACE(object);
            for (const bool by_mark : {false, true}) {
                if (by_mark && tape_[object]) {
                    continue;
                }
                partition_->rewind();
                const std::uint64_t before = store_.bytes_read();
                ASSERT_TRUE(by_mark ? partition_->seek_filemark(filemarks) : partition_->seek_object(object));
                ASSERT_EQ(partition_->object(), object);
                ASSERT_EQ(partition_->filemarks(), filemarks);
                ASSERT_LE(store_.bytes_read() - before, (kBetweenLines + 1) * RecordHeader::kBytes);
            }
            ASSERT_EQ(read_object(*partition_, codec_).value(), tape_[object]);
            filemarks += tape_[object] ? 0 : 1;
        }
    }
    void damage(std::size_t byte) { store_.content(store_.names().front()).at(byte) ^= std::byte{1}; }

    MemoryStore store_;
    BlockCodec codec_;
    std::mt19937_64 random_{29};
    std::vector<Object> tape_;
    std::unique_ptr<Partition> partition_;
};

TEST_F(LongTapes, AreSearchedNoFurtherThanToTheNextLine) {
    expect_found_nearby();
    ASSERT_TRUE(partition_->sync());
    reopen();
    expect_found_nearby();
}

// As after kill -9: what is not synced is walked over once, and what is written then has lines too.
TEST_F(LongTapes, AreSearchedAsWellWhenNothingWasSynced) {
    reopen();
    EXPECT_TRUE(partition_->dirty());
    expect_found_nearby();
    for (int i = 0; i < 600; ++i) {
        write(Object{some_bytes(random_, 10)});
    }
    expect_found_nearby();
}

TEST_F(LongTapes, HaveAllButTheDamagedRecordBetweenTwoLines) {
    ASSERT_TRUE(partition_->sync());
    std::size_t at = SegmentHeader::kBytes;
    for (std::size_t object = 0; object < tape_.size(); ++object) {
        const auto& content = store_.content(store_.names().front());
        const auto record = decode_record(std::span{content}.subspan(at).first<RecordHeader::kBytes>());
        ASSERT_TRUE(record);
        if (object % 97 == 5) {
            damage(at + 20);
            ASSERT_TRUE(partition_->seek_object(object));
            const auto header = partition_->peek();
            ASSERT_FALSE(header);
            ASSERT_TRUE(partition_->pass_damaged());
            ASSERT_EQ(partition_->object(), object + 1);
            ASSERT_EQ(read_object(*partition_, codec_).value(), tape_[object + 1]);
            damage(at + 20);
        }
        at += static_cast<std::size_t>(record->record_bytes());
    }
}

// A disk may have again what was cut off: it is of an earlier epoch, also after a kill -9.
TEST_F(LongTapes, EndBeforeWhatWasOverwritten) {
    const std::string file = store_.names().front();
    const Object block{std::vector<std::byte>(100)};
    ASSERT_TRUE(partition_->sync());
    tape_.pop_back();
    ASSERT_TRUE(partition_->seek_object(tape_.size()));
    write(block);
    const std::size_t end = tape_.size();
    write(block);
    const std::size_t behind = store_.content(file).size();
    write(block);
    const MemoryStore::Content before = store_.content(file);
    reopen();
    ASSERT_TRUE(partition_->seek_object(end));
    tape_.resize(end);
    write(block);
    ASSERT_TRUE(partition_->sync());
    MemoryStore::Content& content = store_.content(file);
    ASSERT_EQ(content.size(), behind);
    content.insert(content.end(), before.begin() + static_cast<std::ptrdiff_t>(behind), before.end());
    reopen();
    ASSERT_TRUE(partition_->seek_object(end + 1));
    write(block);
    EXPECT_EQ(read_all(*partition_, codec_), tape_);
}

// Any of what was not synced may be lost with the power, from its end on.
TEST_F(LongTapes, HaveWhatWasSyncedWhenThePowerGoes) {
    ASSERT_TRUE(partition_->sync());
    const std::size_t safe = tape_.size();
    for (int i = 0; i < 600; ++i) {
        write(i % 5 == 0 ? Object{} : Object{some_bytes(random_, 10)});
    }
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        std::mt19937_64 random(seed);
        const auto after = store_.after_power_loss(random);
        const auto opened = Partition::open(*after, kName);
        ASSERT_TRUE(opened) << opened.error().what;
        const std::vector<Object> found = read_all(**opened, codec_);
        ASSERT_EQ(found.size(), (*opened)->end_object());
        ASSERT_GE(found.size(), safe);
        ASSERT_TRUE(std::equal(found.begin(), found.end(), tape_.begin()));
    }
}

}  // namespace
}  // namespace targe::vtl
