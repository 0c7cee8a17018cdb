#include "daemon/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <variant>
#include <vector>

namespace targe::daemon {
namespace {

using admin::kDone;
using admin::kMisused;
using admin::Message;
using testing::HasSubstr;

std::variant<Options, Message> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "targed");
    return parse_options(arguments);
}

TEST(Options, HaveDefaults) {
    const auto options = std::get<Options>(parse({}));
    EXPECT_EQ(options.mode, Mode::serve);
    EXPECT_EQ(options.config_file, "/etc/targe/targe.toml");
}

TEST(Options, NameTheConfigurationAndWhatToDoWithIt) {
    const auto options = std::get<Options>(parse({"--check", "--config", "x.toml"}));
    EXPECT_EQ(options.mode, Mode::check);
    EXPECT_EQ(options.config_file, "x.toml");
}

TEST(Options, AreRefusedWithAHint) {
    for (const auto& arguments : {std::vector{"--chekc"}, std::vector{"--config"}, std::vector{"x.toml"},
                                  std::vector{"--check=maybe"}}) {
        const auto message = std::get<Message>(parse(arguments));
        EXPECT_EQ(message.exit_status, kMisused);
        EXPECT_THAT(message.text, HasSubstr("try: targed --help"));
    }
}

TEST(Options, AreInTheManual) {
    std::ifstream in(std::string(TARGE_MANUAL) + "/targed.8.scd");
    const std::string manual{std::istreambuf_iterator<char>(in), {}};
    const auto help = std::get<Message>(parse({"--help"}));
    EXPECT_EQ(help.exit_status, kDone);
    for (const std::string& word : documented_words()) {
        EXPECT_THAT(manual, HasSubstr("*" + word + "*"));
        EXPECT_THAT(help.text, HasSubstr(word));
    }
}

}  // namespace
}  // namespace targe::daemon
