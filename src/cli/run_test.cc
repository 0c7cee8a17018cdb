#include "cli/run.h"

#include "admin/control.h"
#include "admin/fake_administration.h"
#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace targe::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Outcome {
    int exit_status = 0;
    std::string out;
    std::string err;
};

/// targe with these arguments, beside a daemon that answers with its own code.
Outcome targe(std::vector<const char*> arguments, std::string* socket = nullptr) {
    arguments.insert(arguments.begin(), "targe");
    admin::FakeAdministration daemon;
    const Ask ask = [&](const std::string& path, std::string_view request, std::chrono::milliseconds) {
        if (socket != nullptr) {
            *socket = path;
        }
        return std::expected<std::string, admin::Problem>(admin::handle_request(request, daemon));
    };
    std::ostringstream out;
    std::ostringstream err;
    const int exit_status = run(arguments, ask, out, err);
    return {.exit_status = exit_status, .out = out.str(), .err = err.str()};
}

Outcome targe_answered(const std::string& answer, std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "targe");
    std::ostringstream out;
    std::ostringstream err;
    const Ask ask = [&](const std::string&, std::string_view, std::chrono::milliseconds) {
        return std::expected<std::string, admin::Problem>(answer);
    };
    const int exit_status = run(arguments, ask, out, err);
    return {.exit_status = exit_status, .out = out.str(), .err = err.str()};
}

TEST(Targe, ShowsTheStatus) {
    EXPECT_EQ(targe({"status"}).out,
              "targed 0.1.0 is serving (process 42, up 1d 3h)\n"
              "configuration  /etc/targe/targe.toml\n"
              "reactors       2: 0 connections and 3 % busy, 2 connections and 50 % busy\n"
              "               5 sessions moved from one to another\n"
              "targets        1\n"
              "devices        1\n"
              "sessions       2 on 2 connections\n"
              "buffers        1.5 KiB of 512 MiB on loan, 3 MiB held; 7 hits, 8 misses, 0 refused\n");
}

TEST(Targe, ShowsTables) {
    EXPECT_EQ(targe({"session", "list"}).out,
              "ID  INITIATOR                    TARGET                     FROM             REACTOR    AGE  "
              "IN FLIGHT   READ  WRITTEN\n"
              " 1  iqn.1993-08.org.debian:01:x  iqn.2026-11.com.example:a  192.0.2.1:40000        1  1m 1s  "
              "        3  4 KiB  1.5 GiB\n"
              " 2  iqn.x                        (discovery)                -                      -     0s  "
              "        0    0 B      0 B\n");
    EXPECT_EQ(targe({"device", "list"}).out,
              "NAME   HANDLER   SIZE  BLOCK  STATE  LUNS  PROPERTIES        NAA\n"
              "disk0  file     1 MiB    512  ready     1  thin, write-back  5000000000000001\n");
    EXPECT_EQ(targe({"device", "refresh", "disk0"}).out, targe({"device", "list"}).out);
    EXPECT_EQ(targe({"device", "refresh", "disk0", "--here"}).out, targe({"device", "list"}).out);
    EXPECT_EQ(targe({"device", "refresh", "disk0", "--drop"}).out, targe({"device", "list"}).out);
    EXPECT_EQ(targe({"target", "list"}).out,
              "NAME                           PORTALS                          SESSIONS  CHAP  LUNS\n"
              "iqn.2026-11.com.example:a      0.0.0.0:3260 as 192.0.2.10:3260         1  yes   "
              "0=disk0, prod:1=disk0 (read-only)\n"
              "iqn.2026-11.com.example:moved  0.0.0.0:3260                            0  no    "
              "redirected to 192.0.2.11:3260,2 (permanently)\n");
}

