// Tapes whose last segment, or whose index, is damaged or on sectors that the disk cannot read: what was
// synced is there or is told to be damaged, and nothing of it is taken for the end of the tape.
#include "vtl/partition.h"
#include "vtl/testing_sectors.h"
#include "vtl/testing_store.h"
#include "vtl/testing_tape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace targe::vtl {
namespace {

using testing::BadSectors;
using testing::MemoryStore;
using testing::Object;
using testing::read_object;
using testing::some_bytes;
using testing::write_object;

constexpr PartitionName kName{.cartridge = 7, .segment_bytes = 8000};

class LastSegments : public ::testing::Test {
protected:
    void SetUp() override {
        reopen();
        for (int i = 0; i < 45; ++i) {
            tape_.push_back(i % 7 == 6 ? Object{} : Object{some_bytes(random_, 500 + random_() % 600)});
            ASSERT_TRUE(write_object(*partition_, codec_, tape_.back()));
            if (i % 5 == 4) {
                ASSERT_TRUE(partition_->sync());
            }
        }
        for (const std::string& name : store_.names()) {
            (name.ends_with(".tape") ? segments_ : indexes_).push_back(name);
        }
        ASSERT_GT(segments_.size(), 2U);
        // Several records before the damage, and several behind it.
        ASSERT_GT(store_.content(segments_.back()).size(), 4000U);
    }
    void reopen() {
        partition_.reset();
        auto opened = Partition::open(disk_, kName);
        ASSERT_TRUE(opened) << opened.error().what;
        partition_ = std::move(*opened);
    }
    void spoil(const std::string& name) { std::ranges::fill(store_.content(name), std::byte{0x55}); }
    /// The object that `byte` of the last segment belongs to, without its index.
    [[nodiscard]] std::size_t object_at(std::size_t byte) {
        const auto& content = store_.content(segments_.back());
        const auto header = decode_segment(std::span{content}.first<SegmentHeader::kBytes>());
        auto object = static_cast<std::size_t>(header->first_object);
        for (std::size_t at = SegmentHeader::kBytes;; ++object) {
            const auto record = decode_record(std::span{content}.subspan(at).first<RecordHeader::kBytes>());
            at += static_cast<std::size_t>(record->record_bytes());
            if (byte < at) {
                return object;
            }
        }
    }
    /// Reads as a drive does: what is readable is what was written there; the numbers of what is not.
    std::vector<std::uint64_t> unreadable() {
        std::vector<std::uint64_t> missing;
        partition_->rewind();
        while (!partition_->at_end()) {
            const std::uint64_t at = partition_->object();
            const auto header = partition_->peek();
            if (!header) {
                EXPECT_EQ(header.error().kind, FaultKind::damaged);
                EXPECT_TRUE(partition_->pass_damaged());
                missing.push_back(at);
                continue;
            }
            const auto object = read_object(*partition_, codec_);
            if (!object) {
                partition_->step(**header);
                missing.push_back(at);
            } else {
                EXPECT_EQ(*object, tape_[static_cast<std::size_t>(at)]) << at;
            }
        }
        return missing;
    }

