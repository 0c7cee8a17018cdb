#include "vtl/cartridge.h"

#include "vtl/block_codec.h"
#include "vtl/posix_store.h"
#include "vtl/testing_store.h"
#include "vtl/testing_tape.h"

#include <gtest/gtest.h>

#include <filesystem>
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

Label small_label() {
    return {.barcode = "B00001L6", .capacity_bytes = 1U << 20U, .segment_bytes = 16384};
}

TEST(LabelText, ComesBackAsItWas) {
    Label label = small_label();
    label.worm = true;
    label.id = ~std::uint64_t{0};
    label.partitions = {1, 2};
    label.usage = {.loads = 3, .bytes_written = 4, .bytes_read = 5};
    label.attributes[{.partition = 1, .identifier = 0x080c}] = {.format = AttributeFormat::binary,
                                                                .value = {std::byte{0}, std::byte{0xff}}};
    const auto back = decode_label(encode(label));
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(*back, label);
}

TEST(LabelText, ComesBackWhenItsChangesBeginAnew) {
    Label label = small_label();
    label.partitions = {1};
    label.changes = Label::kMostChanges;
    label.count_change();
    const auto back = decode_label(encode(label));
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(back->changes, 1U);
    label.format = 0xffff'ffff;
    std::string old = encode(label);
    const std::string line = "\"changes\": 1,";
    ASSERT_NE(old.find(line), std::string::npos);
    old.erase(old.find(line), line.size());
    const auto of_old = decode_label(old);
    ASSERT_TRUE(of_old) << of_old.error().what;
    EXPECT_TRUE(decode_label(encode(*of_old)));
}

TEST(LabelText, SaysInTheBarcodeWhatTheCartridgeIs) {
    struct Case {
        const char* barcode;
        unsigned generation;
        bool worm;
        bool cleaning;
    };
    for (const Case& each : {Case{"A00001L7", 7, false, false}, Case{"A00001LX", 7, true, false},
                             Case{"CLN001L6", 6, false, true}, Case{"L7LX00A", 5, false, false}}) {
        SCOPED_TRACE(each.barcode);
        Label label{.barcode = each.barcode, .generation = 5};
        read_barcode(label);
        EXPECT_EQ(label.generation, each.generation);
        EXPECT_EQ(label.worm, each.worm);
        EXPECT_EQ(label.cleaning, each.cleaning);
    }
    EXPECT_TRUE(valid_barcode(std::string(32, 'A')));
    EXPECT_FALSE(valid_barcode(std::string(33, 'A')));
}

TEST(LabelText, IsRefusedWithTheMemberThatIsWrong) {
    const std::string text = encode([] {
        Label label = small_label();
        label.partitions = {1};
        return label;
    }());
    const auto with = [&](const std::string& old, const std::string& fresh) {
        std::string changed = text;
        changed.replace(changed.find(old), old.size(), fresh);
        const auto read = decode_label(changed);
        return read ? std::string("accepted") : read.error().what;
    };
    EXPECT_EQ(with("B00001L6", "../x"), "the label's member \"barcode\" is missing or wrong");
    EXPECT_EQ(with("\"generation\": 6", "\"generation\": 4"),
              "the label's member \"generation\" is missing or wrong");
    EXPECT_EQ(with("\"worm\"", "\"wurm\""), "the label's member \"worm\" is missing or wrong");
    EXPECT_EQ(with("\"attributes\": []", "\"attributes\": [{}]"),
              "the label's member \"attributes\" is missing or wrong");
    Label divided = small_label();
    divided.partitions.assign(4, 1);
    EXPECT_TRUE(decode_label(encode(divided)));
    divided.partitions.push_back(1);
    EXPECT_FALSE(decode_label(encode(divided)));
    EXPECT_FALSE(decode_label("").has_value());
    EXPECT_FALSE(decode_label("[]").has_value());
}

TEST(Cartridges, KeepPartitionsApartAndForgetDataWhenFormatted) {
    auto owned = std::make_unique<MemoryStore>();
    MemoryStore& store = *owned;
    BlockCodec codec;
    std::mt19937_64 random(5);
    auto made = Cartridge::create(std::move(owned), small_label());
    ASSERT_TRUE(made) << made.error().what;
    Cartridge& cartridge = **made;
    ASSERT_TRUE(write_object(cartridge.partition(0), codec, some_bytes(random, 100)));
    ASSERT_TRUE(cartridge.format({1U << 18U, 3U << 18U}));
    ASSERT_EQ(cartridge.partitions(), 2U);
    EXPECT_EQ(cartridge.capacity(1), 3U << 18U);
    EXPECT_EQ(cartridge.partition(0).end_object(), 0U);
    EXPECT_EQ(store.names(), std::vector<std::string>{"label.json"});
    const Object first = some_bytes(random, 100);
    const Object second = some_bytes(random, 200);
    ASSERT_TRUE(write_object(cartridge.partition(0), codec, first));
    ASSERT_TRUE(write_object(cartridge.partition(1), codec, second));
    ASSERT_TRUE(cartridge.sync());
    auto again = Cartridge::open(store.copy());
    ASSERT_TRUE(again);
    EXPECT_EQ(read_all((*again)->partition(0), codec), std::vector{first});
    EXPECT_EQ(read_all((*again)->partition(1), codec), std::vector{second});
}

