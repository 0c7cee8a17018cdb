#include "admin/command_line.h"

#include "admin/config_keys.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <system_error>

namespace targe::admin {
namespace {

template <class Number>
CLI::Validator number_between(Number least, Number most, std::string_view kind) {
    const std::string range = fmt::format("{} to {}", least, most);
    const auto complain = [=, kind = std::string(kind)](const std::string& text) {
        Number number{};
        const char* const end = text.data() + text.size();
        const auto [stopped, error] = std::from_chars(text.data(), end, number);
        const bool octal = text.size() > 1 && text.front() == '0' && text.find('.') == std::string::npos;
        // Written so that what is no number at all is refused, too.
        return error == std::errc{} && stopped == end && !octal && number >= least && number <= most
                   ? std::string{}
                   : fmt::format("\"{}\" is no {} from {}", text, kind, range);
    };
    return {[complain](std::string& text) { return complain(text); }, "from " + range};
}

}  // namespace

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
    return number_between(least, most, "whole number");
}

CLI::Validator real_number(double least, double most) {
    return number_between(least, most, "number");
}

void add_common_flags(CLI::App& app) {
    app.set_version_flag("--version", app.get_name() + " " TARGE_VERSION, "Print the version and exit");
    app.set_help_flag("-h,--help", "Print this help and exit");
}

std::string mistake(const CLI::App& app, std::string_view what) {
    return fmt::format("{0}: {1}\n{2}  try: {0} --help\n", app.get_name(), what, likely_option(app));
}

std::string likely_option(const CLI::App& command) {
    std::vector<std::string> words;
    const CLI::App* root = &command;
    for (const CLI::App* at = &command; at != nullptr; at = at->get_parent()) {
        const std::vector<std::string> own = option_words(*at);
        words.insert(words.end(), own.begin(), own.end());
        root = at;
    }
    const std::vector<std::string_view> known(words.begin(), words.end());
    for (const std::string& given : root->remaining(true)) {
        const std::string word = given.substr(0, given.find('='));
        if (!word.starts_with("--") || std::ranges::find(words, word) != words.end()) {
            continue;
        }
        if (const std::string_view near = nearest(known, word); !near.empty()) {
            return fmt::format("  cause: probably '{}' is meant\n", near);
        }
    }
    return {};
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