    MemoryStore store_;
    BadSectors::Sectors bad_;
    BadSectors disk_{store_, bad_};
    BlockCodec codec_;
    std::mt19937_64 random_{23};
    std::vector<Object> tape_;
    std::vector<std::string> segments_;
    std::vector<std::string> indexes_;
    std::unique_ptr<Partition> partition_;
};

TEST_F(LastSegments, AreReadWithoutTheirIndexAndHeader) {
    for (const std::string& index : indexes_) {
        spoil(index);
    }
    reopen();
    EXPECT_EQ(partition_->end_object(), tape_.size());
    EXPECT_TRUE(unreadable().empty());
    for (const std::string& segment : segments_) {
        store_.content(segment)[10] ^= std::byte{1};
    }
    reopen();
    EXPECT_EQ(partition_->end_object(), tape_.size());
    EXPECT_TRUE(unreadable().empty());
}

TEST_F(LastSegments, HaveAHeaderAgainWhenTheTapeIsWrittenFromItsBegin) {
    store_.content(segments_.front())[10] ^= std::byte{1};
    reopen();
    tape_ = {Object{some_bytes(random_, 300)}};
    ASSERT_TRUE(write_object(*partition_, codec_, tape_.front()));
    ASSERT_TRUE(partition_->sync());
    spoil(indexes_.front());
    reopen();
    EXPECT_EQ(partition_->end_object(), 1U);
    EXPECT_TRUE(unreadable().empty());
    const std::span content{store_.content(segments_.front())};
    EXPECT_TRUE(decode_segment(content.first<SegmentHeader::kBytes>()));
}

/// How an index can be lost.
enum class Loss : std::uint8_t { spoilt, removed, emptied };
class LastSegmentsWithoutIndex : public LastSegments, public ::testing::WithParamInterface<Loss> {
protected:
    void lose_index() {
        switch (GetParam()) {
            case Loss::spoilt:
                spoil(indexes_.back());
                break;
            case Loss::removed:
                ASSERT_TRUE(store_.remove(indexes_.back()));
                break;
            case Loss::emptied:
                store_.content(indexes_.back()).clear();
                break;
        }
    }
};
INSTANTIATE_TEST_SUITE_P(HoweverLost, LastSegmentsWithoutIndex,
                         ::testing::Values(Loss::spoilt, Loss::removed, Loss::emptied));

// Records before the damage are good; what is behind it is not taken for the end, nor overwritten.
TEST_P(LastSegmentsWithoutIndex, TellOfDamageThatHidesWhatWasSynced) {
    const std::size_t wrong = object_at(2000);
    lose_index();
    for (std::size_t i = 2000; i < 3200; ++i) {
        store_.content(segments_.back())[i] ^= std::byte{1};
    }
    reopen();
    reopen();  // which nobody may forget for having looked
    const std::vector<std::uint64_t> missing = unreadable();
    ASSERT_FALSE(missing.empty());
    EXPECT_EQ(missing.front(), wrong);
    EXPECT_EQ(partition_->end_object(), missing.back() + 1);
    const auto before = store_.content(segments_.back());
    ASSERT_TRUE(partition_->seek_object(partition_->end_object()));
    const std::uint64_t end = partition_->end_object();
    tape_.resize(end);
    for (int i = 0; i < 3; ++i) {
        tape_.emplace_back(some_bytes(random_, 100));
        ASSERT_TRUE(write_object(*partition_, codec_, tape_.back()));
    }
    ASSERT_TRUE(partition_->sync());
    EXPECT_TRUE(std::ranges::equal(before, std::span{store_.content(segments_.back())}.first(before.size())));
    reopen();
    EXPECT_EQ(partition_->end_object(), end + 3);
    EXPECT_EQ(unreadable(), missing);
}

TEST_P(LastSegmentsWithoutIndex, TellOfDamageAtTheirBegin) {
    lose_index();
    const std::size_t first = object_at(SegmentHeader::kBytes);
    for (std::size_t i = 0; i < 1200; ++i) {
        store_.content(segments_.back())[i] ^= std::byte{1};
    }
    for (int again = 0; again < 3; ++again) {
        reopen();
        EXPECT_EQ(unreadable(), std::vector<std::uint64_t>{first});
        EXPECT_EQ(partition_->end_object(), first + 1);
        ASSERT_TRUE(partition_->sync());
    }
}

// Not for a tape that was cut there, which would make all that follows nobody's.
TEST_F(LastSegments, AreThereBehindOneThatIsTooShortAndHasNoIndex) {
    spoil(indexes_.front());
    store_.content(segments_.front()).resize(2000);
    reopen();
    EXPECT_EQ(partition_->end_object(), tape_.size());
    ASSERT_TRUE(partition_->seek_object(tape_.size() - 1));
    EXPECT_EQ(read_object(*partition_, codec_).value(), tape_.back());
    ASSERT_TRUE(store_.remove(indexes_.front()));
    reopen();
    EXPECT_EQ(partition_->end_object(), tape_.size());
}

// One after the other: the tape is there but for what is on the sector.
TEST_F(LastSegments, LoseNoMoreThanASectorHas) {
    for (const std::string& name : store_.names()) {
        const std::size_t sectors =
            (store_.content(name).size() + BadSectors::kSector - 1) / BadSectors::kSector;
        for (std::size_t sector = 0; sector < sectors; ++sector) {
            SCOPED_TRACE(name + " sector " + std::to_string(sector));
            bad_ = {{name, sector}};
            reopen();
            ASSERT_EQ(partition_->end_object(), tape_.size());
            const auto missing = unreadable();
            ASSERT_LE(missing.size(), name.ends_with(".index") ? 0U : 10U);
        }
    }
}

}  // namespace
}  // namespace targe::vtl
