#include "admin/command_line.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <sstream>

namespace targe::admin {

void add_common_flags(CLI::App& app) {
    app.set_version_flag("--version", app.get_name() + " " TARGE_VERSION, "Print the version and exit");
    app.set_help_flag("-h,--help", "Print this help and exit");
}

std::string mistake(const CLI::App& app, std::string_view what) {
    return fmt::format("{0}: {1}\n  try: {0} --help\n", app.get_name(), what);
}

std::optional<Message> parse(CLI::App& app, std::span<const char* const> arguments, const Mistake& told) {
    try {
        app.parse(static_cast<int>(arguments.size()), arguments.data());
    } catch (const CLI::ParseError& error) {
        std::ostringstream out;
        std::ostringstream err;
        if (app.exit(error, out, err) == 0) {
            return Message{.text = out.str(), .exit_status = kDone};
        }
        return Message{.text = told(app, error.what()), .exit_status = kMisused};
    }
    return std::nullopt;
}

std::vector<std::string> option_words(const CLI::App& app) {
    std::vector<std::string> words;
    for (const CLI::Option* const option : app.get_options()) {
        words.push_back(option->get_positional() ? option->get_name(true)
                                                 : "--" + option->get_lnames().front());
    }
    return words;
}

}  // namespace targe::admin
