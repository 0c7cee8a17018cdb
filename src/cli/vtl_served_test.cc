// `targe vtl` on a library that another has: here a Library of the test, asked as targe-vtl is.
#include "admin/problem.h"
#include "cli/run.h"
#include "vtl/generation.h"
#include "vtl/library.h"
#include "vtl/library_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace targe::cli {
namespace {

using testing::HasSubstr;
using vtl::LibraryEvent;

class ServedLibraries : public testing::Test {
protected:
    void SetUp() override {
        auto shelf = vtl::open_shelf(library_path(), true);
        ASSERT_TRUE(shelf) << shelf.error().what;
        auto made = vtl::Library::create(
            std::move(*shelf), vtl::standard_library(*vtl::find_generation("LTO-6"), 2, 3, 1, "TEST01"));
        ASSERT_TRUE(made) << made.error().what;
        library_ = std::move(*made);
        std::ofstream(vtl::control_socket(library_path()));
    }
    void TearDown() override {
        library_.reset();
        std::filesystem::remove_all(folder_);
    }
    [[nodiscard]] std::string library_path() const { return (folder_ / "library").string(); }

    /// What went wrong, or nothing; out_ has what was printed.
    std::string vtl(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin() + 1, named_);
        arguments.insert(arguments.begin(), {"targe", "vtl"});
        std::vector<const char*> raw;
        for (const std::string& argument : arguments) {
            raw.push_back(argument.c_str());
        }
        std::ostringstream out;
        std::ostringstream err;
        const int status = run(raw, ask_, out, err);
        out_ = out.str();
        EXPECT_EQ(status == 0, err.str().empty());
        return err.str();
    }

    std::filesystem::path folder_ = [] {
        const auto path = std::filesystem::temp_directory_path() /
                          ("targe-served-" + std::to_string(std::random_device{}()));
        std::filesystem::create_directory(path);
        return path;
    }();
    std::string named_ = library_path();  ///< what `targe vtl` is told
    std::unique_ptr<vtl::Library> library_;
    std::chrono::milliseconds patience_{};
    Ask ask_ = [this](const std::string& socket, std::string_view request,
                      std::chrono::milliseconds patience) -> std::expected<std::string, admin::Problem> {
        EXPECT_EQ(socket, library_path() + "/control.sock");
        patience_ = patience;
        return vtl::handle_library_request(request, *library_);
    };
    std::string out_;
};

TEST_F(ServedLibraries, AreKeptAsThoseThatNobodyServes) {
    EXPECT_EQ(vtl({"add", "A00001L6", "--capacity", "100MiB"}), "");
    EXPECT_EQ(out_, "Cartridge A00001L6 is in slot:1.\n");
    EXPECT_EQ(vtl({"add", "A00002LW", "--at", "port:1"}), "");
    EXPECT_EQ(vtl({"move", "A00001L6", "drive:1"}), "");
    EXPECT_EQ(out_, "Cartridge A00001L6 is in drive:1.\n");
    EXPECT_EQ(vtl({"protect", "A00002LW", "on"}), "");
    EXPECT_EQ(vtl({"list"}), "");
    EXPECT_THAT(out_, HasSubstr("port:1   0010h    A00002LW   LTO-6   2.3 TiB  WORM, protected\n"));
    EXPECT_THAT(out_, HasSubstr("drive:1  0101h    A00001L6   LTO-6   100 MiB  -\n"));
    EXPECT_EQ(vtl({"config", "--name", "tapes"}), "");
    EXPECT_THAT(out_, HasSubstr("name     = \"tapes-changer\""));
    EXPECT_THAT(vtl({"protect", "A00001L6", "on"}), HasSubstr("A00001L6 slot:N, then the same again"));
    EXPECT_EQ(vtl({"remove", "A00002LW", "--destroy-data"}), "");
    EXPECT_EQ(library_->elements().find_barcode("A00002LW"), nullptr);
}

TEST_F(ServedLibraries, TellInitiatorsWhatWasDone) {
    EXPECT_EQ(vtl({"add", "A00001L6", "--at", "port:1"}), "");
    EXPECT_EQ(library_->take_events(),
              (std::vector<LibraryEvent>{{{}, vtl::asc::import_or_export_element_accessed}}));
    EXPECT_EQ(vtl({"list"}), "");
    EXPECT_EQ(vtl({"protect", "A00001L6", "on"}), "");
    EXPECT_TRUE(library_->take_events().empty());
}

TEST_F(ServedLibraries, ExportAndImportBesideWhoServesThem) {
    const std::string archive = (folder_ / "a.tar").string();
    EXPECT_EQ(vtl({"add", "A00001L6"}), "");
    EXPECT_EQ(vtl({"export", "A00001L6", archive}), "");
    EXPECT_THAT(vtl({"import", archive}), HasSubstr("there is a cartridge A00001L6"));
    EXPECT_EQ(vtl({"import", archive, "--barcode", "COPY01L6", "--at", "port:1"}), "");
    EXPECT_EQ(out_, "Cartridge COPY01L6 is in port:1.\n");
    EXPECT_EQ(vtl({"move", "A00001L6", "drive:0"}), "");
    EXPECT_THAT(vtl({"export", "A00001L6", archive + "2"}), HasSubstr("A00001L6 is in drive:0"));
    EXPECT_THAT(vtl({"export", "NONE", archive + "2"}), HasSubstr("there is no cartridge NONE"));
}

TEST_F(ServedLibraries, AreAwaitedAsLongAsADriveMayTakeToGiveATapeOut) {
    EXPECT_EQ(vtl({"add", "A00001L6"}), "");
    EXPECT_EQ(vtl({"move", "A00001L6", "drive:0"}), "");
    EXPECT_GT(patience_, std::chrono::minutes(15));
    EXPECT_EQ(vtl({"list"}), "");
    EXPECT_LE(patience_, std::chrono::minutes(1));
}

TEST_F(ServedLibraries, SayWhyTheyAreNotReached) {
    const Ask answers = std::exchange(
        ask_,
        [](const std::string&, std::string_view,
           std::chrono::milliseconds) -> std::expected<std::string, admin::Problem> {
            return std::unexpected(admin::Problem{.what = "no answer", .cause = "it is stuck", .cure = {}});
        });
    EXPECT_THAT(vtl({"list"}), HasSubstr("cause: targe-vtl serves it and does not answer: it is stuck"));
    ask_ = [](const std::string&, std::string_view, std::chrono::milliseconds) {
        return R"({"targe":1,"result":"other"})";
    };
    EXPECT_EQ(vtl({"list"}), "");
    ask_ = answers;
    named_ = folder_ / std::string(100, 'd');
    std::filesystem::create_symlink(library_path(), named_);
    EXPECT_THAT(vtl({"list"}), HasSubstr("try: the same again by that name"));
    named_ = library_path();
    std::filesystem::remove(vtl::control_socket(library_path()));
    EXPECT_THAT(vtl({"list"}),
                HasSubstr("library is in use by another process\n  cause: it is another targe vtl"));
}

}  // namespace
}  // namespace targe::cli
