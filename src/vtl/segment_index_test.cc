// Lines of an index: which is the nearest, and what becomes of them in the file.
#include "vtl/segment_index.h"

#include "vtl/testing_sectors.h"
#include "vtl/testing_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ranges>
#include <utility>
#include <vector>

namespace targe::vtl {
namespace {

using testing::BadSectors;
using testing::MemoryStore;

constexpr const char* kName = "index";
constexpr std::uint64_t kFirst = SegmentHeader::kBytes;

/// Behind so many objects.
IndexEntry line(std::uint64_t objects, bool committed = false) {
    return {.committed = committed,
            .object = 1000 + objects,
            .filemarks = 50 + objects / 4,
            .offset = kFirst + objects * 100,
            .epoch = 3,
            .previous_bytes = objects == 0 ? 0U : 100U};
}

class SegmentIndexes : public ::testing::Test {
protected:
    SegmentIndex open() {
        auto opened = SegmentIndex::open(disk_, kName);
        EXPECT_TRUE(opened);
        return std::move(*opened);
    }
    /// With these lines, all in the file.
    SegmentIndex make(const std::vector<IndexEntry>& lines) {
        auto made = SegmentIndex::create(disk_, kName);
        EXPECT_TRUE(made);
        for (const IndexEntry& each : lines) {
            made->add(each);
        }
        EXPECT_TRUE(made->sync());
        return std::move(*made);
    }
    void damage(std::size_t slot) {
        store_.content(kName).at(slot * IndexEntry::kBytes + 20) ^= std::byte{1};
    }
    [[nodiscard]] std::size_t lines_in_file() {
        EXPECT_EQ(store_.content(kName).size() % IndexEntry::kBytes, 0U);
        return store_.content(kName).size() / IndexEntry::kBytes;
    }
    /// All of them, in order.
    static std::vector<IndexEntry> all(const SegmentIndex& index) {
        std::vector<IndexEntry> found;
        for (std::uint64_t object = 0; const IndexEntry* const next = index.from_object(object);) {
            found.push_back(*next);
            object = next->object + 1;
        }
        return found;
    }

