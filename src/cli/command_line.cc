#include "cli/command_line.h"

#include "admin/config.h"
#include "admin/config_keys.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

namespace targe::cli {
namespace {

/// For Option::check(). An empty name is most likely that of a shell's variable.
std::string not_empty(const std::string& text) {
    return text.empty() ? "it is empty" : "";
}

/// The parser and what it fills in.
struct Parser {
    Parser();
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;

    CLI::App app{"Ask a running targed, and tell it what to do; measure any iSCSI target.", "targe"};
    Invocation wanted;
    std::string device;
    std::uint64_t session = 0;
    struct {
        std::string group;
        std::uint16_t port_group = 0;
        std::string state;
        bool preferred = false;
        bool not_preferred = false;
    } path;
    struct {
        std::string image;
        bool force = false;
    } disc;
    bool dry_run = false;
    struct {
        bool is_here = false;
        bool drop = false;
    } unfinished;

private:
    CLI::App& command(CLI::App& parent, const std::string& name, const std::string& help,
                      const std::string& verb, View view);
    void add_session();
    void add_device();
    void add_reservation();
    void add_alua();
    void add_cdrom();
    void add_bench();
    BenchArguments bench;
    VtlArguments vtl;
};

CLI::App& Parser::command(CLI::App& parent, const std::string& name, const std::string& help,
                          const std::string& verb, View view) {
    CLI::App& made = *parent.add_subcommand(name, help);
    made.callback([this, verb, view] {
        wanted.verb = verb;
        wanted.view = view;
    });
    return made;
}

void Parser::add_session() {
    CLI::App& group = *app.add_subcommand("session", "The initiators that are logged in");
    group.require_subcommand(1);
    command(group, "list", "Show every session", "session-list", View::sessions);
    CLI::App& drop =
        command(group, "drop", "End a session as if its connection were lost", "session-drop", View::nothing);
    drop.add_option("ID", session, "The session, as 'targe session list' numbers it")
        ->required()
        ->check(admin::whole_number(1, UINT64_MAX));
}

void Parser::add_device() {
    CLI::App& group = *app.add_subcommand("device", "The stores that logical units are made from");
    group.require_subcommand(1);
    command(group, "list", "Show every device", "device-list", View::devices);
    CLI::App& refresh =
        command(group, "refresh", "Look again at the size and state of a device's backing store",
                "device-refresh", View::devices);
    refresh.add_option("NAME", device, "The device, as its [[device]] names it")
        ->required()
        ->check(not_empty, "");
    auto* const here = refresh.add_flag("--here", unfinished.is_here,
                                        "This is the store on which unfinished work was begun: let it go on");
    refresh.add_flag("--drop", unfinished.drop, "Give unfinished work up that was begun on another store")
        ->excludes(here);
}

void Parser::add_reservation() {
    CLI::App& group = *app.add_subcommand("reservation", "Who has reserved devices for itself");
    group.require_subcommand(1);
    command(group, "list", "Show registrations and reservations", "reservation-list", View::reservations);
    CLI::App& clear = command(group, "clear", "Remove all registrations and reservations of a device",
                              "reservation-clear", View::nothing);
    clear.add_option("NAME", device, "The device, as its [[device]] names it")
        ->required()
        ->check(not_empty, "");
}

void Parser::add_alua() {
    CLI::App& group = *app.add_subcommand("alua", "By which paths devices are reached how well");
    group.require_subcommand(1);
    command(group, "list", "Show device groups and the state of their port groups", "alua-list", View::paths);
    CLI::App& set = command(group, "set", "Change the state of a port group", "alua-set", View::paths);
    set.add_option("GROUP", path.group, "The device group, as its [[device_group]] names it")
        ->required()
        ->check(not_empty, "");
    set.add_option("PORT_GROUP", path.port_group, "The id of the port group")
        ->required()
        ->check(admin::whole_number(0, UINT16_MAX));
    set.add_option("STATE", path.state,
                   "active/optimized, active/non-optimized, standby, unavailable, offline, transitioning; "
                   "none: as it is");
    auto* const prefer = set.add_flag("--preferred", path.preferred, "Let initiators prefer this port group");
    set.add_flag("--not-preferred", path.not_preferred, "Let them prefer it no longer")->excludes(prefer);
}

void Parser::add_cdrom() {
    CLI::App& group = *app.add_subcommand("cdrom", "The discs in drives of CDs, DVDs and BDs");
    group.require_subcommand(1);
    CLI::App& insert = command(group, "insert", "Put a disc in, in the place of the one that is there",
                               "cdrom-insert", View::devices);
    CLI::App& eject =
        command(group, "eject", "Open the tray and take the disc out", "cdrom-eject", View::devices);
    for (CLI::App* const each : {&insert, &eject}) {
        each->add_option("NAME", device, "The drive, as its [[device]] names it")
            ->required()
            ->check(not_empty, "");
        each->add_flag("--force", disc.force, "Although an initiator prevents the removal of the disc");
    }
    insert.add_option("IMAGE", disc.image, "The file that is the disc, an ISO image")
        ->required()
        ->check(not_empty, "");
}

void Parser::add_bench() {
    CLI::App& made = *app.add_subcommand("bench", "Measure any iSCSI target, this one or another");
    add_bench_options(made, bench);
    made.callback([this] { wanted.bench = bench; });
}

Parser::Parser() {
    wanted.socket = admin::DaemonConfig{}.socket;
    app.require_subcommand(1);
    app.fallthrough();
    admin::add_common_flags(app);
    app.add_option("--socket", wanted.socket, "The control socket of targed")
        ->type_name("PATH")
        ->envname("TARGE_SOCKET")
        ->capture_default_str();
    app.add_flag("--json", wanted.json, "Print JSON, whose fields scripts may rely on");
    command(app, "status", "Show how the daemon is", "status", View::status);
    command(app, "reload", "Read the configuration again, and apply what needs no restart", "reload",
            View::reload)
        .add_flag("--dry-run", dry_run, "Only show what would be changed, and what needs a restart");
    add_session();
    add_device();
    add_reservation();
    add_alua();
    add_cdrom();
    add_bench();
    add_vtl_commands(*app.add_subcommand("vtl", "Virtual tape libraries, which are folders"), vtl,
                     wanted.vtl);
    CLI::App& group = *app.add_subcommand("target", "What initiators log in to");
    group.require_subcommand(1);
    command(group, "list", "Show every target", "target-list", View::targets);
}

void collect(const CLI::App& app, const std::string& path, std::vector<std::string>& words) {
    const std::vector<std::string> own = admin::option_words(app);
    words.insert(words.end(), own.begin(), own.end());
    const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty()) {
        words.push_back(path);
    }
    for (const CLI::App* const command : commands) {
        collect(*command, path + " " + command->get_name(), words);
    }
}

/// The library says that a command is missing even where one is misspelt, and names no words that there are.
std::string mistake(const CLI::App& app, std::string_view what) {
    std::string path = app.get_name();
    const CLI::App* last = &app;
    for (auto used = app.get_subcommands(); !used.empty(); used = last->get_subcommands()) {
        last = used.back();
        path += " " + last->get_name();
    }
    const auto left = app.remaining(true);
    const auto commands = last->get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty() || (!left.empty() && left.front().starts_with('-'))) {
        return fmt::format("targe: {}\n{}  try: {} --help\n", what, admin::likely_option(*last), path);
    }
    std::vector<std::string> names;
    for (const CLI::App* const command : commands) {
        names.push_back(command->get_name());
    }
    const std::vector<std::string_view> words(names.begin(), names.end());
    const std::string_view near = left.empty() ? std::string_view{} : admin::nearest(words, left.front());
    return fmt::format("targe: {}\n{}  try: one of {}\n",
                       left.empty() ? fmt::format("'{}' needs a command", path)
                                    : fmt::format("there is no command '{}'", left.front()),
                       near.empty() ? std::string{} : fmt::format("  cause: probably '{}' is meant\n", near),
                       fmt::join(words, ", "));
}

}  // namespace

