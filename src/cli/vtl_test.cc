#include "cli/run.h"
#include "vtl/block_codec.h"
#include "vtl/cartridge.h"
#include "vtl/posix_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace targe::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class TargeVtl : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(vtl({"create", "--serial", "TEST01", "--slots", "3", "--ports", "1"}), "");
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    /// What went wrong, or nothing; out_ has what was printed.
    std::string vtl(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin() + 1, (folder_ / name_).string());
        arguments.insert(arguments.begin(), {"targe", "vtl"});
        std::vector<const char*> raw;
        for (const std::string& argument : arguments) {
            raw.push_back(argument.c_str());
        }
        const Ask nobody = [](const std::string&, std::string_view,
                              std::chrono::milliseconds) -> std::expected<std::string, admin::Problem> {
            ADD_FAILURE() << "the daemon was asked";
            return "";
        };
        std::ostringstream out;
        std::ostringstream err;
        const int status = run(raw, nobody, out, err);
        out_ = out.str();
        EXPECT_EQ(status == 0, err.str().empty());
        return err.str();
    }

    std::filesystem::path folder_ = [] {
        const auto path =
            std::filesystem::temp_directory_path() / ("targe-vtl-" + std::to_string(std::random_device{}()));
        std::filesystem::create_directory(path);
        return path;
    }();
    std::string name_ = "library";
    std::string out_;
};

TEST_F(TargeVtl, MakesCartridgesAndShowsWhereTheyAre) {
    EXPECT_EQ(vtl({"add", "A00001L6", "--capacity", "100MiB"}), "");
    EXPECT_EQ(out_, "Cartridge A00001L6 is in slot:1.\n");
    EXPECT_EQ(vtl({"add", "A00002LW", "--at", "port:1"}), "");
    EXPECT_EQ(vtl({"move", "A00001L6", "drive:1"}), "");
    EXPECT_EQ(vtl({"protect", "A00002LW", "on"}), "");
    EXPECT_EQ(vtl({"list"}), "");
    EXPECT_EQ(out_,
              "element  address  cartridge  kind   capacity  remarks\n"
              "port:1   0010h    A00002LW   LTO-6   2.3 TiB  WORM, protected\n"
              "drive:0  0100h    -          -             -  -\n"
              "drive:1  0101h    A00001L6   LTO-6   100 MiB  -\n"
              "slot:1   1000h    -          -             -  -\n"
              "slot:2   1001h    -          -             -  -\n"
              "slot:3   1002h    -          -             -  -\n");
    EXPECT_EQ(vtl({"list", "--json"}), "");
    const auto json = nlohmann::json::parse(out_);
    EXPECT_EQ(json["elements"].size(), 6U);
    EXPECT_EQ(json["elements"][2]["barcode"], "A00001L6");
    EXPECT_EQ(json["elements"][0]["worm"], true);
}

TEST_F(TargeVtl, MakesLibrariesAndCartridgesAsTheyWereAskedFor) {
    EXPECT_EQ(vtl({"add", "A00001L6", "--worm"}), "");
    EXPECT_EQ(vtl({"list", "--json"}), "");
    EXPECT_EQ(nlohmann::json::parse(out_)["elements"][3]["worm"], true);
    name_ = "another";
    EXPECT_THAT(vtl({"create", "--serial", "TEST1"}), HasSubstr("'TEST1' is not 6 letters and digits"));
    EXPECT_EQ(vtl({"create", "--serial", "TEST02", "--vendor", "VENDOR 8", "--product", "PRODUCT OF 16 CH",
                   "--revision", "REV4"}),
              "");
    std::ifstream file(folder_ / name_ / "library.json");
    for (const auto& drive : nlohmann::json::parse(file)["drives"]) {
        EXPECT_EQ(drive["vendor"], "VENDOR 8");
        EXPECT_EQ(drive["product"], "PRODUCT OF 16 CH");
        EXPECT_EQ(drive["revision"], "REV4");
    }
}

TEST_F(TargeVtl, ShowsNoCapacityOfACleaningCartridge) {
    EXPECT_EQ(vtl({"add", "CLN001L6"}), "");
    EXPECT_EQ(vtl({"list"}), "");
    EXPECT_THAT(out_, HasSubstr("slot:1   1000h    CLN001L6   LTO-6         -  cleaning\n"));
    EXPECT_EQ(vtl({"list", "--json"}), "");
    EXPECT_THAT(out_, Not(HasSubstr("capacity_bytes")));
}

