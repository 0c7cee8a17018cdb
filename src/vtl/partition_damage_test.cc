// Tapes of which files are damaged, missing or could not be written: what is not damaged is found, and
// nothing is taken for the end of the tape that is not.
#include "vtl/partition.h"
#include "vtl/posix_store.h"
#include "vtl/testing_store.h"
#include "vtl/testing_tape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace targe::vtl {
namespace {

using testing::MemoryStore;
using testing::Object;
using testing::read_all;
using testing::read_object;
using testing::some_bytes;
using testing::write_object;

constexpr PartitionName kName{.cartridge = 7, .segment_bytes = 8000};

class DamagedTapes : public ::testing::Test {
protected:
    void SetUp() override {
        reopen();
        for (int i = 0; i < 60; ++i) {
            tape_.push_back(i % 7 == 6 ? Object{} : Object{some_bytes(random_, 100 + random_() % 600)});
            where_.push_back(store_.names().empty() ? std::pair{std::string{}, std::size_t{64}}
                                                    : end_of_tape());
            ASSERT_TRUE(write_object(*partition_, codec_, tape_.back()));
        }
        ASSERT_TRUE(partition_->sync());
    }
    void reopen() {
        partition_.reset();
        auto opened = Partition::open(store_, kName);
        ASSERT_TRUE(opened) << opened.error().what;
        partition_ = std::move(*opened);
    }
    [[nodiscard]] std::vector<std::string> segments() const {
        std::vector<std::string> found = store_.names();
        std::erase_if(found, [](const std::string& name) { return !name.ends_with(".tape"); });
        return found;
    }
    /// File and byte where the next object comes, if no segment begins before it.
    [[nodiscard]] std::pair<std::string, std::size_t> end_of_tape() {
        const std::string last = segments().back();
        return {last, store_.content(last).size()};
    }
    void damage_header(std::size_t object) {
        auto [file, at] = where_[object];
        // A segment may have begun just there.
        if (file.empty() || at >= store_.content(file).size()) {
            const std::vector<std::string> all = segments();
            const auto next = file.empty() ? all.begin() : std::next(std::ranges::find(all, file));
            file = *next;
            at = SegmentHeader::kBytes;
        }
        store_.content(file)[at + 20] ^= std::byte{1};
    }
    /// Reads as a drive does, which passes over what is damaged: what was found, by object number.
    std::map<std::uint64_t, Object> readable() {
        std::map<std::uint64_t, Object> found;
        partition_->rewind();
        while (!partition_->at_end()) {
            const std::uint64_t at = partition_->object();
            if (const auto header = partition_->peek(); !header) {
                EXPECT_EQ(header.error().kind, FaultKind::damaged);
                EXPECT_TRUE(partition_->pass_damaged());
                EXPECT_GT(partition_->object(), at);
            } else {
                found[at] = read_object(*partition_, codec_).value_or(Object{});
            }
        }
        return found;
    }

