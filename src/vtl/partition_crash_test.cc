// What is left of a tape when the power goes, or when its files end anywhere.
#include "vtl/partition.h"
#include "vtl/testing_store.h"
#include "vtl/testing_tape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <random>
#include <vector>

namespace targe::vtl {
namespace {

using testing::MemoryStore;
using testing::Object;
using testing::read_all;
using testing::some_bytes;
using testing::write_object;

constexpr PartitionName kName{.cartridge = 7, .segment_bytes = 6000};

bool begins_with(const std::vector<Object>& whole, const std::vector<Object>& part) {
    return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

TEST(TapeAfterACrash, HasAllBeforeTheFilemarkWhereverTheFileEnds) {
    MemoryStore store;
    BlockCodec codec;
    std::mt19937_64 random(3);
    const PartitionName name{.cartridge = 7};
    auto partition = Partition::open(store, name);
    ASSERT_TRUE(partition);
    std::vector<Object> synced;
    for (int i = 0; i < 6; ++i) {
        synced.emplace_back(some_bytes(random, 300));
        ASSERT_TRUE(write_object(**partition, codec, synced.back()));
    }
    synced.emplace_back();
    ASSERT_TRUE(write_object(**partition, codec, {}));
    ASSERT_TRUE((*partition)->sync());
    const std::string file = store.names().front();
    const std::size_t safe = store.content(file).size();
    std::vector<Object> all = synced;
    for (int i = 0; i < 3; ++i) {
        all.emplace_back(some_bytes(random, 200));
        ASSERT_TRUE(write_object(**partition, codec, all.back()));
    }
    const MemoryStore::Content whole = store.content(file);
    ASSERT_GT(whole.size(), safe);
    for (std::size_t end = safe; end <= whole.size(); ++end) {
        const auto disk = store.copy();
        disk->content(file).resize(end);
        auto opened = Partition::open(*disk, name);
        ASSERT_TRUE(opened) << "end " << end;
        const std::vector<Object> found = read_all(**opened, codec);
        ASSERT_TRUE(begins_with(found, synced)) << "end " << end;
        ASSERT_TRUE(begins_with(all, found)) << "end " << end;
        ASSERT_EQ((*opened)->end_object(), found.size()) << "end " << end;
        // And it is written on from there.
        ASSERT_TRUE((*opened)->seek_object((*opened)->end_object()));
        std::vector<Object> longer = found;
        longer.emplace_back(some_bytes(random, 50));
        ASSERT_TRUE(write_object(**opened, codec, longer.back()));
        ASSERT_TRUE((*opened)->sync());
        opened = Partition::open(*disk, name);
        ASSERT_TRUE(opened);
        ASSERT_EQ(read_all(**opened, codec), longer) << "end " << end;
    }
}

/// Writes, overwrites and syncs as it likes; the power goes; what is left is looked at, and goes on as the
/// tape.
class Storm {
public:
    explicit Storm(std::uint64_t seed) : random_(seed) {}

    void run() {
        for (int round = 0; round < 12 && !::testing::Test::HasFatalFailure(); ++round) {
            auto opened = Partition::open(*disk_, kName);
            ASSERT_TRUE(opened) << opened.error().what;
            opened_ = std::move(*opened);
            look(*opened_);
            const int steps = static_cast<int>(random_() % 60);
            for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) {
                act();
            }
            disk_ = disk_->after_power_loss(random_);
        }
    }

private:
    void look(Partition& partition) {
        const std::vector<Object> found = read_all(partition, codec_);
        ASSERT_EQ(found.size(), partition.end_object());
        const bool as_one_was = std::ranges::any_of(possible_, [&](const std::vector<Object>& tape) {
            return begins_with(tape, found) && found.size() >= std::min(safe_, tape.size());
        });
        ASSERT_TRUE(as_one_was) << found.size() << " objects, " << safe_ << " of them synced";
        ASSERT_GE(found.size(), safe_);
        tape_ = found;
        possible_ = {tape_};
        // What was found may not be synced; it stays only if it is.
        ASSERT_TRUE(partition.sync());
        safe_ = tape_.size();
    }
    void act() {
        const auto what = random_() % 20;
        if (what == 0) {
            ASSERT_TRUE(opened_->sync());
            safe_ = tape_.size();
            possible_ = {tape_};
        } else if (what == 1) {
            const std::size_t keep = random_() % (tape_.size() + 1);
            ASSERT_TRUE(opened_->seek_object(keep));
            tape_.resize(keep);
            // From now on what was behind may be gone, or there until something is written in its place.
            safe_ = std::min(safe_, keep);
            write();
        } else if (what == 2) {
            start_again();
        } else {
            ASSERT_TRUE(opened_->seek_object(opened_->end_object()));
            write();
        }
    }
    /// As after kill -9: all is there, and no more of it is safe than before.
    void start_again() {
        opened_.reset();
        auto opened = Partition::open(*disk_, kName);
        ASSERT_TRUE(opened) << opened.error().what;
        opened_ = std::move(*opened);
        ASSERT_EQ(read_all(*opened_, codec_), tape_);
    }
    void write() {
        Object object;
        if (random_() % 6 != 0) {
            object = some_bytes(random_, random_() % 800);
        }
        ASSERT_TRUE(write_object(*opened_, codec_, object));
        tape_.push_back(std::move(object));
        possible_.push_back(tape_);
    }

    std::mt19937_64 random_;
    BlockCodec codec_;
    std::unique_ptr<MemoryStore> disk_ = std::make_unique<MemoryStore>();
    std::unique_ptr<Partition> opened_;  ///< of `disk_`
    std::vector<Object> tape_;
    std::vector<std::vector<Object>> possible_{{}};  ///< what was on the tape since it was last synced
    std::size_t safe_ = 0;                           ///< objects that must survive
};

TEST(TapeAfterACrash, IsATapeThatWasThereAndHasWhatWasSynced) {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        Storm(seed).run();
        if (::testing::Test::HasFatalFailure()) {
            return;
        }
    }
}

}  // namespace
}  // namespace targe::vtl