TEST_F(TargeVtl, SaysWhatTheDaemonNeedsToServeIt) {
    EXPECT_EQ(vtl({"config"}), "");
    EXPECT_THAT(out_, HasSubstr("name     = \"library-drive1\""));
    EXPECT_EQ(vtl({"config", "--name", "tapes", "--json"}), "");
    const auto json = nlohmann::json::parse(out_);
    EXPECT_EQ(json["name"], "tapes");
    EXPECT_THAT(json["toml"].get<std::string>(), HasSubstr("name     = \"tapes-changer\""));
}

TEST_F(TargeVtl, ExportsAndImports) {
    const std::string archive = (folder_ / "a.tar").string();
    EXPECT_EQ(vtl({"add", "A00001L6"}), "");
    EXPECT_EQ(vtl({"export", "A00001L6", archive}), "");
    EXPECT_THAT(vtl({"export", "A00001L6", archive}), HasSubstr("is there already"));
    EXPECT_THAT(vtl({"import", archive}), HasSubstr("there is a cartridge A00001L6"));
    EXPECT_EQ(vtl({"import", archive, "--barcode", "COPY01L6"}), "");
    EXPECT_EQ(out_, "Cartridge COPY01L6 is in slot:2.\n");
    EXPECT_THAT(vtl({"import", (folder_ / "library" / "library.json").string()}),
                HasSubstr("it is no archive that 'targe vtl export' has written"));
}

TEST_F(TargeVtl, ExportsWhatIsNotDamagedAndSaysWhatIs) {
    EXPECT_EQ(vtl({"add", "A00001L6"}), "");
    {
        auto store = vtl::open_folder((folder_ / "library" / "cartridges" / "A00001L6").string(), false);
        auto cartridge = vtl::Cartridge::open(std::move(*store));
        ASSERT_TRUE(cartridge);
        vtl::BlockCodec codec;
        for (int i = 0; i < 3; ++i) {
            ASSERT_TRUE(
                codec.write((*cartridge)->partition(0), std::vector<std::byte>(100, std::byte(i)), {}));
        }
        ASSERT_TRUE((*cartridge)->sync());
    }
    const auto tape = folder_ / "library" / "cartridges" / "A00001L6" / "00000001-0-00000000.tape";
    std::fstream(tape, std::ios::in | std::ios::out | std::ios::binary).seekp(64 + 164 + 64 + 9).put('x');
    const std::string archive = (folder_ / "a.tar").string();
    EXPECT_THAT(vtl({"export", "A00001L6", archive}),
                HasSubstr("A00001L6 is written to " + archive + " but for what is damaged: object 1\n"));
    EXPECT_EQ(vtl({"import", archive, "--barcode", "COPY01L6"}), "");
    std::filesystem::remove(archive);
    EXPECT_THAT(vtl({"export", "COPY01L6", archive}), HasSubstr("damaged: object 1\n"));
}

TEST_F(TargeVtl, ImportsACartridgeWithItsCapacity) {
    const auto cartridge = [&](const std::string& barcode) {
        auto store = vtl::open_folder((folder_ / "library" / "cartridges" / barcode).string(), false);
        return vtl::Cartridge::open(std::move(*store));
    };
    EXPECT_EQ(vtl({"add", "A00001L6", "--capacity", "100MiB"}), "");
    {
        auto original = cartridge("A00001L6");
        ASSERT_TRUE(original);
        ASSERT_TRUE((*original)->format({5'000'000}));  // as SET CAPACITY does
    }
    const std::string archive = (folder_ / "a.tar").string();
    EXPECT_EQ(vtl({"export", "A00001L6", archive}), "");
    EXPECT_EQ(vtl({"import", archive, "--barcode", "COPY01L6"}), "");
    const auto copy = cartridge("COPY01L6");
    ASSERT_TRUE(copy);
    EXPECT_EQ((*copy)->capacity(0), 5'000'000U);
}