TEST(Targe, SaysOnWhichStoreUnfinishedWorkWasBegun) {
    const std::string listed = R"({"targe":1,"result":[{"name":"disk0","state":"another store",)"
                               R"("begun_on":"/srv/old.img","used_by":[]}]})";
    EXPECT_THAT(targe_answered(listed, {"device", "list"}).out,
                HasSubstr("  another store than /srv/old.img  "));
}

TEST(Targe, SettlesUnfinishedWorkAsItIsTold) {
    for (const auto& [flag, unfinished] : {std::pair{"--here", "here"}, std::pair{"--drop", "drop"}}) {
        const std::vector<const char*> words{"targe", "device", "refresh", "disk0", flag};
        const auto wanted = parse_command_line(words);
        ASSERT_TRUE(std::holds_alternative<Invocation>(wanted));
        EXPECT_EQ(std::get<Invocation>(wanted).arguments,
                  std::string(R"({"name":"disk0","unfinished":")") + unfinished + R"("})");
    }
    const Outcome both = targe({"device", "refresh", "disk0", "--here", "--drop"});
    EXPECT_EQ(both.exit_status, kMisused);
    EXPECT_THAT(both.err, HasSubstr("--drop"));
}

TEST(Targe, ShowsWhatAReloadHasDone) {
    const auto answered = [](const char* dry_run, const char* failed) {
        return std::string(R"({"targe":1,"result":{"dry_run":)") + dry_run +
               R"(,"changes":[{"subject":"device disk1","what":"added","why":null}],"needs_restart":[)" +
               R"({"subject":"daemon","what":"reactors","why":null},)" +
               R"({"subject":"device disk0","what":"removed","why":"target iqn.a:t has it until then"}],)" +
               R"("failed":[)" + failed + "]}}";
    };
    const Outcome done = targe_answered(answered("false", ""), {"reload"});
    EXPECT_EQ(done.exit_status, kDone);
    EXPECT_EQ(done.out,
              "WHAT          CHANGE    STATE\n"
              "device disk1  added     done\n"
              "daemon        reactors  needs a restart\n"
              "device disk0  removed   needs a restart: target iqn.a:t has it until then\n");
    EXPECT_THAT(targe_answered(answered("true", ""), {"reload", "--dry-run"}).out,
                HasSubstr("device disk1  added     would be done\n"));
    EXPECT_EQ(targe({"reload"}).out, "The configuration says nothing else than what runs.\n");

    const std::string in_part = answered("false", R"({"what":"no disc","cause":"none","try":"ls"})");
    const Outcome failed = targe_answered(in_part, {"reload"});
    EXPECT_EQ(failed.exit_status, kFailed);
    EXPECT_EQ(failed.err, "targe: no disc\n  cause: none\n  try: ls\n");
    const Outcome json = targe_answered(in_part, {"reload", "--json"});
    EXPECT_EQ(json.exit_status, kFailed);
    EXPECT_EQ(json.err, "");
    EXPECT_THAT(json.out, HasSubstr("\"what\": \"no disc\""));
}

TEST(Targe, ShowsReservations) {
    EXPECT_EQ(
        targe({"reservation", "list"}).out,
        "DEVICE  RESERVATION                        INITIATOR                    ISID          PORT  "
        "KEY               NOTES\n"
        "disk0   write exclusive, registrants only  -                            -                -  -      "
        "           outlives the daemon\n"
        "disk0   holder                             iqn.1993-08.org.debian:01:x  00023d000001     1  "
        "0000000000000abc  -\n"
        "disk0   registered                         iqn.y                        00023d000002     2  "
        "0000000000000def  -\n"
        "disk2   none                               -                            -                -  -      "
        "           lost: nobody may use the device\n"
        "disk3   none                               -                            -                -  -      "
        "           reserved by RESERVE\n");
    EXPECT_EQ(targe_answered(R"({"result":[{"device":"disk1"}]})", {"reservation", "list"}).out,
              "No device is reserved, and nobody is registered with one.\n");
    EXPECT_THAT(targe({"reservation", "list", "--json"}).out,
                StartsWith("[\n  {\n    \"device\": \"disk0\",\n    \"type\": \"write exclusive, regis"));
    EXPECT_EQ(targe({"reservation", "clear", "disk0"}).out,
              "Nobody is registered with device disk0, and nobody holds it.\n");
    EXPECT_EQ(targe({"reservation", "clear", "disk9"}).exit_status, kFailed);
}

TEST(Targe, ChangesDiscs) {
    const Outcome inserted = targe({"cdrom", "insert", "cd0", "debian.iso", "--json"});
    EXPECT_EQ(inserted.exit_status, kDone);
    const std::string path = (std::filesystem::current_path() / "debian.iso").string();
    EXPECT_THAT(inserted.out, HasSubstr("\"path\": \"" + path + "\"")) << "the daemon's folder is another";
    EXPECT_THAT(targe({"cdrom", "eject", "cd0", "--force"}).out, HasSubstr("tray open"));
    EXPECT_EQ(targe({"cdrom", "insert", "cd0"}).exit_status, kMisused);
    EXPECT_EQ(targe({"cdrom", "eject"}).exit_status, kMisused);
}

TEST(Targe, ShowsAndSetsPaths) {
    EXPECT_EQ(
        targe({"alua", "list"}).out,
        "GROUP  PORT GROUP  STATE             PREFERRED  CHANGED BY  PORTS\n"
        "pair            1  active/optimized  yes        -           1=iqn.2026-11.com.example:a,1\n"
        "pair            2  standby           no         -           7=iqn.2026-11.com.example:b (remote)\n");
    const Outcome set = targe({"alua", "set", "pair", "2", "active/optimized", "--preferred"});
    EXPECT_EQ(set.exit_status, kDone);
    EXPECT_THAT(set.out, HasSubstr("pair            2  active/optimized  yes        administrator"));
    EXPECT_THAT(targe({"alua", "set", "pair", "1", "--not-preferred"}).out,
                HasSubstr("1  active/optimized  no"));
    EXPECT_EQ(targe({"alua", "set", "other", "2", "standby"}).exit_status, kFailed);
    EXPECT_EQ(targe({"alua", "set", "pair", "2", "--preferred", "--not-preferred"}).exit_status, kMisused);
    EXPECT_EQ(targe({"alua", "set", "pair", "65536"}).exit_status, kMisused);
    EXPECT_EQ(targe_answered(R"({"result":[]})", {"alua", "list"}).out,
              "There is no device group, so every path is as good as another.\n");
}

TEST(Targe, SaysWhatItDid) {
    const Outcome outcome = targe({"session", "drop", "7"});
    EXPECT_EQ(outcome.exit_status, kDone);
    EXPECT_EQ(outcome.out, "Session 7 is dropped; its initiator may log in again.\n");
}

TEST(Targe, PrintsTheResultAsJson) {
    for (const auto& arguments :
         {std::vector{"target", "list", "--json"}, std::vector{"--json", "target", "list"}}) {
        const Outcome outcome = targe(arguments);
        EXPECT_EQ(outcome.exit_status, kDone);
        EXPECT_THAT(outcome.out,
                    StartsWith("[\n  {\n    \"name\": \"iqn.2026-11.com.example:a\",\n    \"alias\": null,"));
    }
}

TEST(Targe, SaysWhatTheDaemonCouldNotDo) {
    const Outcome outcome = targe({"device", "refresh", "disk9"});
    EXPECT_EQ(outcome.exit_status, kFailed);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "targe: there is no device \"disk9\"\n  try: targe device list\n");
    const Outcome json = targe({"device", "refresh", "disk9", "--json"});
    EXPECT_EQ(json.exit_status, kFailed);
    EXPECT_THAT(json.out,
                StartsWith("{\n  \"error\": {\n    \"what\": \"there is no device \\\"disk9\\\"\","));
    EXPECT_EQ(json.err, "");
}