    MemoryStore store_;
    BlockCodec codec_;
    std::mt19937_64 random_{17};
    std::vector<Object> tape_;
    std::vector<std::pair<std::string, std::size_t>> where_;
    std::unique_ptr<Partition> partition_;
};

TEST_F(DamagedTapes, HaveAllButTheObjectWhoseRecordIsDamaged) {
    for (std::size_t damaged = 0; damaged < tape_.size(); ++damaged) {
        SCOPED_TRACE("object " + std::to_string(damaged));
        damage_header(damaged);
        reopen();
        const std::map<std::uint64_t, Object> found = readable();
        ASSERT_EQ(found.size(), tape_.size() - 1);
        ASSERT_FALSE(found.contains(damaged));
        for (const auto& [object, content] : found) {
            ASSERT_EQ(content, tape_[static_cast<std::size_t>(object)]) << object;
        }
        // What is behind it in the same file of the tape is found by number and by filemark, too.
        for (std::size_t object = 0; object < tape_.size(); ++object) {
            partition_->rewind();
            ASSERT_TRUE(partition_->seek_object(object));
            ASSERT_EQ(partition_->object(), object);
        }
        for (std::uint64_t mark = 0; mark < partition_->end_filemarks(); ++mark) {
            partition_->rewind();
            ASSERT_EQ(partition_->seek_filemark(mark).has_value(), damaged != mark * 7 + 6)
                << "filemark " << mark;
        }
        damage_header(damaged);
    }
}

TEST_F(DamagedTapes, GoOnBehindSeveralDamagedRecords) {
    for (const std::size_t object : {20U, 21U, 23U}) {
        damage_header(object);
    }
    reopen();
    const std::map<std::uint64_t, Object> found = readable();
    // 22 has a damaged neighbour on each side: it is found where the index knows of it.
    EXPECT_GE(found.size(), tape_.size() - 4);
    for (const unsigned object : {20U, 21U, 23U}) {
        EXPECT_FALSE(found.contains(object));
    }
    EXPECT_TRUE(found.contains(19) && found.contains(24));
    EXPECT_EQ(partition_->end_object(), tape_.size());
}

TEST_F(DamagedTapes, AreNotTakenToEndWhereAFileIsMissing) {
    const std::vector<std::string> files = segments();
    ASSERT_GT(files.size(), 2U);
    for (std::size_t missing = 0; missing + 1 < files.size(); ++missing) {
        const auto disk = store_.copy();
        ASSERT_TRUE(disk->remove(files[missing]));
        const auto opened = Partition::open(*disk, kName);
        ASSERT_FALSE(opened) << files[missing];
        EXPECT_EQ(opened.error().kind, FaultKind::damaged);
        EXPECT_TRUE(opened.error().what.contains(files[missing])) << opened.error().what;
    }
}

TEST_F(DamagedTapes, AreNotTakenToEndWhereAFileIsTooShort) {
    for (const std::string& file : segments()) {
        const auto disk = store_.copy();
        disk->content(file).resize(disk->content(file).size() / 2);
        const auto opened = Partition::open(*disk, kName);
        ASSERT_TRUE(opened) << opened.error().what;
        EXPECT_EQ((*opened)->end_object(), tape_.size()) << file;
        const std::vector<Object> found = read_all(**opened, codec_);
        ASSERT_LT(found.size(), tape_.size());
        EXPECT_TRUE(std::equal(found.begin(), found.end(), tape_.begin()));
    }
}

// Of a cut the index lacks one line at most.
TEST_F(DamagedTapes, AreNotTakenToEndWhereAFileIsTooShortAndItsIndexIsDamaged) {
    MemoryStore store;
    auto written = Partition::open(store, kName);
    ASSERT_TRUE(written);
    for (const Object& object : tape_) {
        ASSERT_TRUE(write_object(**written, codec_, object));
        ASSERT_TRUE((*written)->sync());
    }
    const std::string file = segments().front();
    auto& content = store.content(file);
    content.resize(content.size() / 2);
    auto& index = store.content(file + ".index");
    for (std::size_t at = 0; at < index.size(); at += IndexEntry::kBytes) {
        const auto line =
            decode_index(std::span<const std::byte>(index).subspan(at).first<IndexEntry::kBytes>());
        ASSERT_TRUE(line);
        index[at] ^= line->offset > content.size() ? std::byte{1} : std::byte{0};
    }
    const auto opened = Partition::open(store, kName);
    ASSERT_TRUE(opened) << opened.error().what;
    EXPECT_EQ((*opened)->end_object(), tape_.size());
}

TEST_F(DamagedTapes, HaveNoFileOfAnother) {
    const std::vector<std::string> files = segments();
    for (const auto change :
         {+[](SegmentHeader& header) { ++header.cartridge; }, +[](SegmentHeader& header) { ++header.format; },
          +[](SegmentHeader& header) { ++header.partition; },
          +[](SegmentHeader& header) { ++header.number; }}) {
        const auto disk = store_.copy();
        const auto raw = std::span(disk->content(files.at(1))).first<SegmentHeader::kBytes>();
        auto header = decode_segment(raw);
        ASSERT_TRUE(header);
        change(*header);
        encode(*header, raw);
        const auto opened = Partition::open(*disk, kName);
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().what, files[1] + " belongs to another cartridge");
    }
}

// What a cut has kept is kept, also when it is damaged later and nothing was written since.
TEST_F(DamagedTapes, EndWhereTheyWereCutAndNotBefore) {
    ASSERT_TRUE(partition_->seek_object(19));
    ASSERT_TRUE(partition_->cut());
    damage_header(12);
    reopen();
    ASSERT_EQ(partition_->end_object(), 19U);
    ASSERT_TRUE(partition_->seek_object(18));
    EXPECT_EQ(read_object(*partition_, codec_).value(), tape_[18]);
}

