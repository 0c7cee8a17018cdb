// The manual and the reader must have the same keys.
#include "admin/config_keys.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <utility>

namespace targe::admin {
namespace {

using Keys = std::set<std::pair<std::string, std::string>>;

/// "## [daemon]" opens a section, and "*key*" alone on a line is a key of it.
Keys keys_of_manual() {
    Keys keys;
    std::ifstream in(std::string(TARGE_MANUAL) + "/targe.toml.5.scd");
    std::string section;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("# ")) {
            section.clear();
        } else if (line.starts_with("## ")) {
            section = line.substr(3);
        } else if (!section.empty() && line.size() > 2 && line.front() == '*' && line.back() == '*') {
            keys.emplace(section, line.substr(1, line.size() - 2));
        }
    }
    return keys;
}

Keys keys_of_reader() {
    Keys keys;
    for (const KnownKey& known : known_keys()) {
        if (known.section != "the file") {
            keys.emplace(known.section, known.key);
        }
    }
    return keys;
}

TEST(ConfigManual, HasTheKeysThatTheReaderHas) {
    EXPECT_EQ(keys_of_manual(), keys_of_reader());
}

}  // namespace
}  // namespace targe::admin
