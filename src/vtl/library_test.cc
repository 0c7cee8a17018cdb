#include "vtl/library.h"

#include "base/log.h"
#include "vtl/testing_library.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <random>
#include <semaphore>
#include <string>
#include <thread>

namespace targe::vtl {
namespace {

using scsi::Asc;
using testing::bytes_of;
using testing::LibraryTest;
using testing::MemoryShelf;
using testing::text;

class Libraries : public LibraryTest {};

TEST_F(Libraries, HaveEverythingWhereItWasAfterBeingOpenedAgain) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    ASSERT_TRUE(drive(0, {0x0a, 0, 0, 0, 5, 0}, bytes_of("hello")).good());
    ASSERT_TRUE(drive(0, {0x10, 0, 0, 0, 1, 0}).good());
    ASSERT_TRUE(move(0x1001, 0x0010).good());
    const Inventory before = library_->elements();
    reopen();
    EXPECT_EQ(library_->elements(), before);
    EXPECT_EQ(drive(0, {0x08, 0, 0, 0, 5, 0}).data, bytes_of("hello"));
}

TEST_F(Libraries, TellWhoeverMovesATapeThatItsLastDataMayBeLost) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    ASSERT_TRUE(drive(0, {0x0a, 0, 0, 0, 5, 0}, bytes_of("hello")).good());
    content_.cartridges.at("A00001L6")->fail_after(0, FaultKind::host);
    EXPECT_EQ(text(move(0x0100, 0x1004)), "4/4400");
    EXPECT_EQ(at(0x0100), "A00001L6");
    // Told once: there it would be for ever otherwise.
    content_.cartridges.at("A00001L6")->mend();
    EXPECT_TRUE(move(0x0100, 0x1004).good());
    EXPECT_EQ(at(0x1004), "A00001L6");
}

TEST_F(Libraries, TakeAMoveForDoneThatOnlyTheCountersOfTheTapeHaveMissed) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    content_.cartridges.at("A00001L6")->fail_after(0, FaultKind::full);
    EXPECT_TRUE(library_->transfer(0x0100, 0x1004));
    EXPECT_EQ(at(0x1004), "A00001L6");
}

TEST_F(Libraries, PutBackWhatWasTakenFromADriveWhenTheOtherTapeMayNotGo) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    ASSERT_TRUE(move(0x1001, 0x0101).good());
    ASSERT_TRUE(drive(1, {0x0a, 0, 0, 0, 5, 0}, bytes_of("hello")).good());
    content_.cartridges.at("A00002L6")->fail_after(0, FaultKind::host);
    const auto exchange = [this] { return changer({0xa6, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0}); };
    EXPECT_EQ(text(exchange()), "4/4400");
    EXPECT_EQ(at(0x0100) + at(0x0101), "A00001L6A00002L6");
    EXPECT_TRUE(drive(0, {0x00, 0, 0, 0, 0, 0}).good());
    content_.cartridges.at("A00002L6")->mend();
    EXPECT_TRUE(exchange().good());
    EXPECT_EQ(at(0x0100) + at(0x0101), "A00002L6A00001L6");
}

