// What the command lines of all programs have in common: help, the version, and how a mistake is told of.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace targe::admin {

// Exit statuses.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;  ///< what was asked could not be done
inline constexpr int kMisused = 2;

/// Help, the version, or a mistake: there is nothing to do but to print it, to standard output when the
/// status is kDone.
struct Message {
    std::string text;
    int exit_status = kDone;
};

/// Adds --help and --version, which names the program as `app` does.
void add_common_flags(CLI::App& app);

/// What is said of a mistake; `what` is the parser's word for it.
using Mistake = std::function<std::string(const CLI::App& app, std::string_view what)>;
/// "PROGRAM: WHAT", and how to get help.
[[nodiscard]] std::string mistake(const CLI::App& app, std::string_view what);

/// "  cause: probably '--json' is meant\n" where an option was given that neither `command` nor what it
/// belongs to has, and one of them is like it; else nothing.
[[nodiscard]] std::string likely_option(const CLI::App& command);

/// Fills in what the options of `app` are bound to. Nothing when all is well.
[[nodiscard]] std::optional<Message> parse(CLI::App& app, std::span<const char* const> arguments,
                                           const Mistake& told = mistake);

/// For Option::check(): a number from `least` to `most` in decimal digits. What is none is told of in words
/// that say what is; the library's own say no more than that it could not convert it, and it takes 010 for 8.
[[nodiscard]] CLI::Validator whole_number(std::uint64_t least, std::uint64_t most);
[[nodiscard]] CLI::Validator real_number(double least, double most);

/// "--config" and the names of arguments, as the manual must have them; those of subcommands are not among
/// them.
[[nodiscard]] std::vector<std::string> option_words(const CLI::App& app);

}  // namespace targe::admin
