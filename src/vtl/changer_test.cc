#include "vtl/changer.h"

#include "vtl/testing_library.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace targe::vtl {
namespace {

using scsi::Asc;
using testing::Answer;
using testing::Bytes;
using testing::bytes_of;
using testing::LibraryTest;
using testing::number_at;
using testing::text;

class ChangerMoves : public LibraryTest {};

TEST_F(ChangerMoves, ACartridgeIntoADriveAndBack) {
    EXPECT_EQ(text(drive(0, {0, 0, 0, 0, 0, 0})), "2/3a00");
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    EXPECT_EQ(library_->take_events(),
              (std::vector<LibraryEvent>{{0, Asc::not_ready_to_ready_change_medium_may_have_changed}}));
    EXPECT_TRUE(drive(0, {0, 0, 0, 0, 0, 0}).good());
    ASSERT_TRUE(drive(0, {0x0a, 0, 0, 0, 5, 0}, bytes_of("hello")).good());
    ASSERT_TRUE(move(0x0100, 0x1005).good());
    EXPECT_EQ(at(0x1005), "A00001L6");
    EXPECT_EQ(text(drive(0, {0, 0, 0, 0, 0, 0})), "2/3a00");
    ASSERT_TRUE(move(0x1005, 0x0101).good());
    EXPECT_EQ(drive(1, {0x08, 0, 0, 0, 5, 0}).data, bytes_of("hello"));
}

TEST_F(ChangerMoves, NothingThatCannotBe) {
    EXPECT_EQ(text(move(0x1005, 0x0100)), "5/3b0e");
    EXPECT_EQ(text(move(0x1000, 0x1001)), "5/3b0d");
    EXPECT_EQ(text(move(0x1000, 0x1000)), "5/3b0d");
    EXPECT_EQ(text(move(0x1000, 0x2000)), "5/2101");
    EXPECT_EQ(text(move(0x1000, 0x0001)), "5/2101");
    EXPECT_EQ(text(changer({0xa5, 0, 0, 9, 0x10, 0, 1, 0, 0, 0, 0, 0})), "5/2101");
    EXPECT_EQ(text(changer({0xa5, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 1, 0})), "5/2400");
    EXPECT_EQ(at(0x1000), "A00001L6");
}

TEST_F(ChangerMoves, NoCartridgeThatAnInitiatorKeeps) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    ASSERT_TRUE(drive(0, {0x1e, 0, 0, 0, 1, 0}, {}, 7).good());
    EXPECT_EQ(text(move(0x0100, 0x1000)), "5/5303");
    EXPECT_EQ(text(drive(0, {0x1b, 0, 0, 0, 0, 0})), "5/5302");
    library_->drive_session_gone(0, 7);
    EXPECT_TRUE(move(0x0100, 0x1000).good());
}

TEST_F(ChangerMoves, TwoAtOnce) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    ASSERT_TRUE(drive(0, {0x0a, 0, 0, 0, 1, 0}, bytes_of("a")).good());
    // From slot 2 into the drive, what is in the drive into slot 2.
    ASSERT_TRUE(changer({0xa6, 0, 0, 0, 0x10, 0x01, 0x01, 0x00, 0x10, 0x01, 0, 0}).good());
    EXPECT_EQ(at(0x0100), "A00002L6");
    EXPECT_EQ(at(0x1001), "A00001L6");
    EXPECT_EQ(text(drive(0, {0x08, 0, 0, 0, 1, 0})), "8/0005");
    EXPECT_EQ(text(changer({0xa6, 0, 0, 0, 0x10, 0x01, 0x01, 0x00, 0x10, 0x02, 0, 0})), "5/3b0d");
    EXPECT_EQ(text(changer({0xa6, 0, 0, 0, 0x10, 0x01, 0x01, 0x01, 0x10, 0x05, 0, 0})), "5/3b0e");
    EXPECT_EQ(at(0x0100), "A00002L6");
}

