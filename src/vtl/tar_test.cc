#include "vtl/tar.h"

#include "vtl/block_codec.h"
#include "vtl/limits.h"
#include "vtl/tar_member.h"
#include "vtl/testing_store.h"
#include "vtl/testing_tape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace targe::vtl {
namespace {

using testing::MemoryStore;
using testing::Object;
using testing::read_object;
using testing::some_bytes;
using testing::write_object;

class TapeAsTar : public ::testing::Test {
protected:
    static std::unique_ptr<Cartridge> empty(
        std::unique_ptr<MemoryStore> store = std::make_unique<MemoryStore>()) {
        auto made = Cartridge::create(
            std::move(store), {.barcode = "B00001L6", .capacity_bytes = 1U << 20U, .segment_bytes = 16384});
        EXPECT_TRUE(made);
        return std::move(*made);
    }
    static std::unique_ptr<Cartridge> imported(const std::string& archive) {
        std::istringstream in(archive);
        const auto label = import_label(in);
        EXPECT_TRUE(label) << label.error().what;
        auto copy = empty();
        EXPECT_TRUE(copy->format(label.value().partitions));
        const auto done = import_objects(in, *copy);
        EXPECT_TRUE(done) << done.error().what;
        return copy;
    }
    void SetUp() override {
        auto store = std::make_unique<MemoryStore>();
        store_ = store.get();
        cartridge_ = empty(std::move(store));
        ASSERT_TRUE(cartridge_->format({1U << 19U, 1U << 19U}));
        key_[3] = std::byte{9};
        for (int i = 0; i < 60; ++i) {
            const Object object = i % 7 == 6 ? Object{} : Object{some_bytes(random_, 1 + random_() % 2000)};
            const bool sealed = i % 7 == 3;
            tape_.push_back(object);
            ASSERT_TRUE(write_object(cartridge_->partition(i < 50 ? 0 : 1), codec_, object,
                                     {.compress = true, .key = sealed ? &key_ : nullptr}));
        }
        std::ostringstream out;
        ASSERT_TRUE(export_tar(*cartridge_, out));
        archive_ = out.str();
    }

