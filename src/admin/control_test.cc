#include "admin/control.h"

#include "admin/control_message.h"
#include "admin/fake_administration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace targe::admin {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string answer(std::string_view verb, std::string_view arguments = "{}") {
    FakeAdministration daemon;
    return handle_request(make_request(verb, arguments), daemon);
}

// Scripts rely on these very fields.
TEST(Control, AnswersWithTheFieldsOfTheManual) {
    EXPECT_EQ(
        answer("status"),
        R"({"targe":1,"result":{"state":"serving","version":"0.1.0","pid":42,"uptime_seconds":100000,)"
        R"("config_file":"/etc/targe/targe.toml","reactors":2,"devices":1,"targets":1,"sessions":2,"connections":2,)"
        R"("reactor_use":[{"connections":0,"busy":0.03},{"connections":2,"busy":0.5}],"sessions_moved":5,)"
        R"("buffers":{"limit_bytes":536870912,"held_bytes":3145728,"on_loan_bytes":1536,"hits":7,"misses":8,)"
        R"("refused":0}}})");
    EXPECT_THAT(
        answer("session-list"),
        StartsWith(
            R"({"targe":1,"result":[{"id":1,"type":"normal","target":"iqn.2026-11.com.example:a",)"
            R"("initiator":"iqn.1993-08.org.debian:01:x","initiator_alias":null,"isid":"00023d000001","tsih":1,)"
            R"("group":"prod","chap_user":null,"age_seconds":61,"commands_in_flight":3,"commands":1000,)"
            R"("read_bytes":4096,"written_bytes":1610612736,"connections":[{"cid":0,)"
            R"("initiator_address":"192.0.2.1:40000","portal_address":"192.0.2.10:3260","reactor":1,)"
            R"("header_digest":true,"data_digest":false}]},{"id":2,"type":"discovery","target":null,)"));
    EXPECT_EQ(
        answer("device-list"),
        R"({"targe":1,"result":[{"name":"disk0","handler":"file","path":"/srv/disk0.img","state":"ready",)"
        R"("data_lost":false,"size_bytes":1048576,"blocks":2048,"block_size":512,"thin":true,"read_only":false,"removable":false,)"
        R"("volatile_cache":true,"serial":"S1","naa":"5000000000000001","begun_on":null,)"
        R"("used_by":[{"target":"iqn.2026-11.com.example:a","group":null,"lun":0,"read_only":false}]}]})");
    EXPECT_EQ(
        answer("target-list"),
        R"({"targe":1,"result":[{"name":"iqn.2026-11.com.example:a","alias":null,)"
        R"("portals":[{"listen":"0.0.0.0:3260","advertise":"192.0.2.10:3260","group":1}],)"
        R"("luns":[{"group":null,"lun":0,"device":"disk0","read_only":false},)"
        R"({"group":"prod","lun":1,"device":"disk0","read_only":true}],"sessions":1,"max_sessions":256,"chap":true,)"
        R"("redirect":null},{"name":"iqn.2026-11.com.example:moved","alias":null,)"
        R"("portals":[{"listen":"0.0.0.0:3260","advertise":null,"group":1}],"luns":[],"sessions":0,)"
        R"("max_sessions":256,"chap":false,)"
        R"("redirect":{"address":"192.0.2.11:3260","group":2,"permanent":true}}]})");
}

TEST(Control, TellsOfLostData) {
    FakeAdministration daemon;
    daemon.data_lost = true;
    EXPECT_THAT(handle_request(make_request("device-list", "{}"), daemon),
                HasSubstr(R"("state":"data lost","data_lost":true,)"));
}

TEST(Control, TellsWhereWorkWasBegunThatMayNotGoOn) {
    FakeAdministration daemon;
    daemon.begun_on = "/srv/old.img";
    const std::string reply = handle_request(make_request("device-list", "{}"), daemon);
    EXPECT_THAT(reply, HasSubstr(R"("state":"another store")"));
    EXPECT_THAT(reply, HasSubstr(R"("begun_on":"/srv/old.img")"));
}

TEST(Control, SettlesWhatWasBegunElsewhereAsItIsTold) {
    using Unfinished = RefreshRequest::Unfinished;
    FakeAdministration daemon;
    const auto refresh = [&](const std::string& arguments) {
        return handle_request(make_request("device-refresh", arguments), daemon);
    };
    refresh(R"({"name":"disk0"})");
    refresh(R"({"name":"disk0","unfinished":"here"})");
    refresh(R"({"name":"disk0","unfinished":"drop"})");
    ASSERT_EQ(daemon.refreshed.size(), 3U);
    EXPECT_EQ(daemon.refreshed[0].unfinished, Unfinished::compare);
    EXPECT_EQ(daemon.refreshed[1].unfinished, Unfinished::is_here);
    EXPECT_EQ(daemon.refreshed[2].unfinished, Unfinished::drop);
    for (const char* const wrong : {R"("go on")", "true", "null"}) {
        EXPECT_THAT(refresh(std::string(R"({"name":"disk0","unfinished":)") + wrong + "}"),
                    HasSubstr("needs the argument 'unfinished'"));
    }
    EXPECT_EQ(daemon.refreshed.size(), 3U) << "no guess is made";
}

TEST(Control, PassesArgumentsOn) {
    FakeAdministration daemon;
    EXPECT_EQ(handle_request(make_request("session-drop", R"({"id":7})"), daemon),
              R"({"targe":1,"result":{}})");
    EXPECT_EQ(daemon.dropped, std::vector<std::uint64_t>{7});
    EXPECT_THAT(answer("device-refresh", R"({"name":"disk0"})"),
                StartsWith(R"({"targe":1,"result":{"name":"disk0")"));
}