TEST_F(Libraries, OverwriteNoTapeThatNobodyHasPositionedSinceTheyWereOpened) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    ASSERT_TRUE(drive(0, {0x0a, 0, 0, 0, 5, 0}, bytes_of("hello")).good());
    ASSERT_TRUE(drive(0, {0x10, 0, 0, 0, 1, 0}).good());
    reopen();
    // What an initiator writes that takes the tape to be behind its filemark.
    EXPECT_EQ(text(drive(0, {0x0a, 0, 0, 0, 5, 0}, bytes_of("other"))), "3/3b00");
    EXPECT_EQ(text(drive(0, {0x10, 0, 0, 0, 1, 0})), "3/3b00");
    EXPECT_EQ(text(drive(0, {0x19, 0, 0, 0, 0, 0})), "3/3b00");
    EXPECT_EQ(text(drive(0, {0x04, 0, 0, 0, 0, 0})), "3/3b00");
    EXPECT_EQ(text(drive(0, {0x0b, 0, 0, 0xff, 0xff, 0})), "3/3b00");
    EXPECT_EQ(drive(0, {0x08, 0, 0, 0, 5, 0}).data, bytes_of("hello"));
    // Back by one from where the tape is, which is not where that initiator believes it to be.
    EXPECT_TRUE(drive(0, {0x11, 0, 0xff, 0xff, 0xff, 0}).good());
    EXPECT_EQ(text(drive(0, {0x0a, 0, 0, 0, 5, 0}, bytes_of("other"))), "3/3b00");
    EXPECT_EQ(text(drive(0, {0x2b, 2, 0, 0, 0, 0, 0, 0, 7, 0})), "5/2400");  // a partition that is none
    EXPECT_EQ(text(drive(0, {0x0a, 0, 0, 0, 5, 0}, bytes_of("other"))), "3/3b00");
    ASSERT_TRUE(drive(0, {0x01, 0, 0, 0, 0, 0}).good());
    EXPECT_TRUE(drive(0, {0x0a, 0, 0, 0, 5, 0}, bytes_of("other")).good());
    reopen();
    ASSERT_TRUE(drive(0, {0x11, 3, 0, 0, 0, 0}).good());
    EXPECT_TRUE(drive(0, {0x0a, 0, 0, 0, 4, 0}, bytes_of("more")).good());
}

TEST_F(Libraries, TellOfWhatAnOperatorDoes) {
    ASSERT_TRUE(library_->add(label("NEW001L6"), 0x0010));
    EXPECT_EQ(library_->take_events(),
              (std::vector<LibraryEvent>{{{}, asc::import_or_export_element_accessed}}));
    ASSERT_TRUE(library_->transfer(0x1000, 0x0101));
    EXPECT_EQ(library_->take_events(),
              (std::vector<LibraryEvent>{{1, Asc::not_ready_to_ready_change_medium_may_have_changed},
                                         {{}, Asc::not_ready_to_ready_change_medium_may_have_changed}}));
    ASSERT_TRUE(library_->remove("A00002L6"));
    EXPECT_EQ(library_->take_events().size(), 1U);
    EXPECT_EQ(at(0x1001), "");
    EXPECT_TRUE(library_->take_events().empty());
}

TEST_F(Libraries, RememberWhatAnOperatorHasPutIntoAPort) {
    const auto flags = [this] { return changer({0xb8, 3, 0, 0x10, 0, 1, 0, 0, 0, 0xff, 0, 0}).data.at(18); };
    ASSERT_TRUE(library_->transfer(0x1000, 0x0010));
    EXPECT_EQ(flags() & std::byte{0x02}, std::byte{0x02});
    reopen();
    EXPECT_EQ(flags() & std::byte{0x02}, std::byte{0x02});
    ASSERT_TRUE(move(0x0010, 0x0011).good());
    ASSERT_TRUE(move(0x0011, 0x0010).good());
    EXPECT_EQ(flags() & std::byte{0x02}, std::byte{0x00});
}

TEST_F(Libraries, KeepTheOperatorOutWhileAnInitiatorWantsIt) {
    ASSERT_TRUE(changer({0x1e, 0, 0, 0, 1, 0}, {}, 4).good());
    EXPECT_FALSE(library_->add(label("NEW001L6"), 0x0010));
    EXPECT_FALSE(library_->transfer(0x1000, 0x0010));
    EXPECT_EQ(text(changer({0x1b, 0, 0, 0x10, 0, 0})), "5/5302");
    library_->changer_session_gone(4);
    EXPECT_TRUE(library_->transfer(0x1000, 0x0010));
}