TEST(Targe, AsksAtTheSocketThatItIsTold) {
    std::string socket;
    targe({"status"}, &socket);
    EXPECT_EQ(socket, "/run/targe/targe.sock");
    targe({"--socket", "/tmp/x.sock", "status"}, &socket);
    EXPECT_EQ(socket, "/tmp/x.sock");
    targe({"session", "list", "--socket", "/tmp/y.sock"}, &socket);
    EXPECT_EQ(socket, "/tmp/y.sock");
}

TEST(Targe, SurvivesAnswersOfAnyKind) {
    for (const char* const answer :
         {"", "x", "[]", "{}", "{\"result\":1}", "{\"result\":[1,{\"connections\":[1]}]}", "{\"error\":{}}",
          "{\"error\":1}", "{\"result\":{\"buffers\":[]}}",
          "{\"result\":[{\"luns\":[[]],\"portals\":{\"listen\":3}}]}"}) {
        for (const auto& arguments :
             {std::vector{"status"}, std::vector{"session", "list"}, std::vector{"device", "list"},
              std::vector{"target", "list"}, std::vector{"reservation", "list"}, std::vector{"alua", "list"},
              std::vector{"session", "drop", "1"}, std::vector{"status", "--json"}, std::vector{"reload"}}) {
            const Outcome outcome = targe_answered(answer, arguments);
            EXPECT_TRUE(outcome.exit_status == kDone || outcome.exit_status == kFailed) << answer;
        }
    }
}