TEST(Control, ChangesDiscs) {
    FakeAdministration daemon;
    EXPECT_THAT(
        handle_request(make_request("cdrom-insert", R"({"name":"cd0","path":"/srv/a.iso","force":true})"),
                       daemon),
        HasSubstr(R"("path":"/srv/a.iso","state":"ready")"));
    EXPECT_THAT(handle_request(make_request("cdrom-eject", R"({"name":"cd0","path":"/srv/a.iso"})"), daemon),
                HasSubstr(R"("path":null,"state":"tray open")"));
    ASSERT_EQ(daemon.discs.size(), 2U);
    EXPECT_TRUE(daemon.discs[0].force);
    EXPECT_FALSE(daemon.discs[1].force);
    EXPECT_THAT(answer("cdrom-insert", R"({"name":"cd0","path":"/srv/[[[[[[[[[\"[[a.iso"})"),
                HasSubstr("[[[[[[[[["))
        << "brackets of a name are no depth";
    EXPECT_THAT(answer("cdrom-insert", R"({"name":"cd0"})"), HasSubstr("needs the argument 'path'"));
    EXPECT_THAT(answer("cdrom-insert", R"({"name":"cd0","path":"a.iso"})"), HasSubstr("from the root on"));
    EXPECT_THAT(answer("cdrom-eject", R"({"force":true})"), HasSubstr("needs the argument 'name'"));
}

TEST(Control, ReloadsTheConfiguration) {
    FakeAdministration daemon;
    daemon.reloaded = {.changes = {{.subject = "device disk1", .what = "added"}},
                       .needs_restart = {{.subject = "device disk2", .what = "removed", .why = "it is used"}},
                       .failed = {{.what = "no disc", .cause = "none", .cure = {}}}};
    const std::string report = R"("changes":[{"subject":"device disk1","what":"added","why":null}],)"
                               R"("needs_restart":[{"subject":"device disk2","what":"removed",)"
                               R"("why":"it is used"}],)"
                               R"("failed":[{"what":"no disc","cause":"none","try":null}]}})";
    EXPECT_EQ(handle_request(make_request("reload", "{}"), daemon),
              R"({"targe":1,"result":{"dry_run":false,)" + report);
    EXPECT_EQ(handle_request(make_request("reload", R"({"dry_run":true})"), daemon),
              R"({"targe":1,"result":{"dry_run":true,)" + report);
    EXPECT_THAT(answer("reload", R"({"dry_run":1})"), HasSubstr("needs the argument 'dry_run'"));
}

TEST(Control, PassesProblemsBack) {
    EXPECT_EQ(
        answer("device-refresh", R"({"name":"disk9"})"),
        R"({"targe":1,"error":{"what":"there is no device \"disk9\"","cause":null,"try":"targe device list"}})");
}

TEST(Control, SaysWhatItDoesNotUnderstand) {
    FakeAdministration daemon;
    for (const auto& [request, what] : std::initializer_list<std::pair<std::string, std::string>>{
             {"", "it is no JSON object"},
             {"[]", "it is no JSON object"},
             {"{\"targe\":1", "it is no JSON object"},
             {"{}", "it lacks \\\"targe\\\""},
             {R"({"targe":2,"do":"status"})", "version 2 of the protocol is not spoken here"},
             {R"({"targe":1})", "it lacks \\\"do\\\""},
             {R"({"targe":1,"do":"status","args":[]})", "\\\"args\\\" is no JSON object"},
             {R"({"targe":1,"do":"stats"})", "probably 'status' is meant"},
             {R"({"targe":1,"do":"session-drop"})", "needs the argument 'id', a number"},
             {R"({"targe":1,"do":"session-drop","args":{"id":-1}})", "needs the argument 'id', a number"},
             {R"({"targe":1,"do":"device-refresh","args":{"name":1}})",
              "needs the argument 'name', a string"},
             {std::string(kControlRequestLimit + 1, ' '), "too long or too deep"},
             {std::string(1000, '['), "too long or too deep"}}) {
        const std::string reply = handle_request(request, daemon);
        EXPECT_THAT(reply, StartsWith(R"({"targe":1,"error":{)")) << request;
        EXPECT_THAT(reply, HasSubstr(what)) << request;
    }
}

TEST(Control, AnswersInUtf8WhateverInitiatorsCallThemselves) {
    FakeAdministration daemon;
    daemon.alias = "\xff\n";
    const std::string reply = handle_request(make_request("session-list"), daemon);
    EXPECT_THAT(reply, HasSubstr("\"initiator_alias\":\"\xef\xbf\xbd\\n\""));
    EXPECT_EQ(reply.find('\n'), std::string::npos);
}

TEST(Control, AnswersEveryDamagedRequest) {
    constexpr std::uint64_t kSeed = 20'261;
    SCOPED_TRACE(testing::Message() << "seed=" << kSeed);
    std::mt19937_64 random(kSeed);
    const std::string good = make_request("device-refresh", R"({"name":"disk0"})");
    FakeAdministration daemon;
    for (int i = 0; i < 5000; ++i) {
        std::string request = good;
        for (std::uint64_t changes = random() % 4 + 1; changes > 0; --changes) {
            request[random() % request.size()] = static_cast<char>(random());
        }
        EXPECT_THAT(handle_request(request, daemon), StartsWith(R"({"targe":1,")"));
    }
}

}  // namespace
}  // namespace targe::admin