// The power goes in the middle of a cut, wherever: the tape is as it was, or ends at the cut.
TEST_F(DamagedTapes, AreCutWholeOrNot) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        std::mt19937_64 random(seed);
        const auto disk = store_.copy();
        auto opened = Partition::open(*disk, kName);
        ASSERT_TRUE(opened);
        const std::size_t keep = random() % tape_.size();
        ASSERT_TRUE((*opened)->seek_object(keep));
        disk->fail_after(random() % 20, FaultKind::host);
        static_cast<void>((*opened)->cut());
        const auto after = disk->after_power_loss(random);
        opened = Partition::open(*after, kName);
        ASSERT_TRUE(opened) << opened.error().what;
        const std::vector<Object> found = read_all(**opened, codec_);
        ASSERT_EQ(found.size(), (*opened)->end_object());
        ASSERT_TRUE(found.size() == keep || found.size() == tape_.size()) << found.size() << ", " << keep;
        ASSERT_TRUE(std::equal(found.begin(), found.end(), tape_.begin()));
        ASSERT_TRUE((*opened)->seek_object(found.size()));
        ASSERT_TRUE(write_object(**opened, codec_, Object{}));
        ASSERT_TRUE((*opened)->sync());
        opened = Partition::open(*after, kName);
        ASSERT_TRUE(opened) << opened.error().what;
        ASSERT_EQ((*opened)->end_object(), found.size() + 1);
    }
}

// Linux forgets what it could not write and says so once: what was written then is never safe.
TEST_F(DamagedTapes, AreNotSafeAgainOnceSyncHasFailed) {
    const Object more{some_bytes(random_, 300)};
    ASSERT_TRUE(write_object(*partition_, codec_, more));
    store_.fail_after(0, FaultKind::host);
    ASSERT_FALSE(partition_->sync());
    store_.mend();
    EXPECT_FALSE(partition_->sync());
    EXPECT_FALSE(write_object(*partition_, codec_, more));
    EXPECT_EQ(partition_->end_object(), tape_.size() + 1);
    // It can be read, and where it began something else is written.
    ASSERT_TRUE(partition_->seek_object(tape_.size()));
    EXPECT_EQ(read_object(*partition_, codec_).value(), more);
    ASSERT_TRUE(partition_->seek_object(tape_.size()));
    ASSERT_TRUE(write_object(*partition_, codec_, Object{}));
    EXPECT_TRUE(partition_->sync());
}

// Nor is what was written behind it, wherever somebody goes on.
TEST_F(DamagedTapes, AreNotWrittenOnBehindWhatIsNotSafe) {
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(write_object(*partition_, codec_, Object{some_bytes(random_, 300)}));
    }
    store_.fail_after(0, FaultKind::host);
    ASSERT_FALSE(partition_->sync());
    store_.mend();
    ASSERT_TRUE(partition_->seek_object(tape_.size() + 1));
    EXPECT_FALSE(write_object(*partition_, codec_, Object{}));
    EXPECT_FALSE(partition_->sync());
    ASSERT_TRUE(partition_->seek_object(tape_.size()));
    EXPECT_TRUE(write_object(*partition_, codec_, Object{}));
    EXPECT_TRUE(partition_->sync());
}

// Whatever of a new tape fails: what is called safe outlives the power, and what is not is there or is not.
TEST_F(DamagedTapes, AreSafeOnlyWhenAllOfSyncWentWell) {
    const Object object{some_bytes(random_, 300)};
    for (const bool alone : {false, true}) {
        bool well = false;
        for (std::size_t step = 0; !well; ++step) {
            SCOPED_TRACE("step=" + std::to_string(step));
            MemoryStore disk;
            auto opened = Partition::open(disk, kName);
            ASSERT_TRUE(opened);
            disk.fail_after(step, FaultKind::host, alone);
            const bool said = write_object(**opened, codec_, object) && (*opened)->sync();
            well = disk.changes() <= step;
            ASSERT_EQ(said, well);
            for (std::uint64_t seed = 1; seed <= 20; ++seed) {
                SCOPED_TRACE("seed=" + std::to_string(seed));
                std::mt19937_64 random(seed);
                const auto after = disk.after_power_loss(random);
                opened = Partition::open(*after, kName);
                ASSERT_TRUE(opened) << opened.error().what;
                const std::vector<Object> found = read_all(**opened, codec_);
                ASSERT_EQ(found.size(), (*opened)->end_object());
                ASSERT_TRUE(found == std::vector{object} || (found.empty() && !said));
            }
        }
    }
}