TEST(Targe, SaysHelpOfTheCommandThatIsMisused) {
    EXPECT_EQ(targe({"session", "drop"}).err, "targe: ID is required\n  try: targe session drop --help\n");
    EXPECT_THAT(targe({"session", "drop", "-1"}).err, StartsWith("targe: ID: "));
    EXPECT_EQ(targe({"session"}).err, "targe: 'targe session' needs a command\n  try: one of list, drop\n");
    EXPECT_THAT(targe({}).err, StartsWith("targe: 'targe' needs a command\n  try: one of status, reload, "));
    EXPECT_EQ(targe({"status", "more"}).err,
              "targe: The following argument was not expected: more\n  try: targe status --help\n");
}

TEST(Targe, SaysHowItIsMisused) {
    EXPECT_EQ(
        targe({"session", "lits"}).err,
        "targe: there is no command 'lits'\n  cause: probably 'list' is meant\n  try: one of list, drop\n");
    EXPECT_EQ(targe({"status", "--jso"}).err,
              "targe: The following argument was not expected: --jso\n  cause: probably '--json' is meant\n"
              "  try: targe status --help\n");
    EXPECT_THAT(targe({"vtl", "add", "x", "A1L6", "--capacty=1GiB"}).err, HasSubstr("'--capacity' is meant"));
    for (const auto& arguments : {std::vector<const char*>{}, std::vector{"session"}, std::vector{"sesion"},
                                  std::vector{"session", "drop"}, std::vector{"session", "drop", "x"},
                                  std::vector{"status", "--jso"}, std::vector{"status", "extra"}}) {
        const Outcome outcome = targe(arguments);
        EXPECT_EQ(outcome.exit_status, kMisused);
        EXPECT_THAT(outcome.err, StartsWith("targe: "));
        EXPECT_EQ(outcome.out, "");
    }
}