TEST_F(Libraries, RefuseWhatAnOperatorCannotDo) {
    EXPECT_EQ(library_->add(label("A00001L6"), {}).error().what, "there is a cartridge A00001L6");
    EXPECT_EQ(library_->add(label("X"), 0x1000).error().what, "a cartridge cannot be put into slot:1");
    EXPECT_EQ(library_->add(label("X"), 0x0100).error().what, "a cartridge cannot be put into drive:0");
    EXPECT_EQ(library_->add(label("X"), 0x7777).error().what, "there is no element 30583");
    EXPECT_EQ(library_->remove("NONE").error().what, "there is no cartridge NONE");
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    EXPECT_EQ(library_->remove("A00001L6").error().what, "A00001L6 is in drive 0");
    EXPECT_EQ(library_->protect("A00001L6", true).error().what, "A00001L6 is in drive 0");
    EXPECT_EQ(library_->transfer(0x1005, 0x0101).error().what, "there is no cartridge to move");
}

TEST_F(Libraries, ProtectCartridges) {
    ASSERT_TRUE(library_->protect("A00001L6", true));
    EXPECT_TRUE(library_->label("A00001L6")->write_protected);
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    EXPECT_EQ(text(drive(0, {0x0a, 0, 0, 0, 1, 0}, bytes_of("x"))), "7/2700");
    EXPECT_EQ(text(drive(0, {0x10, 0, 0, 0, 1, 0})), "7/2700");
    EXPECT_EQ(drive(0, {0x1a, 0x08, 0x00, 0, 255, 0}).data[2] & std::byte{0x80}, std::byte{0x80});
}

TEST_F(Libraries, SayThatACartridgeIsDamaged) {
    content_.cartridges["A00001L6"]->content("label.json").clear();
    static std::string logged;
    logged.clear();
    base::set_log_sink([](std::string_view line) { logged += line; });
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    base::set_log_sink(nullptr);
    EXPECT_NE(logged.find("A00001L6 cannot be read in drive 0: the label's member"), std::string::npos)
        << logged;
    EXPECT_EQ(text(drive(0, {0, 0, 0, 0, 0, 0})), "3/3100");
    EXPECT_EQ(text(drive(0, {0x0a, 0, 0, 0, 1, 0}, bytes_of("x"))), "3/3100");
    EXPECT_TRUE(move(0x0100, 0x1000).good());
}

TEST_F(Libraries, MoveNothingThatCannotBeMadeDurable) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    content_.root.fail_after(0, FaultKind::host);
    EXPECT_EQ(text(move(0x0100, 0x1000)), "4/4400");
    EXPECT_EQ(at(0x0100), "A00001L6");
    EXPECT_TRUE(drive(0, {0, 0, 0, 0, 0, 0}).good());
    content_.root.mend();
    EXPECT_TRUE(move(0x0100, 0x1000).good());
}

TEST_F(Libraries, HaveNothingOfACartridgeThatCouldNotBeMade) {
    Label wrong = label("WRONG1L6");
    wrong.generation = 99;
    EXPECT_FALSE(library_->add(wrong, {}));
    EXPECT_FALSE(content_.cartridges.contains("WRONG1L6"));
    reopen();
    EXPECT_EQ(at(0x1003), "");
    // What is there without being in any element is somebody's tape.
    content_.cartridges["LEFT01L6"] = std::make_shared<testing::MemoryStore>();
    ASSERT_TRUE(Cartridge::write_label(*content_.cartridges["LEFT01L6"], label("LEFT01L6")));
    EXPECT_FALSE(library_->add(label("LEFT01L6"), {}));
    reopen();
    EXPECT_EQ(at(0x1003), "LEFT01L6");
}

// Who has filled the disk must be able to take the tape out.
TEST_F(Libraries, MoveCartridgesWhenTheDiskIsFull) {
    reopen();
    content_.root.fail_after(0, FaultKind::full);
    EXPECT_TRUE(move(0x1000, 0x0100).good());
    EXPECT_EQ(at(0x0100), "A00001L6");
    // What was set aside is set aside again when there is space.
    content_.root.fail_after(1, FaultKind::full);
    EXPECT_TRUE(move(0x0100, 0x1000).good());
    content_.root.fail_after(0, FaultKind::full);
    EXPECT_EQ(text(move(0x1000, 0x0100)), "4/4400");
    content_.root.mend();
    EXPECT_TRUE(move(0x1000, 0x0100).good());
    content_.root.fail_after(0, FaultKind::full);
    EXPECT_TRUE(move(0x0100, 0x1000).good());
    reopen();
    EXPECT_EQ(at(0x1000), "A00001L6");
}

