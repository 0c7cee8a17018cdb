#include "vtl/options.h"

#include "vtl/device_names.h"

#include <CLI/CLI.hpp>

#include <utility>

namespace targe::vtl {
namespace {

struct Parser {
    Parser();
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;

    CLI::App app{"Serve a virtual tape library to targed, in the foreground, until SIGTERM.", "targe-vtl"};
    Options options;
};

Parser::Parser() {
    constexpr unsigned kMostWaitSeconds = 3600;
    admin::add_common_flags(app);
    app.add_option("LIBRARY", options.library, "The folder that 'targe vtl create' has made")->required();
    app.add_option("--name", options.name,
                   "What the devices of the library are called in targe.toml: NAME-changer, NAME-drive0 … "
                   "(default: the folder's name)")
        ->type_name("NAME");
    app.add_option("--socket-dir", options.socket_dir, "Where targed has the sockets of its devices")
        ->type_name("DIR")
        ->capture_default_str();
    app.add_option("--wait", options.wait_seconds, "How long to wait for targed at the start, in seconds")
        ->type_name("SECONDS")
        ->check(admin::whole_number(0, kMostWaitSeconds))
        ->capture_default_str();
}

}  // namespace

std::variant<Options, admin::Message> parse_options(std::span<const char* const> arguments) {
    Parser parser;
    if (auto message = admin::parse(parser.app, arguments)) {
        return std::move(*message);
    }
    if (parser.options.name.empty()) {
        parser.options.name = library_name(parser.options.library);
    }
    return parser.options;
}

std::vector<std::string> documented_words() {
    return admin::option_words(Parser().app);
}

}  // namespace targe::vtl