TEST(Targe, SaysWhatIsNoNumber) {
    EXPECT_EQ(targe({"session", "drop", "x"}).err,
              "targe: ID: \"x\" is no whole number from 1 to 18446744073709551615\n"
              "  try: targe session drop --help\n");
    for (const char* const wrong : {"x", "65536", "1.5", "010", "0x10", ""}) {
        EXPECT_EQ(targe({"alua", "set", "pair", wrong}).err,
                  "targe: PORT_GROUP: \"" + std::string(wrong) +
                      "\" is no whole number from 0 to 65535\n  try: targe alua set --help\n");
    }
    const char* const url = "iscsi://127.0.0.1/iqn.2026-11.com.example:a/0";
    for (const char* const wrong : {"x", "0", "1e9", "nan", "5s"}) {
        EXPECT_EQ(targe({"bench", url, "--seconds", wrong}).err,
                  "targe: --seconds: \"" + std::string(wrong) +
                      "\" is no number from 0.01 to 604800\n  try: targe bench --help\n");
    }
    EXPECT_THAT(targe({"bench", url, "--seed", "first"}).err, HasSubstr("--seed: \"first\" is no whole"));
    EXPECT_THAT(targe({"vtl", "create", "x", "--drives", "33"}).err,
                HasSubstr("--drives: \"33\" is no whole number from 1 to 32"));
}

TEST(Targe, TakesNoEmptyName) {
    for (const auto& arguments :
         {std::vector{"device", "refresh", ""}, std::vector{"reservation", "clear", ""},
          std::vector{"alua", "set", "", "1"}, std::vector{"cdrom", "eject", ""},
          std::vector{"cdrom", "insert", "", "x.iso"}, std::vector{"cdrom", "insert", "cd0", ""}}) {
        const Outcome outcome = targe(arguments);
        EXPECT_EQ(outcome.exit_status, kMisused);
        EXPECT_THAT(outcome.err, HasSubstr(": it is empty\n  try: targe "));
    }
}

TEST(Targe, SaysWhereARelativePathLeadsNowhere) {
    const std::filesystem::path here = std::filesystem::current_path();
    const std::filesystem::path gone =
        std::filesystem::path(testing::TempDir()) / ("targe-gone-" + std::to_string(::getpid()));
    std::filesystem::create_directory(gone);
    std::filesystem::current_path(gone);
    std::filesystem::remove(gone);
    const Outcome outcome = targe({"cdrom", "insert", "cd0", "x.iso"});
    std::filesystem::current_path(here);
    EXPECT_EQ(outcome.exit_status, kMisused);
    EXPECT_THAT(outcome.err, StartsWith("targe: IMAGE: x.iso cannot be found from here\n  cause: this "));
}

/// A full disk: takes what it is given, and cannot keep it.
class Full final : public std::stringbuf {
    int sync() override { return -1; }
};

TEST(Targe, SaysThatItsOutputIsLost) {
    for (const auto& arguments : {std::vector{"targe", "status"}, std::vector{"targe", "--help"}}) {
        Full full;
        std::ostream out(&full);
        std::ostringstream err;
        const Ask ask = [](const std::string&, std::string_view, std::chrono::milliseconds) {
            return std::expected<std::string, admin::Problem>(R"({"result":{}})");
        };
        EXPECT_EQ(run(arguments, ask, out, err), kFailed);
        EXPECT_THAT(err.str(), StartsWith("targe: what there is to print cannot be written\n"));
    }
}

TEST(Targe, HelpsOnStandardOutput) {
    const Outcome outcome = targe({"--help"});
    EXPECT_EQ(outcome.exit_status, kDone);
    EXPECT_THAT(outcome.out, HasSubstr("Usage: targe [OPTIONS] SUBCOMMAND"));
    EXPECT_THAT(targe({"--version"}).out, StartsWith("targe "));
}

TEST(Targe, HasAManualOfEveryCommandAndOption) {
    std::ifstream in(std::string(TARGE_MANUAL) + "/targe.8.scd");
    const std::string manual{std::istreambuf_iterator<char>(in), {}};
    for (const std::string& word : documented_words()) {
        const bool argument = !word.starts_with("--") && !word.starts_with("targe");
        EXPECT_THAT(manual, HasSubstr(argument ? "_" + word + "_" : "*" + word + "*"));
    }
}

}  // namespace
}  // namespace targe::cli