// Whatever of a cut fails: once the store works again the tape is written on, and nothing of what was cut off
// comes back.
TEST_F(DamagedTapes, AreWrittenOnAfterACutThatFailed) {
    bool well = false;
    for (std::size_t step = 0; !well; ++step) {
        for (const auto& [opened_again, alone] : {std::pair{false, false}, std::pair{true, false},
                                                  std::pair{false, true}, std::pair{true, true}}) {
            SCOPED_TRACE("step=" + std::to_string(step));
            const auto disk = store_.copy();
            auto opened = Partition::open(*disk, kName);
            ASSERT_TRUE(opened);
            ASSERT_TRUE((*opened)->seek_object(10));
            const std::size_t before = disk->changes();
            disk->fail_after(step, FaultKind::host, alone);
            well = (*opened)->cut().has_value();
            ASSERT_EQ(well, disk->changes() - before <= step);
            disk->mend();
            if (opened_again) {
                opened = Partition::open(*disk, kName);
                ASSERT_TRUE(opened) << opened.error().what;
            }
            std::vector<Object> tape(tape_.begin(), tape_.begin() + 10);
            ASSERT_TRUE((*opened)->seek_object(tape.size()));
            while (tape.size() < 50) {
                tape.emplace_back(some_bytes(random_, 100 + random_() % 600));
                ASSERT_TRUE(write_object(**opened, codec_, tape.back()));
                ASSERT_TRUE((*opened)->sync());
                const auto looked_at = Partition::open(*disk, kName);
                ASSERT_TRUE(looked_at) << looked_at.error().what;
                ASSERT_EQ((*looked_at)->end_object(), tape.size());
                ASSERT_EQ(read_all(**looked_at, codec_), tape);
            }
        }
    }
}

TEST_F(DamagedTapes, AreSafeWithoutSpaceForTheirIndex) {
    const Object more{some_bytes(random_, 300)};
    ASSERT_TRUE(write_object(*partition_, codec_, more));
    store_.fail_after(1, FaultKind::full);  // the index, once the data are synced
    ASSERT_TRUE(partition_->sync());
    store_.mend();
    std::mt19937_64 random(1);
    const auto after = store_.after_power_loss(random);
    const auto opened = Partition::open(*after, kName);
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)->end_object(), tape_.size() + 1);
    // And it is noted as soon as there is space.
    ASSERT_TRUE(partition_->sync());
    EXPECT_FALSE(partition_->dirty());
}

// It gives space back, and is what comes after a block that found none.
TEST_F(DamagedTapes, AreCutWithoutSpace) {
    constexpr PartitionName kOther{.cartridge = 7, .number = 1};
    auto opened = Partition::open(store_, kOther);
    ASSERT_TRUE(opened);
    for (int i = 0; i < 600; ++i) {
        ASSERT_TRUE(write_object(**opened, codec_, Object{}));
    }
    ASSERT_TRUE((*opened)->seek_object(520));
    store_.fill();
    const auto cut = (*opened)->cut();
    EXPECT_TRUE(cut) << cut.error().what;
    EXPECT_EQ((*opened)->end_object(), 520U);
    store_.mend();
    ASSERT_TRUE((*opened)->sync());
    opened = Partition::open(store_, kOther);
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)->end_object(), 520U);
    ASSERT_TRUE((*opened)->seek_object(300));
}

TEST(PosixStore, TakesASectorThatCannotBeReadForDamage) {
    // Nothing is mapped at the begin of any process, and reading it from this file fails as a bad disk does.
    const auto folder = open_folder("/proc/self", false);
    ASSERT_TRUE(folder) << folder.error().what;
    const auto memory = (*folder)->open("mem", false);
    ASSERT_TRUE(memory) << memory.error().what;
    std::array<std::byte, 16> out{};
    const auto got = (*memory)->read(0, out);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, FaultKind::damaged) << got.error().what;
}

}  // namespace
}  // namespace targe::vtl