TEST_F(Libraries, HaveNothingOfACartridgeWhosePlaceCouldNotBeNoted) {
    content_.root.fail_after(0, FaultKind::host);
    EXPECT_EQ(library_->add(label("NEW001L6"), {}).error().kind, FaultKind::host);
    EXPECT_FALSE(content_.cartridges.contains("NEW001L6"));
    // One that was destroyed is destroyed: whoever opens the library next finds its element empty.
    EXPECT_TRUE(library_->remove("A00001L6"));
    EXPECT_EQ(at(0x1000), "");
    content_.root.mend();
    EXPECT_TRUE(library_->add(label("NEW001L6"), 0x1004));
    EXPECT_FALSE(library_->remove("A00001L6"));
    reopen();
    EXPECT_EQ(at(0x1000), "");
    EXPECT_EQ(at(0x1004), "NEW001L6");
}

TEST_F(Libraries, FindAPlaceForCartridgesThatHaveNone) {
    library_.reset();
    content_.root.content("inventory.json") =
        bytes_of(R"({"elements":[{"address":4099,"barcode":"GONE01L6"}]})");
    reopen();
    EXPECT_EQ(at(0x1000), "A00001L6");
    EXPECT_EQ(at(0x1001), "A00002L6");
    EXPECT_EQ(at(0x1002), "B00001L6");
    EXPECT_EQ(at(0x1003), "");
}

TEST_F(Libraries, AreOpenedThoughTheyHaveNoPlaceForACartridge) {
    for (const char* const barcode : {"C00001L6", "C00002L6", "C00003L6", "C00004L6"}) {
        auto folder = MemoryShelf(content_).cartridge(barcode, Access::create);
        ASSERT_TRUE(folder && Cartridge::create(std::move(*folder), label(barcode)));
    }
    reopen();
    EXPECT_EQ(at(0x1005), "C00003L6");
    EXPECT_EQ(library_->elements().find_barcode("C00004L6"), nullptr);
    ASSERT_TRUE(library_->remove("C00003L6"));
    reopen();
    EXPECT_EQ(at(0x1005), "C00004L6");
}

TEST_F(Libraries, AreRefusedWhenTheirFilesAreWrong) {
    library_.reset();
    const auto with = [&](const char* name, const std::string& content) {
        const auto old = content_.root.content(name);
        content_.root.content(name) = bytes_of(content);
        const auto opened = Library::open(std::make_unique<MemoryShelf>(content_));
        content_.root.content(name) = old;
        return opened ? std::string("accepted") : opened.error().what;
    };
    EXPECT_EQ(with("library.json", "x"), "library.json is not JSON");
    EXPECT_EQ(with("library.json", "{}"), "library.json: the member \"changer.vendor\" is missing or wrong");
    EXPECT_EQ(with("inventory.json", "{}"), "inventory.json: it has no list \"elements\"");
    EXPECT_EQ(with("inventory.json", R"({"elements":[{"address":1,"barcode":"A"}]})"),
              R"(inventory.json: wrong element {"address":1,"barcode":"A"})");
    EXPECT_EQ(with("inventory.json",
                   R"({"elements":[{"address":256,"barcode":"A"},{"address":257,"barcode":"A"}]})"),
              R"(inventory.json: wrong or repeated barcode in {"address":257,"barcode":"A"})");
    EXPECT_FALSE(Library::create(std::make_unique<MemoryShelf>(content_),
                                 standard_library(*find_generation("LTO-6"), 1, 1, 0, "X")));
}

