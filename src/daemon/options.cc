#include "daemon/options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <sstream>

namespace targe::daemon {
namespace {

struct Parser {
    Parser();
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;

    CLI::App app{"Serve SCSI logical units over iSCSI, in the foreground, until SIGTERM.", "targed"};
    Options options;
    bool check = false;
};

Parser::Parser() {
    app.set_version_flag("--version", std::string("targed " TARGE_VERSION), "Print the version and exit");
    app.set_help_flag("-h,--help", "Print this help and exit");
    app.add_option("--config", options.config_file, "The configuration, targe.toml(5)")
        ->type_name("FILE")
        ->capture_default_str();
    app.add_flag("--check", check, "Say what is wrong with the configuration, and exit");
}

}  // namespace

std::variant<Options, Message> parse_options(std::span<const char* const> arguments) {
    Parser parser;
    try {
        parser.app.parse(static_cast<int>(arguments.size()), arguments.data());
    } catch (const CLI::ParseError& error) {
        std::ostringstream out;
        std::ostringstream err;
        if (parser.app.exit(error, out, err) == 0) {
            return Message{.text = out.str(), .exit_status = kDone};
        }
        return Message{.text = fmt::format("targed: {}\n  try: targed --help\n", error.what()),
                       .exit_status = kMisused};
    }
    parser.options.mode = parser.check ? Mode::check : Mode::serve;
    return parser.options;
}

std::vector<std::string> documented_words() {
    const Parser parser;
    std::vector<std::string> words;
    for (const CLI::Option* const option : parser.app.get_options()) {
        words.push_back("--" + option->get_lnames().front());
    }
    return words;
}

}  // namespace targe::daemon
