#include "vtl/library_requests.h"

#include "vtl/testing_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace targe::vtl {
namespace {

using ::testing::HasSubstr;
using testing::LibraryTest;
using testing::MemoryShelf;
using ::testing::StartsWith;
using testing::text;

class LibraryRequests : public LibraryTest {
protected:
    std::string ask(const std::string& verb, const std::string& arguments = "{}") {
        return handle_library_request(admin::make_request(verb, arguments), *library_);
    }
};

TEST_F(LibraryRequests, AreAnswered) {
    EXPECT_EQ(ask("vtl-move", R"({"barcode":"A00001L6","element":"port:2"})"),
              R"({"targe":1,"result":{"barcode":"A00001L6","element":"port:2"}})");
    EXPECT_EQ(ask("vtl-add", R"({"barcode":"NEW001L5","capacity_bytes":2097152})"),
              R"({"targe":1,"result":{"barcode":"NEW001L5","element":"slot:1"}})");
    EXPECT_EQ(ask("vtl-protect", R"({"barcode":"NEW001L5","on":true})"), R"({"targe":1,"result":{}})");
    EXPECT_THAT(ask("vtl-list"),
                HasSubstr(R"({"element":"slot:1","address":4096,"barcode":"NEW001L5","generation":"LTO-5",)"
                          R"("capacity_bytes":2097152,"partitions":1,"worm":false,"write_protected":true,)"
                          R"("cleaning":false})"));
    EXPECT_EQ(ask("vtl-remove", R"({"barcode":"NEW001L5"})"), R"({"targe":1,"result":{}})");
    EXPECT_EQ(at(0x1000), "");
    EXPECT_THAT(ask("vtl-add", R"({"barcode":"SMALL","capacity_bytes":1048576})"), HasSubstr("slot:1"));
    EXPECT_EQ(at(0x0011), "A00001L6");
}

TEST_F(LibraryRequests, AreRefusedWithAReason) {
    for (const auto& [verb, arguments, what] :
         std::initializer_list<std::tuple<std::string, std::string, std::string>>{
             {"vtl-lst", "{}", "probably 'vtl-list' is meant"},
             {"vtl-move", "{}", "'vtl-move' needs the argument 'barcode', a string"},
             {"vtl-move", R"({"barcode":7})", "needs the argument 'barcode'"},
             {"vtl-move", R"({"barcode":"NONE"})", "there is no cartridge NONE"},
             {"vtl-move", R"({"barcode":"A00001L6","element":"slot:7"})", "there is no element 'slot:7'"},
             {"vtl-move", R"({"barcode":"A00001L6","element":"slot:2"})", "the destination has a cartridge"},
             {"vtl-add", R"({"barcode":"A00001L6"})", "there is a cartridge A00001L6"},
             {"vtl-add", R"({"barcode":"../x"})", "cannot be a label"},
             {"vtl-add", R"({"barcode":"X","capacity_bytes":1048575})", "of 1048575 bytes cannot be made"},
             {"vtl-add", R"({"barcode":"X","capacity_bytes":-1})", "a cartridge of -1 bytes cannot be made"},
             {"vtl-add", R"({"barcode":"X","capacity_bytes":1152921504606846977})", "and 1024 PiB at most"},
             {"vtl-add", R"({"barcode":"X","generation":"LTO-4"})", "there is no generation 'LTO-4' here"},
             {"vtl-add", R"({"barcode":"X","element":"drive:0"})", "cannot be put into drive:0"},
             {"vtl-config", R"({"name":"a\"b"})", "devices cannot be called 'a\\\"b'"},
             {"vtl-place", R"({"barcode":"a"})", "labels have A to Z, 0 to 9, _ and -"},
             {"vtl-remove", R"({"barcode":"NONE"})", "there is no cartridge NONE"},
             {"vtl-protect", R"({"barcode":"NONE","on":true})", "there is no cartridge NONE"}}) {
        const std::string answer = ask(verb, arguments);
        EXPECT_THAT(answer, StartsWith(R"({"targe":1,"error":{)")) << verb << arguments;
        EXPECT_THAT(answer, HasSubstr(what)) << verb << arguments;
    }
}

TEST_F(LibraryRequests, LeaveImportExportElementsToInitiatorsThatPreventTheirUse) {
    ASSERT_TRUE(changer({0x1e, 0, 0, 0, 1, 0}).good());
    EXPECT_THAT(ask("vtl-add", R"({"barcode":"NEW001L6","element":"port:1"})"),
                HasSubstr("prevents the use"));
    EXPECT_THAT(ask("vtl-move", R"({"barcode":"A00001L6","element":"port:1"})"),
                HasSubstr("prevents the use"));
    EXPECT_THAT(ask("vtl-add", R"({"barcode":"NEW001L6"})"), HasSubstr("slot:4"));
}