TEST_F(TargeVtl, SaysThatAnArchiveFoundNoSpace) {
    EXPECT_EQ(vtl({"add", "A00001L6"}), "");
    const std::string archive = (folder_ / "a.tar").string();
    const auto signal_before = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit small = before;
    small.rlim_cur = 512;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const std::string said = vtl({"export", "A00001L6", archive});
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, signal_before);
    EXPECT_THAT(said, HasSubstr("could not be written whole\n  cause: its file system has no space left"));
    EXPECT_FALSE(std::filesystem::exists(archive));
}

TEST_F(TargeVtl, LeavesNothingOfAnArchiveThatIsNotWhole) {
    const std::string archive = (folder_ / "a.tar").string();
    EXPECT_EQ(vtl({"add", "A00001L6"}), "");
    EXPECT_EQ(vtl({"export", "A00001L6", archive}), "");
    std::filesystem::resize_file(archive, std::filesystem::file_size(archive) - 1024);
    EXPECT_THAT(vtl({"import", archive, "--barcode", "COPY01L6"}),
                HasSubstr("the archive ends in the middle; no cartridge was made"));
    const auto left = folder_ / "library" / "incoming" / "COPY01L6";
    EXPECT_TRUE(!std::filesystem::exists(left) || std::filesystem::is_empty(left));
}

TEST_F(TargeVtl, SaysWhatIsWrong) {
    EXPECT_THAT(vtl({"create"}), HasSubstr("there is a library already"));
    EXPECT_THAT(vtl({"add", "lower"}), HasSubstr("'lower' cannot be a label"));
    EXPECT_THAT(vtl({"add", "A00001L6", "--at", "slot:9"}), HasSubstr("there is no element 'slot:9'"));
    EXPECT_THAT(vtl({"add", "A00001L6", "--capacity", "1"}), HasSubstr("--capacity 1"));
    EXPECT_THAT(vtl({"add", "A00001L6", "--generation", "LTO-4"}),
                HasSubstr("there is no generation 'LTO-4'"));
    EXPECT_EQ(vtl({"add", "A00001L6"}), "");
    EXPECT_THAT(vtl({"remove", "A00001L6"}), HasSubstr("--destroy-data"));
    EXPECT_EQ(vtl({"move", "A00001L6", "drive:0"}), "");
    EXPECT_THAT(vtl({"remove", "A00001L6", "--destroy-data"}), HasSubstr("A00001L6 is in drive:0"));
    EXPECT_THAT(
        vtl({"protect", "A00001L6", "on"}),
        HasSubstr("try: targe vtl move " + (folder_ / "library").string() + " A00001L6 slot:N, then"));
    EXPECT_THAT(vtl({"protect", "NONE", "on"}),
                HasSubstr("try: targe vtl list " + (folder_ / "library").string()));
    EXPECT_THAT(vtl({"config", "--name", "a\"b c"}),
                HasSubstr("try: targe vtl config " + (folder_ / "library").string() + " --name a-b-c"));
    EXPECT_EQ(vtl({"move", "A00001L6", "slot:2"}), "");
    EXPECT_EQ(vtl({"remove", "A00001L6", "--destroy-data"}), "");
    EXPECT_THAT(vtl({"move", "A00001L6", "slot:1"}), HasSubstr("there is no cartridge A00001L6"));
    EXPECT_EQ(vtl({"add", "B00001L6"}), "");
    EXPECT_EQ(vtl({"add", "B00002L6"}), "");
    EXPECT_THAT(vtl({"move", "B00001L6", "slot:2"}),
                HasSubstr("B00001L6 from slot:1 to slot:2: the destination has a cartridge"));
    std::filesystem::rename(folder_ / "library", folder_ / "it's a library");
    name_ = "it's a library";
    EXPECT_THAT(vtl({"add", "B00001L6"}),
                HasSubstr("try: targe vtl list '" + folder_.string() + "/it'\\''s a library'\n"));
    name_ = "other";
    EXPECT_THAT(vtl({"create", "--serial", "ab\"cd1"}), HasSubstr("is not 6 letters and digits"));
    EXPECT_THAT(vtl({"create", "--vendor", "123456789"}), HasSubstr("--vendor '123456789' has more than 8"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "other"));
    EXPECT_THAT(vtl({"list"}), HasSubstr("'targe vtl create' has made"));
}

}  // namespace
}  // namespace targe::cli
