// What people read when their configuration is wrong: testdata/config_faults.txt holds each case and its
// messages. With TARGE_REWRITE_GOLDEN set in the environment the test writes what it got into the file, to be
// looked at.
#include "admin/config_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

namespace targe::admin {
namespace {

const std::string kGolden = std::string(TARGE_TESTDATA) + "/config_faults.txt";

struct Case {
    std::string name;
    std::string toml;
    std::string messages;
};

std::vector<Case> read_cases() {
    std::vector<Case> cases;
    std::ifstream in(kGolden);
    std::string* part = nullptr;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("### ")) {
            cases.push_back({.name = line.substr(4), .toml = {}, .messages = {}});
            part = &cases.back().toml;
        } else if (line == "---") {
            part = &cases.back().messages;
        } else if (part != nullptr) {
            part->append(line).push_back('\n');
        }
    }
    return cases;
}

std::expected<std::string, std::string> read_secret(const std::string& path) {
    if (path == "good") {
        return "from a file!\n";
    }
    return std::unexpected(path + ": No such file or directory");
}

std::string messages_of(const std::string& toml) {
    const auto has_group = [](const std::string& name) { return name == "disk"; };
    const auto loaded = parse_config(toml, "test.toml", read_secret, has_group);
    return to_string(std::span<const ConfigProblem>(loaded ? loaded->warnings : loaded.error()));
}

TEST(ConfigFaults, AreToldInWordsThatHelp) {
    const std::vector<Case> cases = read_cases();
    ASSERT_GT(cases.size(), 20U);
    std::string golden;
    for (const Case& one : cases) {
        const std::string messages = messages_of(one.toml);
        golden += "### " + one.name + "\n" + one.toml + "---\n" + messages;
        EXPECT_EQ(messages, one.messages) << one.name;
        EXPECT_FALSE(messages.empty()) << one.name;
    }
    if (std::getenv("TARGE_REWRITE_GOLDEN") != nullptr) {
        std::ofstream(kGolden) << golden;
    }
}

// A configuration comes from a person's editor: whatever is cut from a good one, reading it ends.
TEST(ConfigFaults, EndInMessagesWhereverTheFileIsCut) {
    std::string whole;
    for (const Case& one : read_cases()) {
        whole += one.toml;
    }
    for (std::size_t size = 0; size < whole.size(); size += 7) {
        const auto loaded = parse_config(std::string_view(whole).substr(0, size), "test.toml", read_secret);
        EXPECT_TRUE(loaded || !loaded.error().empty()) << size;
    }
}

}  // namespace
}  // namespace targe::admin