TEST_F(LibraryRequests, MakeCartridgesOfWhatWasBuiltBeside) {
    auto built = std::make_shared<testing::MemoryStore>();
    ASSERT_TRUE(Cartridge::write_label(*built, label("CAME01L6")));
    content_.incoming["CAME01L6"] = built;
    EXPECT_THAT(ask("vtl-place", R"({"barcode":"CAME01L6","element":"port:1"})"), HasSubstr("port:1"));
    EXPECT_EQ(at(0x0010), "");
    EXPECT_THAT(ask("vtl-adopt", R"({"barcode":"CAME01L6","element":"port:1"})"), HasSubstr("port:1"));
    EXPECT_EQ(library_->take_events(),
              (std::vector<LibraryEvent>{{{}, asc::import_or_export_element_accessed}}));
    reopen();
    EXPECT_EQ(at(0x0010), "CAME01L6");
}

TEST_F(LibraryRequests, MoveNoCartridgeIntoADriveThatIsReadBeside) {
    auto read = MemoryShelf(content_).cartridge("A00001L6", Access::take);
    ASSERT_TRUE(read);
    EXPECT_EQ(text(move(0x1000, 0x0100)), "5/3b11");
    EXPECT_THAT(ask("vtl-move", R"({"barcode":"A00001L6","element":"drive:0"})"),
                HasSubstr("another process reads it"));
    EXPECT_THAT(ask("vtl-remove", R"({"barcode":"A00001L6"})"), HasSubstr("in use"));
    EXPECT_THAT(ask("vtl-protect", R"({"barcode":"A00001L6","on":true})"), HasSubstr("in use"));
    EXPECT_TRUE(move(0x1000, 0x0010).good());
    read->reset();
    EXPECT_TRUE(move(0x0010, 0x0100).good());
    EXPECT_FALSE(MemoryShelf(content_).cartridge("A00001L6", Access::take));
}

class LibraryFolders : public ::testing::Test {
protected:
    void SetUp() override {
        auto shelf = open_shelf(folder_, true);
        ASSERT_TRUE(shelf) << shelf.error().what;
        auto made =
            Library::create(std::move(*shelf), standard_library(*find_generation("9"), 1, 4, 1, "FOLDER"));
        ASSERT_TRUE(made) << made.error().what;
        library_ = std::move(*made);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    void build(const std::string& barcode) {
        auto store = incoming_cartridge(folder_, barcode);
        ASSERT_TRUE(store) << store.error().what;
        ASSERT_TRUE(Cartridge::create(std::move(*store), label(barcode)));
    }
    static Label label(const std::string& barcode) {
        return {.barcode = barcode, .generation = 9, .capacity_bytes = 1U << 20U};
    }

    std::string folder_ =
        std::filesystem::temp_directory_path() / ("targe-library-" + std::to_string(std::random_device{}()));
    std::unique_ptr<Library> library_;
};

TEST_F(LibraryFolders, TakeInWhatAnotherProcessHasBuilt) {
    EXPECT_FALSE(library_->adopt("A00001L9", {}));
    build("A00001L9");
    ASSERT_TRUE(library_->adopt("A00001L9", {}));
    EXPECT_EQ(library_->label("A00001L9")->barcode, "A00001L9");
    EXPECT_FALSE(library_->adopt("../A00001L9", {}));
    // Under another name than its label has.
    build("A00002L9");
    std::filesystem::rename(folder_ + "/incoming/A00002L9", folder_ + "/incoming/A00003L9");
    EXPECT_THAT(library_->adopt("A00003L9", {}).error().what, HasSubstr("is labelled A00002L9"));
}

TEST_F(LibraryFolders, ForgetWhatWasNotBuiltToItsEnd) {
    build("A00001L9");
    const auto going_on = incoming_cartridge(folder_, "A00002L9");
    ASSERT_TRUE(going_on);
    library_.reset();
    auto shelf = open_shelf(folder_, false);
    ASSERT_TRUE(shelf);
    ASSERT_TRUE(Library::open(std::move(*shelf)));
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/incoming/A00001L9"));
    EXPECT_TRUE(std::filesystem::exists(folder_ + "/incoming/A00002L9"));
}

TEST_F(LibraryFolders, LendCartridgesThatAreInNoDrive) {
    ASSERT_TRUE(library_->add(label("A00001L9"), {}));
    {
        const auto lent = borrow_cartridge(folder_, "A00001L9");
        ASSERT_TRUE(lent) << lent.error().what;
        EXPECT_THAT(library_->transfer(0x1000, 0x0100).error().what, HasSubstr("another process reads it"));
        EXPECT_THAT(borrow_cartridge(folder_, "A00001L9").error().what, HasSubstr("A00001L9 is in use"));
    }
    ASSERT_TRUE(library_->transfer(0x1000, 0x0100));
    EXPECT_EQ(borrow_cartridge(folder_, "A00001L9").error().kind, FaultKind::in_use);
    EXPECT_FALSE(borrow_cartridge(folder_, "NONE"));
}

}  // namespace
}  // namespace targe::vtl
