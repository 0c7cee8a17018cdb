#include "vtl/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <variant>
#include <vector>

namespace targe::vtl {
namespace {

using admin::kDone;
using admin::kMisused;
using admin::Message;
using testing::HasSubstr;

std::variant<Options, Message> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "targe-vtl");
    return parse_options(arguments);
}

TEST(VtlOptions, NameTheLibraryAndWhereTargedIs) {
    const auto plain = std::get<Options>(parse({"/srv/tapes"}));
    EXPECT_EQ(plain.library, "/srv/tapes");
    EXPECT_EQ(plain.name, "tapes");
    EXPECT_EQ(plain.socket_dir, "/run/targe");
    EXPECT_EQ(plain.wait_seconds, 10U);
    const auto all =
        std::get<Options>(parse({"/srv/tapes", "--name", "a", "--socket-dir", "/tmp", "--wait", "0"}));
    EXPECT_EQ(all.name, "a");
    EXPECT_EQ(all.socket_dir, "/tmp");
    EXPECT_EQ(all.wait_seconds, 0U);
}

TEST(VtlOptions, AreRefusedWithAHint) {
    for (const auto& arguments :
         {std::vector<const char*>{}, std::vector{"a", "b"}, std::vector{"a", "--wait", "-1"}}) {
        const auto message = std::get<Message>(parse(arguments));
        EXPECT_EQ(message.exit_status, kMisused);
        EXPECT_THAT(message.text, HasSubstr("try: targe-vtl --help"));
    }
}

TEST(VtlOptions, AreInTheManual) {
    std::ifstream in(std::string(TARGE_MANUAL) + "/targe-vtl.8.scd");
    const std::string manual{std::istreambuf_iterator<char>(in), {}};
    const auto help = std::get<Message>(parse({"--help"}));
    EXPECT_EQ(help.exit_status, kDone);
    for (const std::string& word : documented_words()) {
        EXPECT_THAT(manual, HasSubstr(word));
        EXPECT_THAT(help.text, HasSubstr(word));
    }
}

}  // namespace
}  // namespace targe::vtl