TEST_F(ChangerMoves, WhatAnotherDriveHasTakenOut) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    ASSERT_TRUE(move(0x0100, 0x0101).good());
    EXPECT_TRUE(drive(1, {0, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(at(0x0101), "A00001L6");
}

TEST_F(ChangerMoves, NothingButTheRecordOfTheSlotThatACartridgeIsFrom) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    ASSERT_TRUE(move(0x0100, 0x1005).good());
    const Answer slot = changer({0xb8, 0x02, 0x10, 5, 0, 1, 0, 0, 0xff, 0xff, 0, 0});
    EXPECT_EQ(number_at(slot.data, 0, 2), 0x1005U);
    EXPECT_EQ(number_at(slot.data, 16 + 9, 3), 0x81'1000U) << "and not the drive";
}

class ChangerStatus : public LibraryTest {};

TEST_F(ChangerStatus, ListsElementsByTypeWithTagsAndIdentifiers) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    const Answer all = changer({0xb8, 0x10, 0, 0, 0xff, 0xff, 0x01, 0, 0xff, 0xff, 0, 0});
    ASSERT_TRUE(all.good());
    EXPECT_EQ(number_at(all.data, 0, 2), 1U);
    EXPECT_EQ(number_at(all.data, 2, 2), 1U + 6 + 2 + 2);
    EXPECT_EQ(number_at(all.data, 5, 3), all.data.size() - 8);
    // Pages: transport, import/export, drives, storage.
    std::size_t at = 8;
    const std::vector<std::pair<unsigned, std::size_t>> pages{{1, 52}, {3, 52}, {4, 86}, {2, 52}};
    for (const auto& [type, length] : pages) {
        EXPECT_EQ(number_at(all.data, at, 1), type);
        EXPECT_EQ(number_at(all.data, at + 1, 1), 0x80U);
        EXPECT_EQ(number_at(all.data, at + 2, 2), length);
        at += 8 + number_at(all.data, at + 5, 3);
    }
    EXPECT_EQ(at, all.data.size());
    const Answer drives = changer({0xb8, 0x14, 0x01, 0, 0, 1, 0x01, 0, 0xff, 0xff, 0, 0});
    ASSERT_EQ(drives.data.size(), 8 + 8 + 86U);
    const std::size_t descriptor = 16;
    EXPECT_EQ(number_at(drives.data, descriptor, 2), 0x0100U);
    EXPECT_EQ(drives.data[descriptor + 2], std::byte{0x01});  // full, and not accessible while it is threaded
    EXPECT_EQ(drives.data[descriptor + 9], std::byte{0x81});
    EXPECT_EQ(number_at(drives.data, descriptor + 10, 2), 0x1000U);
    EXPECT_EQ(Bytes(drives.data.begin() + descriptor + 12, drives.data.begin() + descriptor + 44),
              bytes_of("A00001L6                        "));
    EXPECT_EQ(Bytes(drives.data.begin() + descriptor + 48, drives.data.begin() + descriptor + 86),
              bytes_of(std::string("\x02\x01\x00\x22IBM     ULT3580-TD6     TEST01D00 ", 38)));
    ASSERT_TRUE(drive(0, {0x1b, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(changer({0xb8, 0x04, 0x01, 0, 0, 1, 0, 0, 0xff, 0xff, 0, 0}).data[descriptor + 2],
              std::byte{0x09});
    ASSERT_TRUE(library_->add(label("CLN001L6"), 0x1005));
    EXPECT_EQ(changer({0xb8, 0x02, 0x10, 5, 0, 1, 0, 0, 0xff, 0xff, 0, 0}).data[descriptor + 9],
              std::byte{0x02});
}

TEST_F(ChangerStatus, IsCutAtTheAllocationLengthAndRefusesWhatIsNotThere) {
    const Answer brief = changer({0x08 + 0xb0, 0x00, 0, 0, 0xff, 0xff, 0, 0, 0, 8, 0, 0});
    EXPECT_EQ(brief.data.size(), 8U);
    EXPECT_EQ(number_at(brief.data, 5, 3), 4U * 8 + 11 * 16);
    EXPECT_EQ(text(changer({0xb8, 0x02, 0x20, 0, 0, 1, 0, 0, 0xff, 0xff, 0, 0})), "5/2101");
    EXPECT_EQ(text(changer({0xb8, 0x07, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0, 0})), "5/2400");
    // Linux's ch puts the LUN into byte 1.
    EXPECT_TRUE(changer({0xb8, 0x60 | 0x10 | 0x04, 0x01, 0, 0, 1, 0, 0, 0, 255, 0, 0}).good());
}

TEST_F(ChangerStatus, FindsVolumeTagsByPatterns) {
    Bytes pattern = bytes_of("A*");
    pattern.resize(40);
    ASSERT_TRUE(changer({0xb6, 0, 0, 0, 0, 5, 0, 0, 0, 40, 0, 0}, pattern).good());
    const Answer found = changer({0xb5, 0x10, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0});
    ASSERT_TRUE(found.good());
    EXPECT_EQ(number_at(found.data, 2, 2), 2U);
    EXPECT_EQ(number_at(found.data, 4, 1), 5U);
    EXPECT_EQ(number_at(found.data, 16, 2), 0x1000U);
    pattern = bytes_of("?00001L6");
    pattern.resize(40);
    ASSERT_TRUE(changer({0xb6, 0x02, 0, 0, 0, 4, 0, 0, 0, 40, 0, 0}, pattern).good());
    EXPECT_EQ(number_at(changer({0xb5, 0, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0}).data, 2, 2), 2U);
    ASSERT_TRUE(changer({0xb6, 0x02, 0x10, 1, 0, 4, 0, 0, 0, 40, 0, 0}, pattern).good());
    EXPECT_EQ(number_at(changer({0xb5, 0, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0}).data, 2, 2), 1U);
    EXPECT_EQ(text(changer({0xb6, 0, 0, 0, 0, 8, 0, 0, 0, 40, 0, 0}, pattern)), "5/2400");
    EXPECT_EQ(text(changer({0xb6, 0, 0, 0, 0, 5, 0, 0, 0, 12, 0, 0}, pattern)), "5/1a00");
}

TEST_F(ChangerStatus, IsAsAfterPowerOnOnceReset) {
    Bytes pattern = bytes_of("*");
    pattern.resize(40);
    ASSERT_TRUE(changer({0xb6, 0, 0, 0, 0, 5, 0, 0, 0, 40, 0, 0}, pattern).good());
    ASSERT_TRUE(changer({0x1e, 0, 0, 0, 1, 0}).good());
    EXPECT_FALSE(library_->transfer(0x1000, 0x0010));
    library_->reset_changer();
    EXPECT_TRUE(library_->transfer(0x1000, 0x0010));
    EXPECT_EQ(number_at(changer({0xb5, 0, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0}).data, 2, 2), 0U);
}

TEST(ChangerWithoutPorts, HasNoneAndSaysSo) {
    testing::MemoryShelf::Content content;
    const auto library = Library::create(std::make_unique<testing::MemoryShelf>(content),
                                         standard_library(*find_generation("LTO-6"), 1, 1, 0, "TEST02"));
    ASSERT_TRUE(library);
    const auto ask = [&](const Bytes& cdb) {
        struct {
            Library& library;
            [[nodiscard]] Reply execute(const Command& command) const {
                return library.execute_changer(command);
            }
        } const unit{**library};
        return testing::send(unit, cdb);
    };
    const Answer none = ask(bytes_of({0xb8, 0x03, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0}));
    EXPECT_EQ(none.data, Bytes(8));
    EXPECT_EQ(number_at(ask(bytes_of({0x1a, 0x08, 0x1d, 0, 255, 0})).data, 14, 4), 0U);
}

class ChangerPages : public LibraryTest {};

TEST_F(ChangerPages, TellAddressesAndCapabilities) {
    const Answer page = changer({0x1a, 0x08, 0x1d, 0, 255, 0});
    ASSERT_TRUE(page.good());
    EXPECT_EQ(page.data,
              bytes_of({23, 0, 0, 0, 0x1d, 18, 0, 1, 0, 1, 0x10, 0, 0, 6, 0, 0x10, 0, 2, 1, 0, 0, 2, 0, 0}));
    EXPECT_EQ(changer({0x1a, 0x08, 0x3f, 0, 255, 0}).data.size(), 4 + 20 + 4 + 20U);
    EXPECT_EQ(number_at(changer({0x5a, 0x08, 0x1f, 0, 0, 0, 0, 0, 255, 0}).data, 0, 2), 6U + 20);
    EXPECT_EQ(text(changer({0x1a, 0x08, 0x01, 0, 255, 0})), "5/2400");
    EXPECT_EQ(text(changer({0x1a, 0x08, 0xdd, 0, 255, 0})), "5/3900");
    Bytes same(page.data.begin(), page.data.end());
    same[0] = std::byte{0};
    EXPECT_TRUE(changer({0x15, 0x10, 0, 0, 24, 0}, same).good());
    EXPECT_EQ(text(changer({0x15, 0x10, 0, 0, 3, 0}, same)), "5/1a00");
    same[3] = std::byte{8};
    EXPECT_EQ(text(changer({0x15, 0x10, 0, 0, 24, 0}, same)), "5/2600") << "there is no block descriptor";
    same[3] = std::byte{0};
    same[9] = std::byte{2};
    EXPECT_EQ(text(changer({0x15, 0x10, 0, 0, 24, 0}, same)), "5/2600");
}

TEST_F(ChangerPages, HaveTapeAlertAndTheCommandsOfTheTable) {
    EXPECT_EQ(changer({0x4d, 0, 0x40, 0, 0, 0, 0, 0, 255, 0}).data, bytes_of({0, 0, 0, 2, 0, 0x2e}));
    EXPECT_EQ(number_at(changer({0x4d, 0, 0x6e, 0, 0, 0, 0, 0xff, 255, 0}).data, 2, 2), 64U * 5);
    const Answer all = changer({0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0});
    EXPECT_EQ(number_at(all.data, 0, 4), Changer::commands().size() * 8);
    EXPECT_TRUE(changer({0x07, 0, 0, 0, 0, 0}).good());
    EXPECT_TRUE(changer({0x37, 0x01, 0x10, 0, 0, 0, 0, 2, 0, 0}).good());
    EXPECT_EQ(text(changer({0xe7, 0x01, 0x30, 0, 0, 0, 0, 2, 0, 0})), "5/2101");
    EXPECT_TRUE(changer({0x2b, 0, 0, 1, 0x10, 2, 0, 0, 0, 0}).good());
    EXPECT_EQ(text(changer({0x2b, 0, 0, 2, 0x10, 2, 0, 0, 0, 0})), "5/2101");
    EXPECT_TRUE(changer({0x1b, 0, 0, 0x10, 0, 0}).good());
    EXPECT_EQ(text(changer({0x1b, 0, 0x10, 0, 0, 0})), "5/2101");
    EXPECT_TRUE(changer({0x1d, 0x04, 0, 0, 0, 0}).good());
    EXPECT_EQ(text(changer({0x08, 0, 0, 0, 1, 0})), "5/2000");
}

TEST_F(ChangerPages, SurviveAnyCdbAndAnyParameters) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto rows = Changer::commands();
    AsChanger unit{*library_};
    for (int i = 0; i < 20'000; ++i) {
        const CommandShape& command = rows[random() % rows.size()];
        Bytes cdb(command.usage.size());
        for (std::size_t at = 0; at < cdb.size(); ++at) {
            cdb[at] = static_cast<std::byte>(random() % 2 == 0 ? 0 : random()) & command.usage[at];
        }
        cdb[0] = std::byte{command.opcode};
        if (command.service_action) {
            cdb[1] = static_cast<std::byte>(*command.service_action);
        }
        Bytes data_out(random() % 60);
        (void)testing::send(unit, cdb, std::move(data_out), random() % 400);
    }
    std::size_t cartridges = 0;
    for (const Element& element : library_->elements().elements()) {
        cartridges += element.barcode ? 1 : 0;
    }
    EXPECT_EQ(cartridges, 3U);
}

}  // namespace
}  // namespace targe::vtl