TEST(Cartridges, AreNotMadeTwiceAtOnePlace) {
    auto made = Cartridge::create(std::make_unique<MemoryStore>(), small_label());
    ASSERT_TRUE(made);
    auto store = std::make_unique<MemoryStore>();
    ASSERT_TRUE(Cartridge::write_label(*store, (*made)->label()));
    EXPECT_FALSE(Cartridge::create(std::move(store), small_label()));
}

// By which a file of one is not taken for that of another.
TEST(Cartridges, HaveAnIdentityOfTheirOwnEach) {
    const auto one = Cartridge::create(std::make_unique<MemoryStore>(), small_label());
    const auto other = Cartridge::create(std::make_unique<MemoryStore>(), small_label());
    ASSERT_TRUE(one && other);
    EXPECT_NE((*one)->label().id, (*other)->label().id);
    EXPECT_NE((*one)->label().id >> 32U, (*other)->label().id >> 32U);
}

TEST(Cartridges, StayAsTheyAreWhereTheirLabelCannotBeWritten) {
    auto owned = std::make_unique<MemoryStore>();
    MemoryStore& store = *owned;
    auto made = Cartridge::create(std::move(owned), small_label());
    ASSERT_TRUE(made);
    Cartridge& cartridge = **made;
    BlockCodec codec;
    const Object block{std::vector<std::byte>(100)};
    ASSERT_TRUE(write_object(cartridge.partition(0), codec, block));
    const Label before = cartridge.label();
    store.fail_after(0, FaultKind::host, true);
    EXPECT_FALSE(cartridge.format({1U << 18U, 1U << 18U}));
    EXPECT_EQ(cartridge.label(), before);
    ASSERT_TRUE(cartridge.sync());
    const auto again = Cartridge::open(store.copy());
    ASSERT_TRUE(again);
    for (Cartridge* const each : {&cartridge, again->get()}) {
        ASSERT_EQ(each->partitions(), 1U);
        EXPECT_EQ(read_all(each->partition(0), codec), std::vector{block});
    }
}

// One that cannot be synced keeps no other one from it.
TEST(Cartridges, SayThatAPartitionIsNotSynced) {
    for (const std::size_t failing : {0U, 1U}) {
        auto owned = std::make_unique<MemoryStore>();
        MemoryStore& store = *owned;
        auto made = Cartridge::create(std::move(owned), small_label());
        ASSERT_TRUE(made && (*made)->format({1U << 18U, 1U << 18U}));
        BlockCodec codec;
        ASSERT_TRUE(write_object((*made)->partition(0), codec, Object{}));
        ASSERT_TRUE(write_object((*made)->partition(1), codec, Object{}));
        if (failing == 1) {
            ASSERT_TRUE((*made)->partition(0).sync());
        }
        store.fail_after(0, FaultKind::host, true);
        EXPECT_FALSE((*made)->sync()) << failing;
        EXPECT_TRUE((*made)->partition(failing).dirty());
        EXPECT_FALSE((*made)->partition(1 - failing).dirty());
    }
}

TEST(Cartridges, CompressAndEncryptEachBlock) {
    auto made = Cartridge::create(std::make_unique<MemoryStore>(), small_label());
    ASSERT_TRUE(made);
    Partition& partition = (*made)->partition(0);
    BlockCodec codec;
    std::mt19937_64 random(6);
    Key key{};
    key[0] = std::byte{1};
    const Key other{};
    const KeyAssociatedData kad{.unauthenticated = {std::byte{'u'}},
                                .authenticated = {std::byte{'a'}, std::byte{'b'}}};
    const Object block = some_bytes(random, 5000);
    for (const WriteMode& mode :
         {WriteMode{}, WriteMode{.compress = true}, WriteMode{.key = &key, .kad = kad},
          WriteMode{.compress = true, .key = &key, .kad = kad}}) {
        partition.rewind();
        ASSERT_TRUE(write_object(partition, codec, block, mode));
        EXPECT_EQ(partition.used_bytes() < 5000, mode.compress);
        partition.rewind();
        const auto header = partition.peek();
        ASSERT_TRUE(header && *header);
        EXPECT_EQ((*header)->encrypted, mode.key != nullptr);
        if (mode.key != nullptr) {
            EXPECT_EQ(codec.read(partition, **header, nullptr).error(), ReadFault::no_key);
            EXPECT_EQ(codec.read(partition, **header, &other).error(), ReadFault::wrong_key);
            EXPECT_EQ(codec.inspect(partition, **header).value()->kad, kad);
        }
        EXPECT_EQ(read_object(partition, codec, mode.key).value(), block);
    }
}