    MemoryStore store_;
    BadSectors::Sectors bad_;
    BadSectors disk_{store_, bad_};
};

void expect_same(const IndexEntry* found, const auto& lines, const auto& at) {
    if (at == std::end(lines)) {
        EXPECT_EQ(found, nullptr);
    } else {
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(*found, *at);
    }
}

TEST_F(SegmentIndexes, KnowTheNearestLineOnEachSide) {
    const std::vector<IndexEntry> lines{line(0), line(3), line(4), line(4, true), line(9), line(30, true)};
    make(lines);
    const SegmentIndex index = open();
    const auto newest_first = std::views::reverse(lines);
    for (std::uint64_t object = 990; object < 1040; ++object) {
        SCOPED_TRACE(object);
        expect_same(index.before_object(object), newest_first,
                    std::ranges::find_if(newest_first, [&](const auto& it) { return it.object <= object; }));
        expect_same(index.from_object(object), lines,
                    std::ranges::find_if(lines, [&](const auto& it) { return it.object >= object; }));
    }
    for (std::uint64_t marks = 45; marks < 65; ++marks) {
        SCOPED_TRACE(marks);
        expect_same(
            index.before_filemark(marks), newest_first,
            std::ranges::find_if(newest_first, [&](const auto& it) { return it.filemarks <= marks; }));
        expect_same(index.behind_filemark(marks), lines,
                    std::ranges::find_if(lines, [&](const auto& it) { return it.filemarks > marks; }));
    }
    EXPECT_EQ(*index.first(), lines.front());
    EXPECT_EQ(*index.last(), lines.back());
    EXPECT_EQ(*index.last_committed(), lines.back());
}

TEST_F(SegmentIndexes, AreWrittenLineByLine) {
    SegmentIndex index = make({line(0), line(3)});
    EXPECT_EQ(lines_in_file(), 2U);
    const std::size_t before = store_.changes();
    EXPECT_TRUE(index.flush());
    EXPECT_EQ(store_.changes(), before) << "nothing is new";
    index.add(line(7, true));
    EXPECT_EQ(lines_in_file(), 2U);
    EXPECT_TRUE(index.flush());
    EXPECT_EQ(lines_in_file(), 3U);
    EXPECT_EQ(all(open()), (std::vector{line(0), line(3), line(7, true)}));
}

TEST_F(SegmentIndexes, AreFlushedAgainWhereThatHasFailed) {
    SegmentIndex index = make({line(0)});
    index.add(line(3));
    store_.fill();
    EXPECT_FALSE(index.flush());
    store_.mend();
    EXPECT_TRUE(index.sync());
    EXPECT_EQ(all(open()), (std::vector{line(0), line(3)}));
}

TEST_F(SegmentIndexes, BeginEmptyWhateverWasThere) {
    make({line(0), line(3, true)});
    EXPECT_TRUE(all(SegmentIndex::create(disk_, kName).value()).empty());
    EXPECT_TRUE(all(open()).empty());
}

// A line that is of before a cut.
TEST_F(SegmentIndexes, TakeNoLineThatGoesBack) {
    for (std::uint64_t IndexEntry::* const field :
         {&IndexEntry::object, &IndexEntry::offset, &IndexEntry::filemarks}) {
        IndexEntry back = line(9, true);
        back.*field = line(3).*field - 1;
        make({line(0), line(3), back, line(12)});
        EXPECT_EQ(all(open()), (std::vector{line(0), line(3), line(12)}));
    }
}

TEST_F(SegmentIndexes, KnowWhetherDamageMayHideThatSomethingWasSynced) {
    EXPECT_TRUE(open().promises_lost()) << "there is no line";
    const std::vector<IndexEntry> lines{line(0), line(3), line(5, true), line(7), line(9)};
    make(lines);
    EXPECT_FALSE(open().promises_lost());
    for (std::size_t slot = 0; slot < lines.size(); ++slot) {
        make(lines);
        damage(slot);
        EXPECT_EQ(open().promises_lost(), slot >= 2) << slot;
        EXPECT_EQ(open().damaged_behind(), slot == 4 ? 1U : 0U) << slot;
    }
    make(lines);
    store_.content(kName).push_back(std::byte{0});
    EXPECT_TRUE(open().promises_lost()) << "a line was begun";
    EXPECT_EQ(open().damaged_behind(), 1U);
}

TEST_F(SegmentIndexes, ForgetDamageThatIsWrittenOver) {
    for (const std::size_t first : {2U, 3U, 4U}) {
        make({line(0), line(3, true), line(5), line(7), line(9)});
        for (std::size_t slot = first; slot < 5; ++slot) {
            damage(slot);
        }
        SegmentIndex index = open();
        EXPECT_EQ(index.damaged_behind(), 5 - first);
        index.add(line(9, true));
        EXPECT_TRUE(index.sync());
        EXPECT_EQ(lines_in_file(), first + 1);
        const SegmentIndex again = open();
        for (const SegmentIndex* const each : {&std::as_const(index), &again}) {
            EXPECT_EQ(each->damaged_behind(), 0U);
            EXPECT_FALSE(each->promises_lost());
        }
    }
}

TEST_F(SegmentIndexes, AreCutWhereTheTapeIs) {
    const std::vector<IndexEntry> lines{line(0), line(3, true), line(5), line(7, true), line(9)};
    for (std::uint64_t offset = kFirst - 1; offset <= lines.back().offset + 1; ++offset) {
        SegmentIndex index = make(lines);
        index.add(line(12));
        EXPECT_TRUE(index.cut(offset));
        std::vector<IndexEntry> kept = lines;
        std::erase_if(kept, [&](const auto& it) { return it.offset > offset; });
        ASSERT_EQ(all(index), kept) << offset;
        ASSERT_EQ(lines_in_file(), kept.size()) << offset;
        ASSERT_EQ(all(open()), kept) << offset;
    }
    // Damage in front of the cut is remembered, and that behind it is not.
    for (std::size_t slot = 0; slot < 4; ++slot) {
        make(lines);
        damage(slot);
        SegmentIndex index = open();
        EXPECT_TRUE(index.cut(line(5).offset));
        EXPECT_EQ(index.promises_lost(), slot == 1) << slot;
        EXPECT_EQ(index.promises_lost(), open().promises_lost()) << slot;
    }
}

TEST_F(SegmentIndexes, ForgetLinesThatNothingWasSyncedAt) {
    make({line(0), line(3), line(5, true), line(7), line(9)});
    SegmentIndex index = open();
    index.drop_uncommitted();
    EXPECT_EQ(*index.last(), line(5, true));
    // What is added then stands in the file, in their place.
    index.add(line(6));
    index.add(line(8));
    EXPECT_TRUE(index.sync());
    EXPECT_EQ(all(open()), (std::vector{line(0), line(3), line(5, true), line(6), line(8)}));
    // The begin of the segment stays, and nothing else.
    make({line(0), line(3)});
    index = open();
    index.drop_uncommitted();
    EXPECT_EQ(all(index), std::vector{line(0)});
    make({line(3), line(5)});
    index = open();
    index.drop_uncommitted();
    EXPECT_EQ(index.last(), nullptr);
}

TEST_F(SegmentIndexes, SayThatTheDiskHasNotDoneAllOfIt) {
    struct Work {
        std::size_t changes;
        std::function<bool(SegmentIndex&)> done;
    };
    const std::array<Work, 3> works{
        {{1, [&](SegmentIndex& /*index*/) { return SegmentIndex::create(disk_, kName).has_value(); }},
         {2, [](SegmentIndex& index) { return index.cut(kFirst).has_value(); }},
         {3, [](SegmentIndex& index) {
              index.add(line(5, true));
              return index.sync().has_value();
          }}}};
    for (const Work& work : works) {
        for (std::size_t change = 0; change <= work.changes; ++change) {
            make({line(0), line(3), line(5), line(7)});
            damage(2);
            damage(3);
            SegmentIndex index = open();
            store_.fail_after(change, FaultKind::host, true);
            EXPECT_EQ(work.done(index), change == work.changes) << change << " of " << work.changes;
            store_.mend();
        }
    }
}

TEST_F(SegmentIndexes, LoseNoMoreThanWhatTheDiskCannotRead) {
    constexpr std::uint64_t kAtOnce = 4096;
    std::vector<IndexEntry> lines;
    for (std::uint64_t i = 0; i < 250; ++i) {
        lines.push_back(line(i, i % 10 == 0));
    }
    make(lines);
    const std::uint64_t size = store_.content(kName).size();
    for (std::uint64_t begin = 0; begin < size; begin += kAtOnce) {
        bad_ = {{kName, begin / BadSectors::kSector}};
        std::vector<IndexEntry> left;
        for (std::uint64_t i = 0; i < lines.size(); ++i) {
            const std::uint64_t at = i * IndexEntry::kBytes;
            if (at + IndexEntry::kBytes <= begin || at >= begin + kAtOnce) {
                left.push_back(lines[i]);
            }
        }
        EXPECT_EQ(all(open()), left) << begin;
    }
}

}  // namespace
}  // namespace targe::vtl