    std::mt19937_64 random_{12};
    BlockCodec codec_;
    Key key_{};
    std::vector<Object> tape_;
    MemoryStore* store_ = nullptr;
    std::unique_ptr<Cartridge> cartridge_;
    std::string archive_;
};

TEST_F(TapeAsTar, ComesBackAsItWasAlsoWhatIsEncrypted) {
    std::istringstream in(archive_);
    EXPECT_EQ(import_label(in).value(), cartridge_->label());
    const auto copy = imported(archive_);
    for (std::size_t i = 0; i < tape_.size(); ++i) {
        Partition& partition = copy->partition(i < 50 ? 0 : 1);
        if (i == 0 || i == 50) {
            partition.rewind();
        }
        const auto object = read_object(partition, codec_, &key_);
        ASSERT_TRUE(object) << i;
        ASSERT_EQ(*object, tape_[i]) << i;
    }
}

// What is damaged keeps its place, in the archive and on the tape that is made of it.
TEST_F(TapeAsTar, HasAllThatCanBeRead) {
    Partition& partition = cartridge_->partition(0);
    const std::string file = "00000002-0-00000000.tape";
    std::size_t at = SegmentHeader::kBytes;
    for (std::size_t i = 0; i < 8; ++i) {
        ASSERT_TRUE(partition.seek_object(i));
        const auto header = partition.peek();
        ASSERT_TRUE(header && *header);
        // A block's data, a sealed block's data, the record of a filemark and that of a block.
        const std::size_t wrong = i == 1 || i == 3 ? RecordHeader::kBytes + 5 : i >= 6 ? 20U : 0U;
        if (wrong != 0) {
            store_->content(file)[at + wrong] ^= std::byte{1};
        }
        at += static_cast<std::size_t>((*header)->record_bytes());
    }
    std::ostringstream out;
    const auto unreadable = export_tar(*cartridge_, out);
    ASSERT_TRUE(unreadable) << unreadable.error().what;
    EXPECT_EQ(text_of(*unreadable), "object 1, object 3, objects 6 to 7");
    const auto copy = imported(out.str());
    for (std::size_t i = 0; i < tape_.size(); ++i) {
        Partition& there = copy->partition(i < 50 ? 0 : 1);
        ASSERT_TRUE(there.seek_object(i < 50 ? i : i - 50));
        const auto header = there.peek();
        ASSERT_TRUE(header && *header) << i;
        // Of two records one is known to be a filemark, which is taken for the last.
        const bool mark = i == 7 || (i != 6 && !tape_[i]);
        ASSERT_EQ((*header)->type == ObjectType::filemark, mark) << i;
        if (i == 1 || i == 3 || i == 6) {
            EXPECT_EQ(codec_.read(there, **header, &key_).error(), ReadFault::unreadable) << i;
        } else if (i != 7) {
            EXPECT_EQ(read_object(there, codec_, &key_).value(), tape_[i]) << i;
        }
    }
    // The copy has the same to tell.
    std::ostringstream again;
    EXPECT_EQ(text_of(export_tar(*copy, again).value()), "object 1, object 3, object 6");
}

TEST_F(TapeAsTar, HasAFilemarkWhoseRecordAloneIsDamaged) {
    Partition& partition = cartridge_->partition(0);
    ASSERT_TRUE(partition.seek_object(6));
    ASSERT_FALSE(tape_[6]);
    store_->content(
        "00000002-0-00000000.tape")[SegmentHeader::kBytes + partition.used_before_position() + 20] ^=
        std::byte{1};
    std::ostringstream out;
    const auto unreadable = export_tar(*cartridge_, out);
    ASSERT_TRUE(unreadable) << unreadable.error().what;
    EXPECT_EQ(text_of(*unreadable), "");
    EXPECT_EQ(out.str(), archive_);
}

TEST_F(TapeAsTar, IsReadByTar) {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("targe-tar-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "a.tar", std::ios::binary) << archive_;
    const std::string command = "tar -C " + folder.string() + " -xf " + (folder / "a.tar").string();
    ASSERT_EQ(std::system(command.c_str()), 0);
    std::ifstream file(folder / "B00001L6/0/00000000/000000000001.block", std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(content.size(), tape_[1]->size());
    EXPECT_TRUE(std::filesystem::exists(folder / "B00001L6/0/00000000/000000000006.filemark"));
    std::filesystem::remove_all(folder);
}

TEST_F(TapeAsTar, IsRefusedWhenSomethingIsMissingOrDamaged) {
    const auto outcome = [&](const std::string& archive) {
        std::istringstream in(archive);
        const auto label = import_label(in);
        if (!label) {
            return label.error().what;
        }
        auto copy = empty();
        EXPECT_TRUE(copy->format(label->partitions));
        const auto done = import_objects(in, *copy);
        return done ? std::string("accepted") : done.error().what;
    };
    EXPECT_EQ(outcome(archive_), "accepted");
    EXPECT_EQ(outcome(archive_.substr(0, archive_.size() - 2048)), "the archive ends in the middle");
    EXPECT_EQ(outcome(""), "the archive ends in the middle");
    EXPECT_EQ(outcome(std::string(512, 'x')), "it is no tar archive, or damaged");
    // Without the first object.
    const std::size_t first = archive_.find("B00001L6/0/");
    const std::size_t second = archive_.find("B00001L6/0/", first + 1);
    EXPECT_EQ(outcome(archive_.substr(0, first) + archive_.substr(second)),
              "B00001L6/0/00000000/000000000001.block is not where it should be");
    // Blocks that no initiator could write, nor read whole.
    for (const std::size_t size : {std::size_t{0}, std::size_t{kMaxBlockBytes} + 1}) {
        std::ostringstream odd;
        odd << archive_.substr(0, first);
        write_member(odd, "B00001L6/0/00000000/000000000000.block", std::vector<std::byte>(size), {});
        write_end(odd);
        EXPECT_EQ(outcome(odd.str()), "B00001L6/0/00000000/000000000000.block is no object of a tape");
    }
}

// The seal itself is not looked at before there is a key.
TEST_F(TapeAsTar, IsRefusedWhenWhatIsSealedCannotBe) {
    Partition& partition = cartridge_->partition(0);
    ASSERT_TRUE(partition.seek_object(3));
    const auto header = partition.peek();
    ASSERT_TRUE(header && *header && (*header)->encrypted);
    std::vector<std::byte> payload((*header)->payload_bytes());
    ASSERT_TRUE(partition.read_payload(**header, payload));
    const std::string name = "B00001L6/0/00000000/000000000003.sealed";
    const auto outcome = [&](const RecordHeader& record, std::size_t bytes) {
        std::array<std::byte, RecordHeader::kBytes> raw{};
        encode(record, raw);
        std::ostringstream made;
        made << archive_.substr(0, archive_.find(name));
        write_member(made, name, std::span{raw}.first(std::min(bytes, raw.size())),
                     std::span{payload}.first(bytes - std::min(bytes, raw.size())));
        write_end(made);
        std::istringstream in(made.str());
        const auto copy = empty();
        EXPECT_TRUE(copy->format(import_label(in).value().partitions));
        const auto done = import_objects(in, *copy);
        return done ? std::string("accepted") : done.error().what;
    };
    const std::size_t all = RecordHeader::kBytes + payload.size();
    EXPECT_EQ(outcome(**header, all), "accepted");
    EXPECT_EQ(outcome(**header, all - 1), name + " is damaged");
    EXPECT_EQ(outcome(**header, RecordHeader::kBytes - 1), name + " is too short");
    RecordHeader other = **header;
    other.object = 4;
    EXPECT_EQ(outcome(other, all), name + " is damaged");
    other = **header;
    other.encrypted = false;
    EXPECT_EQ(outcome(other, all), name + " is damaged");
}

TEST_F(TapeAsTar, IsSafeOnceItIsImported) {
    auto owned = std::make_unique<MemoryStore>();
    const MemoryStore& disk = *owned;
    const auto copy = empty(std::move(owned));
    std::istringstream in(archive_);
    ASSERT_TRUE(copy->format(import_label(in).value().partitions));
    ASSERT_TRUE(import_objects(in, *copy));
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        std::mt19937_64 random(seed);
        const auto after = Cartridge::open(disk.after_power_loss(random));
        ASSERT_TRUE(after) << "seed=" << seed;
        EXPECT_EQ((*after)->partition(0).end_object(), 50U) << "seed=" << seed;
        EXPECT_EQ((*after)->partition(1).end_object(), 10U) << "seed=" << seed;
    }
}

}  // namespace
}  // namespace targe::vtl