// Whatever the checksum of its record says.
TEST(Cartridges, HaveNoBlockOfAnotherLengthThanItsRecordSays) {
    auto made = Cartridge::create(std::make_unique<MemoryStore>(), small_label());
    ASSERT_TRUE(made);
    Partition& partition = (*made)->partition(0);
    BlockCodec codec;
    for (const bool compressed : {false, true}) {
        partition.rewind();
        ASSERT_TRUE(codec.write(partition, std::vector<std::byte>(1000), {.compress = compressed}));
        partition.rewind();
        RecordHeader header = partition.peek().value().value();
        ASSERT_EQ(header.compressed, compressed);
        std::vector<std::byte> stored(header.stored_bytes);
        ASSERT_TRUE(partition.read_payload(header, stored));
        for (const std::uint32_t length : {999U, 1000U, 1001U}) {
            partition.rewind();
            header.logical_bytes = length;
            ASSERT_TRUE(partition.append(header, {}, stored));
            partition.rewind();
            const auto block = codec.read(partition, partition.peek().value().value(), nullptr);
            EXPECT_EQ(block.has_value(), length == 1000U) << length;
        }
    }
}

TEST(Cartridges, GiveTheSpaceBackThatAnInterruptedFormatHasLeft) {
    auto owned = std::make_unique<MemoryStore>();
    MemoryStore& store = *owned;
    auto made = Cartridge::create(std::move(owned), small_label());
    ASSERT_TRUE(made);
    BlockCodec codec;
    std::mt19937_64 random(9);
    ASSERT_TRUE(write_object((*made)->partition(0), codec, some_bytes(random, 1000)));
    ASSERT_TRUE((*made)->sync());
    store.fail_after(1, FaultKind::host);  // the label is changed, and no file is removed
    EXPECT_FALSE((*made)->format({1U << 20U}));
    store.mend();
    auto left = store.copy();
    MemoryStore& files = *left;
    EXPECT_GT(files.names().size(), 1U);
    auto again = Cartridge::open(std::move(left));
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(files.names(), std::vector<std::string>{"label.json"});
    // An older label that somebody has put back costs no data.
    ASSERT_TRUE(write_object((*again)->partition(0), codec, some_bytes(random, 10)));
    Label older = (*again)->label();
    older.format = 1;
    ASSERT_TRUE(Cartridge::write_label(files, older));
    const std::vector<std::string> names = files.names();
    auto put_back = files.copy();
    MemoryStore& kept = *put_back;
    const auto older_again = Cartridge::open(std::move(put_back));
    ASSERT_TRUE(older_again);
    EXPECT_EQ(kept.names(), names);
}

TEST(Cartridges, DoNotShowTheirDataWhenEncrypted) {
    auto owned = std::make_unique<MemoryStore>();
    MemoryStore& store = *owned;
    auto made = Cartridge::create(std::move(owned), small_label());
    ASSERT_TRUE(made);
    BlockCodec codec;
    const std::string secret = "it must not be found on the disk, in no way";
    const Key key{};
    const auto bytes = std::as_bytes(std::span{secret});
    ASSERT_TRUE(codec.write((*made)->partition(0), bytes, {.key = &key}));
    for (const std::string& name : store.names()) {
        const auto& content = store.content(name);
        EXPECT_EQ(std::search(content.begin(), content.end(), bytes.begin(), bytes.begin() + 8),
                  content.end());
    }
}

TEST(Cartridges, LiveInAFolderOfTheHost) {
    const std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                         ("targe-cartridge-" + std::to_string(std::random_device{}()));
    BlockCodec codec;
    std::mt19937_64 random(8);
    std::vector<Object> tape;
    {
        auto store = open_folder(folder, true);
        ASSERT_TRUE(store) << store.error().what;
        auto made = Cartridge::create(std::move(*store), small_label());
        ASSERT_TRUE(made) << made.error().what;
        for (int i = 0; i < 100; ++i) {
            tape.push_back(i % 10 == 9 ? Object{} : Object{some_bytes(random, 1000)});
            ASSERT_TRUE(write_object((*made)->partition(0), codec, tape.back()));
        }
        ASSERT_TRUE((*made)->partition(0).seek_object(90));
        tape.resize(90);
        ASSERT_TRUE(write_object((*made)->partition(0), codec, {}));
        tape.emplace_back();
        ASSERT_TRUE((*made)->sync());
    }
    auto store = open_folder(folder, false);
    ASSERT_TRUE(store);
    auto again = Cartridge::open(std::move(*store));
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ((*again)->label().barcode, "B00001L6");
    EXPECT_EQ(read_all((*again)->partition(0), codec), tape);
    EXPECT_FALSE(open_folder(folder / "none", false));
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace targe::vtl