TEST_F(Libraries, TellOfAllElementsWhileADriveIsBusy) {
    ASSERT_TRUE(move(0x1000, 0x0100).good());
    ASSERT_TRUE(drive(0, {0x0a, 0, 0, 0, 5, 0}, bytes_of("hello")).good());
    const auto flags = [this] { return changer({0xb8, 4, 1, 0, 0, 1, 0, 0, 0, 0xff, 0, 0}).data.at(18); };
    EXPECT_EQ(flags(), std::byte{0x01});
    std::binary_semaphore busy{0};
    std::binary_semaphore told{0};
    content_.before_sync = [&] {
        busy.release();
        told.acquire();
    };
    std::thread rewinds([&] { EXPECT_TRUE(drive(0, {0x01, 0, 0, 0, 0, 0}).good()); });
    busy.acquire();
    auto asked = std::async(std::launch::async, flags);
    EXPECT_EQ(asked.wait_for(std::chrono::minutes(1)), std::future_status::ready);
    told.release();
    EXPECT_EQ(asked.get(), std::byte{0x01});
    rewinds.join();
    content_.before_sync = nullptr;
    ASSERT_TRUE(drive(0, {0x1b, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(flags(), std::byte{0x09});
    ASSERT_TRUE(drive(0, {0x1e, 0, 0, 0, 1, 0}).good());
    EXPECT_EQ(flags(), std::byte{0x01});
    library_->drive_session_gone(0, 1);
    EXPECT_EQ(flags(), std::byte{0x09});
}

TEST_F(Libraries, MakeEveryTapeDurableThoughOneCannotBe) {
    for (const unsigned bay : {0U, 1U}) {
        ASSERT_TRUE(move(0x1000 + bay, 0x0100 + bay).good());
        ASSERT_TRUE(drive(bay, {0x0a, 0, 0, 0, 5, 0}, bytes_of("hello")).good());
    }
    content_.cartridges.at("A00001L6")->fail_after(0, FaultKind::host);
    EXPECT_FALSE(library_->sync());
    std::mt19937_64 random(5);
    for (int i = 0; i < 20; ++i) {
        auto kept = Cartridge::open(content_.cartridges.at("A00002L6")->after_power_loss(random));
        ASSERT_TRUE(kept) << kept.error().what;
        EXPECT_EQ((*kept)->partition(0).end_object(), 1U);
    }
}

TEST_F(Libraries, ServeDrivesAndChangerAtOnce) {
    std::thread mover([&] {
        for (int i = 0; i < 200; ++i) {
            (void)move(0x1000, 0x0100);
            (void)move(0x0100, 0x1000);
        }
    });
    for (int i = 0; i < 2000; ++i) {
        const auto answer = drive(0, {0x0a, 0, 0, 0, 1, 0}, bytes_of("x"));
        EXPECT_TRUE(answer.good() || text(answer) == "2/3a00") << text(answer);
    }
    mover.join();
    EXPECT_EQ(at(0x1000), "A00001L6");
}

TEST(LibraryFolder, IsLeftAsItIsWhenItIsNone) {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("targe-none-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directory(folder);
    const auto shelf = open_shelf(folder, false);
    ASSERT_FALSE(shelf);
    EXPECT_EQ(shelf.error().what, folder.string() + " is no library: there is no folder cartridges in it");
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    std::filesystem::remove(folder);
}

TEST(LibraryFolder, IsOfOneProcessAtATime) {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("targe-library-" + std::to_string(std::random_device{}()));
    {
        auto shelf = open_shelf(folder, true);
        ASSERT_TRUE(shelf) << shelf.error().what;
        auto made =
            Library::create(std::move(*shelf), standard_library(*find_generation("9"), 1, 4, 1, "FOLDER"));
        ASSERT_TRUE(made) << made.error().what;
        ASSERT_TRUE((*made)->add({.barcode = "A00001L9", .generation = 9, .capacity_bytes = 1U << 20U}, {}));
        const auto second = open_shelf(folder, false);
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().what, folder.string() + " is in use by another process");
    }
    auto shelf = open_shelf(folder, false);
    ASSERT_TRUE(shelf);
    auto again = Library::open(std::move(*shelf));
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ((*again)->label("A00001L9")->generation, 9);
    ASSERT_TRUE((*again)->remove("A00001L9"));
    EXPECT_FALSE(std::filesystem::exists(folder / "cartridges" / "A00001L9"));
    again->reset();
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace targe::vtl