std::variant<Invocation, Message> parse_command_line(std::span<const char* const> arguments) {
    Parser parser;
    if (auto message = admin::parse(parser.app, arguments, mistake)) {
        return std::move(*message);
    }
    Invocation wanted = parser.wanted;
    if (!parser.device.empty()) {
        wanted.arguments = nlohmann::json{{"name", parser.device}}.dump(
            -1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    if (parser.unfinished.is_here || parser.unfinished.drop) {
        const nlohmann::json request{{"name", parser.device},
                                     {"unfinished", parser.unfinished.drop ? "drop" : "here"}};
        wanted.arguments = request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    if (wanted.verb == "reload") {
        wanted.arguments = nlohmann::json{{"dry_run", parser.dry_run}}.dump();
    }
    if (wanted.verb == "reservation-clear") {
        wanted.done = fmt::format("Nobody is registered with device {}, and nobody holds it.", parser.device);
    }
    if (wanted.verb == "alua-set") {
        nlohmann::json change{{"group", parser.path.group}, {"port_group", parser.path.port_group}};
        if (!parser.path.state.empty()) {
            change["state"] = parser.path.state;
        }
        if (parser.path.preferred || parser.path.not_preferred) {
            change["preferred"] = parser.path.preferred;
        }
        wanted.arguments = change.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    if (wanted.verb == "cdrom-insert" || wanted.verb == "cdrom-eject") {
        nlohmann::json change{{"name", parser.device}, {"force", parser.disc.force}};
        if (!parser.disc.image.empty()) {
            // The daemon has another working directory.
            std::error_code failed;
            const auto path = std::filesystem::absolute(parser.disc.image, failed);
            if (failed) {
                return Message{
                    .text = fmt::format("targe: IMAGE: {} cannot be found from here\n  cause: this "
                                        "directory is gone\n  try: pwd; name a path from / on\n",
                                        parser.disc.image),
                    .exit_status = kMisused};
            }
            change["path"] = path.lexically_normal().string();
        }
        wanted.arguments = change.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    if (wanted.verb == "session-drop") {
        wanted.arguments = nlohmann::json{{"id", parser.session}}.dump();
        wanted.done = fmt::format("Session {} is dropped; its initiator may log in again.", parser.session);
    }
    return wanted;
}

std::vector<std::string> documented_words() {
    const Parser parser;
    std::vector<std::string> words;
    collect(parser.app, "targe", words);
    return words;
}

}  // namespace targe::cli
