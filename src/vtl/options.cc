#include "vtl/options.h"

#include "vtl/device_names.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <sstream>

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
    app.set_version_flag("--version", std::string("targe-vtl " TARGE_VERSION), "Print the version and exit");
    app.set_help_flag("-h,--help", "Print this help and exit");
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
        ->check(CLI::Range(0U, kMostWaitSeconds))
        ->capture_default_str();
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
        return Message{.text = fmt::format("targe-vtl: {}\n  try: targe-vtl --help\n", error.what()),
                       .exit_status = kMisused};
    }
    if (parser.options.name.empty()) {
        parser.options.name = library_name(parser.options.library);
    }
    return parser.options;
}

std::vector<std::string> documented_words() {
    const Parser parser;
    std::vector<std::string> words;
    for (const CLI::Option* const option : parser.app.get_options()) {
        words.push_back(option->get_positional() ? option->get_name() : "--" + option->get_lnames().front());
    }
    return words;
}

}  // namespace targe::vtl
