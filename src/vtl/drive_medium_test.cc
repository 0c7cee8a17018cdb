// Loading, WORM, partitions, generations, and encryption.
#include "vtl/drive.h"
#include "vtl/encryption_pages.h"
#include "vtl/partition_plan.h"
#include "vtl/testing_drive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace targe::vtl {
namespace {

using scsi::Asc;
using testing::Answer;
using testing::append;
using testing::Bytes;
using testing::bytes_of;
using testing::DriveTest;
using testing::number_at;
using testing::text;

class DriveMedium : public DriveTest {
protected:
    Answer ready() { return run({0, 0, 0, 0, 0, 0}); }
    Answer locate_in(unsigned partition, unsigned object) {
        return run({0x2b, 0x02, 0, 0, 0, 0, object, 0, partition, 0});
    }
    /// Partition 1 of `size` units of 1,000 bytes, partition 0 the rest.
    Answer select_partitions(unsigned size) {
        return run({0x15, 0x10, 0, 0, 16, 0}, bytes_of({0, 0, 0x10, 0, 0x11, 10, 3, 1, 0x3c, 3, 3, 0, 0xff,
                                                        0xff, size >> 8U, size & 0xffU}));
    }
    Answer format(unsigned kind) { return run({0x04, 0, kind, 0, 0, 0}); }
};

TEST_F(DriveMedium, IsUnloadedAndLoadedAgain) {
    ASSERT_TRUE(write(bytes_of("data")).good());
    ASSERT_TRUE(run({0x1b, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(text(ready()), "2/0402");
    EXPECT_EQ(text(read(4)), "2/0402");
    const Answer loaded = run({0x1b, 0, 0, 0, 1, 0});
    EXPECT_TRUE(loaded.good());
    EXPECT_EQ(loaded.attentions,
              (std::vector<Attention>{
                  {Attention::To::others, Asc::not_ready_to_ready_change_medium_may_have_changed}}));
    EXPECT_EQ(read(4).data, bytes_of("data"));
    EXPECT_TRUE(run({0x1b, 0, 0, 0, 3, 0}).attentions.empty());  // it was loaded: retension
    EXPECT_EQ(position().first, 0U);
    EXPECT_EQ(text(run({0x1b, 0, 0, 0, 5, 0})), "5/2400");
    ASSERT_TRUE(run({0x1e, 0, 0, 0, 1, 0}, {}, 0, 3).good());
    EXPECT_EQ(text(run({0x1b, 0, 0, 0, 0, 0})), "5/5302");
    ASSERT_TRUE(run({0x1e, 0, 0, 0, 0, 0}, {}, 0, 3).good());
    EXPECT_TRUE(run({0x1b, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(text(run({0x1e, 0, 0, 0, 2, 0})), "5/2400");
    std::string trouble;
    drive_.remove(trouble);
    EXPECT_EQ(text(ready()), "2/3a00");
    EXPECT_EQ(text(run({0x1b, 0, 0, 0, 1, 0})), "2/3a00");
    EXPECT_TRUE(run({0x1a, 0, 0x3f, 0, 255, 0}).good());  // pages there are without a cartridge too
    EXPECT_TRUE(run({0x4d, 0, 0x57, 0, 0, 0, 0, 0, 255, 0}).good());
}

TEST_F(DriveMedium, IsOnlyAppendedToWhenWorm) {
    Label worm = label();
    worm.worm = true;
    insert(worm);
    ASSERT_TRUE(write(bytes_of("once")).good());
    ASSERT_TRUE(filemarks(1).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(text(write(bytes_of("twice"))), "7/300c");
    EXPECT_EQ(text(filemarks(1)), "7/300c");
    EXPECT_EQ(text(run({0x19, 1, 0, 0, 0, 0})), "7/300c");
    EXPECT_EQ(text(format(0)), "7/300c");
    EXPECT_TRUE(space(3, 0).good());
    EXPECT_TRUE(write(bytes_of("more")).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(read(4).data, bytes_of("once"));
    EXPECT_EQ(number_at(run({0x1a, 0x08, 0x1d, 0, 255, 0}).data, 1, 1), 0x6cU);
    EXPECT_EQ(run({0x1a, 0x08, 0x1d, 0, 255, 0}).data[4 + 2], std::byte{1});
    EXPECT_EQ(run({0x1a, 0x08, 0x1d, 0, 255, 0}).data[4 + 4], std::byte{0}) << "no label either";
    EXPECT_EQ(run({0x1a, 0x08, 0x1d, 0, 255, 0}).data[4 + 5], std::byte{2});
}

TEST_F(DriveMedium, MayLoseItsLastFilemarksButOneWhenWorm) {
    Label worm = label();
    worm.worm = true;
    insert(worm);
    ASSERT_TRUE(filemarks(3).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(text(write(bytes_of("label"))), "7/300c") << "no filemark is before it";
    ASSERT_TRUE(space(1, 2).good());
    ASSERT_TRUE(write(bytes_of("once")).good());
    ASSERT_TRUE(filemarks(2).good());
    ASSERT_TRUE(space(1, -2).good());
    EXPECT_EQ(text(write(bytes_of("x"))), "7/300c") << "the first filemark ends the block before it";
    ASSERT_TRUE(space(1, 1).good());
    ASSERT_TRUE(write(bytes_of("more")).good());
    EXPECT_EQ(text(read(4)), "8/0005") << "what was behind it is gone";
    ASSERT_TRUE(space(0, -1).good());
    EXPECT_EQ(text(filemarks(1)), "7/300c");
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(space(1, 2).good());
    EXPECT_EQ(read(4).data, bytes_of("once"));
    EXPECT_EQ(text(read(4)), "0/0001");
    EXPECT_EQ(read(4).data, bytes_of("more"));
}

TEST_F(DriveMedium, OfOtherGenerationsIsReadWrittenOrRefused) {
    const auto put = [&](unsigned generation) {
        Label other = label();
        other.generation = static_cast<std::uint8_t>(generation);
        insert(other);
    };
    put(5);
    EXPECT_TRUE(write(bytes_of("x")).good());
    EXPECT_EQ(number_at(run({0x1a, 0, 0, 0, 12, 0}).data, 4, 1), 0x58U);
    put(7);
    EXPECT_EQ(text(ready()), "2/3000");
    Label cleaning = label();
    cleaning.cleaning = true;
    insert(cleaning);
    EXPECT_EQ(text(ready()), "2/3003");
    EXPECT_EQ(run({0x1a, 0, 0, 0, 12, 0}).data[4], std::byte{0x5a});
    Drive nine({.serial = "NINE", .generation = find_generation("LTO-9")});
    auto store = std::make_unique<testing::MemoryStore>();
    Label seven = label();
    seven.generation = 7;
    auto made = Cartridge::create(std::move(store), seven);
    ASSERT_TRUE(made);
    nine.insert(std::move(*made));
    EXPECT_EQ(text(testing::send(nine, Bytes(6))), "2/3000");
}

TEST_F(DriveMedium, HasPartitionsThatAreApart) {
    ASSERT_TRUE(select_partitions(4000).good());
    ASSERT_TRUE(write(bytes_of("gone")).good());
    EXPECT_EQ(text(format(1)), "5/3b0c");
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(format(1).good());
    EXPECT_EQ(text(read(4)), "8/0005");
    ASSERT_TRUE(write(bytes_of("zero")).good());
    ASSERT_TRUE(locate_in(1, 0).good());
    EXPECT_EQ(text(read(4)), "8/0005");
    ASSERT_TRUE(write(bytes_of("one")).good());
    EXPECT_EQ(number_at(run({0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0}).data, 4, 4), 1U);
    EXPECT_EQ(run({0x1a, 0x08, 0x10, 0, 255, 0}).data[4 + 3], std::byte{1});
    ASSERT_TRUE(locate_in(0, 0).good());
    EXPECT_EQ(read(4).data, bytes_of("zero"));
    EXPECT_EQ(text(locate_in(2, 0)), "5/2400");
    const Bytes page = run({0x1a, 0x08, 0x11, 0, 255, 0}).data;
    EXPECT_EQ(page[4 + 3], std::byte{1});
    EXPECT_EQ(number_at(page, 4 + 8, 2), 6000U);
    EXPECT_EQ(number_at(page, 4 + 10, 2), 4000U);
    // 4,000,000 bytes and no more.
    ASSERT_TRUE(locate_in(1, 0).good());
    EXPECT_EQ(text(write(Bytes(3'999'990))), "d/0002");
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(text(format(0)), "5/3b0c");  // in partition 1
    ASSERT_TRUE(locate_in(0, 0).good());
    ASSERT_TRUE(format(0).good());
    EXPECT_EQ(run({0x1a, 0x08, 0x11, 0, 255, 0}).data[4 + 3], std::byte{0});
}

TEST_F(DriveMedium, TakesNoPartitionsThatDoNotFit) {
    EXPECT_EQ(text(select_partitions(11000)), "5/2602");
    EXPECT_EQ(text(run({0x15, 0x10, 0, 0, 16, 0},
                       bytes_of({0, 0, 0x10, 0, 0x11, 10, 3, 4, 0x3c, 3, 3, 0, 0, 1, 0, 1}))),
              "5/2602");
    EXPECT_EQ(text(format(3)), "5/2400");
    EXPECT_EQ(text(run({0x04, 0, 0, 0, 1, 0})), "5/2400");
}

TEST(PartitionPlan, KnowsEveryUnit) {
    using Sizes = std::optional<std::vector<std::uint64_t>>;
    const auto plan = [](unsigned flags, unsigned units, unsigned first, unsigned second) {
        return plan_partitions(bytes_of({0x11, 10, 3, 1, flags, 3, units, 0, first >> 8U, first & 0xffU,
                                         second >> 8U, second & 0xffU}),
                               10'000'000);
    };
    EXPECT_EQ(plan(0x20, 0, 500, 0xffff), Sizes({500, 9'999'500}));
    EXPECT_EQ(plan(0x28, 0, 500, 0xffff), Sizes({500'000, 9'500'000}));
    EXPECT_EQ(plan(0x30, 0, 0xffff, 3), Sizes({7'000'000, 3'000'000}));
    EXPECT_EQ(plan(0x38, 4, 0xffff, 3), Sizes({9'970'000, 30'000}));
    EXPECT_EQ(plan(0x38, 9, 0xffff, 3), std::nullopt);
    EXPECT_EQ(plan(0x30, 0, 8, 3), std::nullopt);
    EXPECT_EQ(plan(0x30, 0, 10, 0xffff), std::nullopt);
    EXPECT_EQ(plan(0x30, 0, 0, 3), std::nullopt);
    EXPECT_EQ(plan(0x30, 0, 7, 3), Sizes({7'000'000, 3'000'000}));
    EXPECT_EQ(plan(0x30, 0, 0xffff, 0xffff), std::nullopt) << "both are to have the rest";
    EXPECT_EQ(plan(0x80, 0, 0, 0), Sizes({9'500'000, 500'000}));
    EXPECT_EQ(partition_units(10'000'000), 3);
    EXPECT_EQ(partition_units(2'500'000'000'000), 8);
}

TEST_F(DriveMedium, HasAsMuchCapacityAsWasSet) {
    ASSERT_TRUE(run({0x0b, 0, 0, 0x80, 0, 0}).good());
    EXPECT_EQ(text(write(Bytes(5'100'000, std::byte{1}))), "d/0002");
    EXPECT_TRUE(write(Bytes(4'900'000, std::byte{1})).good());
    EXPECT_EQ(text(run({0x0b, 0, 0, 0xff, 0xff, 0})), "5/3b0c");
    EXPECT_EQ(text(run({0x0b, 0, 0, 0, 0, 0})), "5/2400");
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(run({0x0b, 0, 0, 0xff, 0xff, 0}).good());
    EXPECT_TRUE(write(Bytes(8'000'000, std::byte{1})).good());
}

TEST_F(DriveMedium, IsOverwrittenOnlyWhereAllowedInAppendOnlyMode) {
    Bytes page = bytes_of({0, 0, 0x10, 0, 0x50, 1, 0, 28, 0, 0x10});
    page.resize(4 + 32);
    ASSERT_TRUE(run({0x15, 0x10, 0, 0, 36, 0}, page).good());
    ASSERT_TRUE(write(bytes_of("first")).good());
    ASSERT_TRUE(write(bytes_of("second")).good());
    ASSERT_TRUE(locate(1).good());
    EXPECT_EQ(text(write(bytes_of("x"))), "7/2706");
    EXPECT_EQ(text(run({0x82, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})), "5/3b00");
    ASSERT_TRUE(run({0x82, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}).good());
    ASSERT_TRUE(write(bytes_of("x")).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(text(write(bytes_of("x"))), "7/2706");
    EXPECT_EQ(text(format(0)), "7/2706");
    ASSERT_TRUE(run({0x82, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}).good());
    EXPECT_TRUE(format(0).good());
    EXPECT_EQ(text(run({0x82, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})), "5/2400");
}

class DriveEncryption : public DriveTest {
protected:
    static Bytes set_page(unsigned scope, unsigned encrypt, unsigned decrypt, unsigned key,
                          const Bytes& kad = {}) {
        Bytes page =
            bytes_of({0, 0x10, 0, 0, scope << 5U, 0, encrypt, decrypt, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32});
        append(page, Bytes(32, static_cast<std::byte>(key)));
        append(page, kad);
        page[3] = static_cast<std::byte>(page.size() - 4);
        return page;
    }
    Answer set(const Bytes& page, std::uint64_t session = 1) {
        return run({0xb5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, static_cast<unsigned>(page.size()), 0, 0}, page, 0,
                   session);
    }
    Answer get(unsigned page, std::uint64_t session = 1) {
        return run({0xa2, 0x20, 0, page, 0, 0, 0, 0, 0x10, 0, 0, 0}, {}, 1U << 16U, session);
    }
};

TEST_F(DriveEncryption, KeepsDataFromWhoHasNotTheKey) {
    ASSERT_TRUE(write(bytes_of("plain")).good());
    const Bytes kad = bytes_of({0, 0, 0, 2, 'm', 'e', 1, 0, 0, 1, 'a'});
    const Answer on = set(set_page(2, 2, 3, 7, kad));
    ASSERT_TRUE(on.good());
    EXPECT_EQ(on.attentions,
              (std::vector<Attention>{{Attention::To::others, asc::data_encryption_parameters_changed}}));
    ASSERT_TRUE(write(Bytes(1000, std::byte{'s'})).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(read(5).data, bytes_of("plain"));  // mixed
    const Answer next = get(0x21);
    EXPECT_EQ(number_at(next.data, 4, 8), 1U);
    EXPECT_EQ(number_at(next.data, 12, 2), 0x4501U);
    EXPECT_EQ(Bytes(next.data.begin() + 16, next.data.end()),
              bytes_of({0, 1, 0, 2, 'm', 'e', 1, 2, 0, 1, 'a'}));
    EXPECT_EQ(read(1000).data, Bytes(1000, std::byte{'s'}));
    ASSERT_TRUE(locate(1).good());
    ASSERT_TRUE(set(set_page(2, 2, 3, 8)).good());
    EXPECT_EQ(number_at(get(0x21).data, 12, 2), 0x4601U);
    EXPECT_EQ(text(read(1000)), "7/7403");
    ASSERT_TRUE(set(set_page(2, 0, 0, 0)).good());
    EXPECT_EQ(text(read(1000)), "7/7401");
    EXPECT_EQ(position().first, 1U);  // it is still before the block
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(number_at(get(0x21).data, 12, 1), 0x33U);
    ASSERT_TRUE(set(set_page(2, 0, 2, 7)).good());
    EXPECT_EQ(text(read(5)), "7/7402");
    ASSERT_TRUE(locate(1).good());
    EXPECT_TRUE(read(1000).good());
    EXPECT_EQ(number_at(get(0x21).data, 12, 1), 0x22U);
}

TEST_F(DriveEncryption, BelongsToANexusOrToAll) {
    ASSERT_TRUE(set(set_page(1, 2, 2, 7), 5).good());
    EXPECT_EQ(number_at(get(0x20, 5).data, 4, 4), 0x2102'0201U);
    EXPECT_EQ(number_at(get(0x20, 6).data, 4, 4), 0U);
    ASSERT_TRUE(set(set_page(2, 2, 2, 8), 6).good());
    EXPECT_EQ(number_at(get(0x20, 6).data, 4, 4), 0x4202'0201U);
    EXPECT_EQ(number_at(get(0x20, 1).data, 4, 4), 0x0202'0201U);
    ASSERT_TRUE(set(set_page(0, 0, 0, 0), 5).good());
    EXPECT_EQ(number_at(get(0x20, 5).data, 4, 4), 0x0202'0201U);
    drive_.session_gone(6);
    EXPECT_EQ(number_at(get(0x20, 6).data, 4, 4), 0x0202'0201U);
    drive_.reset();
    EXPECT_EQ(number_at(get(0x20, 5).data, 5, 1), 0U);
}

TEST_F(DriveEncryption, IsWhatItsNexusHasSetLast) {
    ASSERT_TRUE(set(set_page(1, 2, 2, 7)).good());
    ASSERT_TRUE(set(set_page(2, 2, 2, 8)).good());
    EXPECT_EQ(number_at(get(0x20).data, 4, 4), 0x4202'0201U);
    ASSERT_TRUE(write(Bytes(100, std::byte{'s'})).good());
    ASSERT_TRUE(rewind().good());
    EXPECT_EQ(number_at(get(0x21, 5).data, 12, 1) & 0xfU, 5U) << "by the key that all have";
    EXPECT_TRUE(run({0x08, 0, 0, 0, 100, 0}, {}, 100, 5).good());
    ASSERT_TRUE(set(set_page(0, 0, 0, 0)).good());
    EXPECT_EQ(number_at(get(0x20).data, 4, 4), 0x0202'0201U);
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(set(set_page(2, 2, 0, 8)).good());
    EXPECT_EQ(number_at(get(0x21).data, 12, 1) & 0xfU, 6U) << "it is not to be decrypted";
}

TEST_F(DriveEncryption, EndsWithTheCartridgeWhenAskedTo) {
    Bytes page = set_page(2, 2, 2, 7);
    page[5] = std::byte{0x04};  // CKOD
    ASSERT_TRUE(set(page).good());
    ASSERT_TRUE(run({0x1b, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(number_at(get(0x20).data, 5, 2), 0U);
    // Where none is mounted, there is none that it could end with.
    EXPECT_EQ(text(set(page)), "5/2600");
    EXPECT_EQ(number_at(get(0x20).data, 5, 2), 0U);
}

TEST_F(DriveEncryption, SaysWhatItCan) {
    EXPECT_EQ(run({0xa2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}).data, bytes_of({0, 0, 0, 0, 0, 0, 0, 2, 0, 0x20}));
    EXPECT_EQ(get(0x00).data,
              bytes_of({0, 0, 0, 14, 0, 0, 0, 1, 0, 0x10, 0, 0x11, 0, 0x12, 0, 0x20, 0, 0x21}));
    EXPECT_EQ(get(0x01).data, bytes_of({0, 1, 0, 2, 0, 0x10}));
    const Answer capabilities = get(0x10);
    ASSERT_EQ(capabilities.data.size(), 44U);
    EXPECT_EQ(number_at(capabilities.data, 2, 2), 40U);
    EXPECT_EQ(number_at(capabilities.data, 20, 1), 1U);
    EXPECT_EQ(number_at(capabilities.data, 30, 2), 32U);
    EXPECT_EQ(number_at(capabilities.data, 40, 4), 0x0001'0014U);
    EXPECT_EQ(get(0x11).data, bytes_of({0, 0x11, 0, 1, 0}));
    EXPECT_EQ(get(0x12).data.size(), 16U);
    EXPECT_EQ(text(get(0x30)), "5/2400");
    EXPECT_EQ(text(run({0xa2, 0x21, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0})), "5/2400");
}

TEST_F(DriveEncryption, RefusesWhatItCannot) {
    const auto with = [&](std::size_t at, unsigned value) {
        Bytes page = set_page(2, 2, 2, 7);
        page[at] = static_cast<std::byte>(value);
        return text(set(page));
    };
    EXPECT_EQ(with(4, 0x60), "5/2600");
    EXPECT_EQ(with(4, 0x41), "5/2600");
    EXPECT_EQ(with(5, 0x08), "5/2600");
    EXPECT_EQ(with(5, 0x02), "5/2600");  // keys that end with a reservation
    EXPECT_EQ(with(5, 0x01), "5/2600");
    EXPECT_EQ(with(6, 1), "5/2600");
    EXPECT_EQ(with(7, 1), "5/2600");
    EXPECT_EQ(with(8, 0), "5/2600");
    EXPECT_EQ(with(9, 1), "5/2600");
    EXPECT_EQ(with(19, 16), "5/2600");
    EXPECT_EQ(with(3, 9), "5/1a00");
    EXPECT_EQ(text(set(set_page(2, 2, 2, 7, bytes_of({3, 0, 0, 0})))), "5/2600");
    EXPECT_EQ(text(set(set_page(2, 2, 2, 7, bytes_of({1, 0, 0, 13})))), "5/2600");
    EXPECT_EQ(text(set(set_page(2, 2, 2, 7, bytes_of({1, 0, 0, 2, 1})))), "5/1a00");
    EXPECT_EQ(number_at(get(0x20).data, 5, 2), 0U);
    Bytes longest = bytes_of({1, 0, 0, 12});
    longest.resize(4 + 12);
    EXPECT_TRUE(set(set_page(2, 2, 2, 7, longest)).good());
}

}  // namespace
}  // namespace targe::vtl
