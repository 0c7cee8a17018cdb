#include "iscsi/discovery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace targe::iscsi {
namespace {

class TwoTargets final : public Directory {
public:
    [[nodiscard]] TargetAnswer find_target(std::string_view /*name*/,
                                           const Viewpoint& /*from*/) const override {
        return TargetNotFound{};
    }
    [[nodiscard]] std::vector<TargetListing> list_targets(const Viewpoint& from) const override {
        if (from.initiator_name == "iqn.blind") {
            return {};
        }
        return {{.name = "iqn.a", .addresses = {{"192.0.2.1", 3260, 1}, {"2001:db8::1", 3261, 2}}},
                {.name = "iqn.b", .addresses = {{"b.example", 3260, 1}}}};
    }
    [[nodiscard]] AuthPolicy discovery_auth(const Viewpoint& /*from*/) const override { return {}; }
    [[nodiscard]] NegotiationPolicy discovery_negotiation(const Viewpoint& /*from*/) const override {
        return {};
    }
};

constexpr std::string_view kA =
    "TargetName=iqn.a;TargetAddress=192.0.2.1:3260,1;TargetAddress=[2001:db8::1]:3261,2;";
constexpr std::string_view kB = "TargetName=iqn.b;TargetAddress=b.example:3260,1;";

std::string ask(std::string text, SessionType type, SessionParameters& parameters, Viewpoint from = {}) {
    const TwoTargets directory;
    std::ranges::replace(text, ';', '\0');
    Negotiation negotiation({}, type, Connections::leading, parameters);
    const auto answer = answer_text(text,
                                    {.directory = directory,
                                     .from = from,
                                     .type = type,
                                     .target_name = type == SessionType::normal ? "iqn.b" : ""},
                                    negotiation);
    if (!answer) {
        return "error";
    }
    parameters = negotiation.parameters();
    std::string out{answer->text()};
    std::ranges::replace(out, '\0', ';');
    return out;
}
std::string ask_in_discovery(std::string text) {
    SessionParameters parameters;
    return ask(std::move(text), SessionType::discovery, parameters);
}
std::string ask_in_normal(std::string text) {
    SessionParameters parameters;
    return ask(std::move(text), SessionType::normal, parameters);
}

TEST(SendTargets, ListsAllThatMayBeSeen) {
    EXPECT_EQ(ask_in_discovery("SendTargets=All;"), std::string{kA} + std::string{kB});
    SessionParameters parameters;
    EXPECT_EQ(ask("SendTargets=All;", SessionType::discovery, parameters, {.initiator_name = "iqn.blind"}),
              "");
}

TEST(SendTargets, ListsOneByName) {
    EXPECT_EQ(ask_in_discovery("SendTargets=iqn.a;"), kA);
    EXPECT_EQ(ask_in_discovery("SendTargets=iqn.b;"), kB);
    EXPECT_EQ(ask_in_discovery("SendTargets=iqn.c;"), "");
    EXPECT_EQ(ask_in_discovery("SendTargets=IQN.B;"), kB) << "capitals are folded";
}

TEST(SendTargets, TellsANormalSessionOfItsOwnTarget) {
    EXPECT_EQ(ask_in_normal("SendTargets=;"), kB);
    EXPECT_EQ(ask_in_normal("SendTargets=All;"), kB);
    EXPECT_EQ(ask_in_normal("SendTargets=iqn.b;"), kB);
    EXPECT_EQ(ask_in_normal("SendTargets=iqn.a;"), "");
}

TEST(SendTargets, WithoutAValueMeansNothingInDiscovery) {
    EXPECT_EQ(ask_in_discovery("SendTargets=;"), "SendTargets=Reject;");
}

TEST(SendTargets, IsRefusedWithAnyOtherValue) {
    for (const std::string value :
         {"Alle", "A", "all", "ALL", "aLL", "None", "iqn.", "iqn.a b", "iqn.a,iqn.b"}) {
        EXPECT_EQ(ask_in_discovery("SendTargets=" + value + ";"), "SendTargets=Reject;");
        EXPECT_EQ(ask_in_normal("SendTargets=" + value + ";"), "SendTargets=Reject;");
    }
}

TEST(TextRequest, UnderstandsNoOtherSpelling) {
    EXPECT_EQ(ask_in_normal("SendTargetsPlease=All;"), "SendTargetsPlease=NotUnderstood;");
    EXPECT_EQ(ask_in_normal("sENDtARGETS=aLL;"), "sENDtARGETS=NotUnderstood;");
}

TEST(TextRequest, MayDeclareAnotherSegmentLength) {
    SessionParameters parameters;
    parameters.max_burst_length = 4096;
    parameters.first_burst_length = 4096;
    EXPECT_EQ(ask("MaxRecvDataSegmentLength=65536;", SessionType::normal, parameters), "");
    EXPECT_EQ(parameters.initiator_max_recv_data_segment_length, 65536U);
    EXPECT_EQ(parameters.max_burst_length, 4096U);
    EXPECT_EQ(ask("MaxRecvDataSegmentLength=1;", SessionType::normal, parameters),
              "MaxRecvDataSegmentLength=Reject;");
    EXPECT_EQ(parameters.initiator_max_recv_data_segment_length, 65536U);
}

TEST(TextRequest, MayNotNegotiateWhatBelongsToTheLogin) {
    for (const std::string key :
         {"HeaderDigest", "InitialR2T", "MaxBurstLength", "InitiatorName", "AuthMethod", "CHAP_A"}) {
        EXPECT_EQ(ask_in_normal(key + "=1;"), key + "=Reject;");
    }
}

TEST(TextRequest, ThatIsNoTextIsAnError) {
    EXPECT_EQ(ask_in_normal("SendTargets=All"), "error");
    EXPECT_EQ(ask_in_normal("SendTargets;"), "error");
    EXPECT_EQ(ask_in_normal("SendTargets=All;SendTargets=All;"), "error");
    EXPECT_EQ(ask_in_normal(""), "");
}

TEST(TextRequest, IsSplitWhereTheAnswerIsLong) {
    const TwoTargets directory;
    const Viewpoint from;
    Negotiation negotiation({}, SessionType::discovery, Connections::leading);
    auto answer =
        answer_text(std::string_view{"SendTargets=All\0", 16},
                    {.directory = directory, .from = from, .type = SessionType::discovery}, negotiation);
    ASSERT_TRUE(answer);
    const std::string whole{answer->text()};
    std::string joined;
    TextAnswer::Piece piece;
    do {
        piece = answer->next(40);
        joined += piece.data;
    } while (piece.more);
    EXPECT_EQ(joined, whole);
}

TEST(TargetAddressText, PutsBracketsAboutIpv6) {
    EXPECT_EQ(to_text(TargetAddress{"::1", 3260, 1}), "[::1]:3260");
    EXPECT_EQ(to_text(TargetAddress{"127.0.0.1", 860, 1}), "127.0.0.1:860");
    EXPECT_EQ(to_text_with_group(TargetAddress{"host.example", 3260, 65535}), "host.example:3260,65535");
}

}  // namespace
}  // namespace targe::iscsi
