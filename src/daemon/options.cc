#include "daemon/options.h"

#include <CLI/CLI.hpp>

#include <utility>

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
    admin::add_common_flags(app);
    app.add_option("--config", options.config_file, "The configuration, targe.toml(5)")
        ->type_name("FILE")
        ->capture_default_str();
    app.add_flag("--check", check, "Say what is wrong with the configuration, and exit");
}

}  // namespace

std::variant<Options, admin::Message> parse_options(std::span<const char* const> arguments) {
    Parser parser;
    if (auto message = admin::parse(parser.app, arguments)) {
        return std::move(*message);
    }
    parser.options.mode = parser.check ? Mode::check : Mode::serve;
    return parser.options;
}

std::vector<std::string> documented_words() {
    return admin::option_words(Parser().app);
}

}  // namespace targe::daemon
