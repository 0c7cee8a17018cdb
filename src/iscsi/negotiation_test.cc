#include "iscsi/negotiation.h"

#include "iscsi/text_value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace targe::iscsi {
namespace {

constexpr auto kOperational = LoginStage::operational_negotiation;

struct Answered {
    std::string text;  ///< with ; for NUL
    SessionParameters parameters;
};

class Talk {
public:
    explicit Talk(const NegotiationPolicy& policy = {}, SessionType type = SessionType::normal,
                  Connections connection = Connections::leading)
        : negotiation_(policy, type, connection) {}

    std::string say(std::vector<TextPair> pairs, LoginStage stage = kOperational) {
        TextAnswer out;
        const auto done = negotiation_.answer(pairs, stage, out);
        if (!done) {
            return "error: " + done.error();
        }
        std::string text{out.text()};
        std::ranges::replace(text, '\0', ';');
        return text;
    }
    std::string declare() {
        TextAnswer out;
        negotiation_.declare(out);
        return std::string{out.text().substr(0, out.text().find('\0'))};
    }
    [[nodiscard]] SessionParameters parameters() const { return negotiation_.parameters(); }
    [[nodiscard]] std::string_view fault() const { return negotiation_.find_fault(); }

private:
    Negotiation negotiation_;
};

std::string one(std::string_view key, std::string_view value, const NegotiationPolicy& policy = {}) {
    return Talk(policy).say({{key, value}});
}

TEST(KeyTable, NamesAreStandardLabelsAndUnique) {
    for (const KeyRow& row : kKeyTable) {
        SCOPED_TRACE(row.name);
        // iSCSIProtocolLevel and X# keys are the standard's own exceptions.
        EXPECT_TRUE(is_standard_label(row.name) || row.name == "iSCSIProtocolLevel" ||
                    row.name.starts_with("X#"));
        EXPECT_EQ(find_key(row.name), &row);
        EXPECT_EQ(std::ranges::count(kKeyTable, row.name, &KeyRow::name), 1);
        EXPECT_LE(row.minimum, row.maximum);
    }
    EXPECT_EQ(find_key("headerdigest"), nullptr);
}

TEST(KeyTable, DefaultsAreThoseOfTheParameters) {
    const SessionParameters defaults;
    const auto number = [](Key key) { return parse_number(row_of(key).default_value); };
    const auto boolean = [](Key key) { return parse_boolean(row_of(key).default_value); };
    EXPECT_EQ(number(Key::max_connections), defaults.max_connections);
    EXPECT_EQ(number(Key::max_recv_data_segment_length), defaults.initiator_max_recv_data_segment_length);
    EXPECT_EQ(number(Key::max_recv_data_segment_length), defaults.target_max_recv_data_segment_length);
    EXPECT_EQ(number(Key::max_burst_length), defaults.max_burst_length);
    EXPECT_EQ(number(Key::first_burst_length), defaults.first_burst_length);
    EXPECT_EQ(number(Key::default_time2wait), defaults.default_time2wait);
    EXPECT_EQ(number(Key::default_time2retain), defaults.default_time2retain);
    EXPECT_EQ(number(Key::max_outstanding_r2t), defaults.max_outstanding_r2t);
    EXPECT_EQ(number(Key::error_recovery_level), defaults.error_recovery_level);
    EXPECT_EQ(number(Key::iscsi_protocol_level), defaults.protocol_level);
    EXPECT_EQ(boolean(Key::initial_r2t), defaults.initial_r2t);
    EXPECT_EQ(boolean(Key::immediate_data), defaults.immediate_data);
    EXPECT_EQ(boolean(Key::data_pdu_in_order), defaults.data_pdu_in_order);
    EXPECT_EQ(boolean(Key::data_sequence_in_order), defaults.data_sequence_in_order);
}

// Every offer of every boolean against both values of the target.
TEST(Negotiation, BooleansFollowTheirFunction) {
    struct Case {
        std::string_view key;
        bool NegotiationPolicy::* own;
        bool SessionParameters::* agreed;
    };
    for (const Case& c :
         {Case{"InitialR2T", &NegotiationPolicy::initial_r2t, &SessionParameters::initial_r2t},
          Case{"ImmediateData", &NegotiationPolicy::immediate_data, &SessionParameters::immediate_data},
          Case{"DataPDUInOrder", &NegotiationPolicy::data_pdu_in_order,
               &SessionParameters::data_pdu_in_order},
          Case{"DataSequenceInOrder", &NegotiationPolicy::data_sequence_in_order,
               &SessionParameters::data_sequence_in_order}}) {
        for (const bool own : {false, true}) {
            for (const bool offer : {false, true}) {
                NegotiationPolicy policy;
                policy.*c.own = own;
                Talk talk(policy);
                const bool result = c.key == "ImmediateData" ? own && offer : own || offer;
                EXPECT_EQ(talk.say({{c.key, to_text(offer)}}),
                          std::string{c.key} + "=" + std::string{to_text(result)} + ";");
                EXPECT_EQ(talk.parameters().*c.agreed, result);
            }
        }
    }
}

// Every numeric key: below, at, between, at and above its range, and what is no number.
TEST(Negotiation, NumbersFollowTheirFunctionInsideTheirRange) {
    struct Case {
        std::string_view key;
        std::uint64_t own;
    };
    for (const Case& c :
         {Case{"MaxConnections", 1}, Case{"MaxBurstLength", 1048576}, Case{"FirstBurstLength", 262144},
          Case{"DefaultTime2Wait", 2}, Case{"DefaultTime2Retain", 20}, Case{"MaxOutstandingR2T", 16},
          Case{"ErrorRecoveryLevel", 0}, Case{"iSCSIProtocolLevel", 2}}) {
        SCOPED_TRACE(c.key);
        const KeyRow& row = *find_key(c.key);
        const std::string prefix = std::string{c.key} + "=";
        for (const std::uint64_t offer : {std::uint64_t{row.minimum}, std::uint64_t{row.minimum} + 1, c.own,
                                          c.own + 1, std::uint64_t{row.maximum}}) {
            if (offer > row.maximum) {
                continue;
            }
            const std::uint64_t result =
                row.rule == Rule::minimum ? std::min(offer, c.own) : std::max(offer, c.own);
            EXPECT_EQ(one(c.key, std::to_string(offer)), prefix + std::to_string(result) + ";");
        }
        for (const std::string& bad :
             {std::to_string(std::uint64_t{row.maximum} + 1), std::to_string(std::int64_t{row.minimum} - 1),
              std::string{"4294967296"}, std::string{"18446744073709551616"}, std::string{""},
              std::string{"x"}, std::string{"-1"}, std::string{"1,2"}, std::string{"1~2"}, std::string{"Yes"},
              std::string{"01"}}) {
            Talk talk;
            EXPECT_EQ(talk.say({{c.key, bad}}), prefix + "Reject;") << bad;
            EXPECT_EQ(talk.parameters(), SessionParameters{});
        }
    }
}

TEST(Negotiation, ReadsHexadecimalNumbers) {
    EXPECT_EQ(one("MaxBurstLength", "0x10000"), "MaxBurstLength=65536;");
}

TEST(Negotiation, RejectsBooleansThatAreNone) {
    for (const std::string_view key : {"InitialR2T", "ImmediateData", "DataPDUInOrder", "DataSequenceInOrder",
                                       "IFMarker", "OFMarker", "RDMAExtensions"}) {
        for (const std::string_view bad : {"", "yes", "NO", "1", "Yes,No", "Irrelevant"}) {
            EXPECT_EQ(one(key, bad), std::string{key} + "=Reject;") << bad;
        }
    }
}

TEST(Negotiation, TakesTheFirstDigestThatIsAllowed) {
    for (const std::string key : {"HeaderDigest", "DataDigest"}) {
        EXPECT_EQ(one(key, "None"), key + "=None;");
        EXPECT_EQ(one(key, "CRC32C"), key + "=CRC32C;");
        EXPECT_EQ(one(key, "None,CRC32C"), key + "=None;");
        EXPECT_EQ(one(key, "CRC32C,None"), key + "=CRC32C;");
        EXPECT_EQ(one(key, "X-sha,CRC32C,None"), key + "=CRC32C;");
        for (const std::string_view bad : {"", "crc32c", "CRC32", "X-sha", ",", "none"}) {
            EXPECT_EQ(one(key, bad), key + "=Reject;");
        }
    }
    const NegotiationPolicy without{.header_digests = {Digest::none}};
    EXPECT_EQ(one("HeaderDigest", "CRC32C,None", without), "HeaderDigest=None;");
    EXPECT_EQ(one("HeaderDigest", "CRC32C", without), "HeaderDigest=Reject;");
}

TEST(Negotiation, MayGoByItsOwnOrderOfDigests) {
    const NegotiationPolicy prefers{.header_digests = {Digest::crc32c, Digest::none},
                                    .data_digests = {Digest::crc32c, Digest::none},
                                    .header_digest_order = DigestOrder::targets,
                                    .data_digest_order = DigestOrder::targets};
    for (const std::string key : {"HeaderDigest", "DataDigest"}) {
        EXPECT_EQ(one(key, "None,CRC32C", prefers), key + "=CRC32C;");
        EXPECT_EQ(one(key, "CRC32C,None", prefers), key + "=CRC32C;");
        EXPECT_EQ(one(key, "X-sha,None", prefers), key + "=None;");
        EXPECT_EQ(one(key, "X-sha", prefers), key + "=Reject;");
    }
    NegotiationPolicy header_only = prefers;
    header_only.data_digest_order = DigestOrder::initiators;
    EXPECT_EQ(one("DataDigest", "None,CRC32C", header_only), "DataDigest=None;");
}

TEST(Negotiation, MayDemandDigests) {
    Talk talk({.header_digests = {Digest::crc32c}, .data_digests = {Digest::crc32c}});
    EXPECT_NE(talk.fault(), "");
    EXPECT_EQ(talk.say({{"HeaderDigest", "None,CRC32C"}}), "HeaderDigest=CRC32C;");
    EXPECT_NE(talk.fault(), "");
    EXPECT_EQ(talk.say({{"DataDigest", "CRC32C"}}), "DataDigest=CRC32C;");
    EXPECT_EQ(talk.fault(), "");
    EXPECT_EQ(talk.parameters().header_digest, Digest::crc32c);
    EXPECT_EQ(talk.parameters().data_digest, Digest::crc32c);
}

TEST(Negotiation, TakesTheFirstTaskReportingThatIsKnown) {
    EXPECT_EQ(one("TaskReporting", "RFC3720"), "TaskReporting=RFC3720;");
    EXPECT_EQ(one("TaskReporting", "FastAbort,ResponseFence,RFC3720"), "TaskReporting=ResponseFence;");
    EXPECT_EQ(one("TaskReporting", "FastAbort"), "TaskReporting=Reject;");
}

TEST(Negotiation, AnswersObsoleteKeysButNeverWithNotUnderstood) {
    EXPECT_EQ(one("IFMarker", "Yes"), "IFMarker=No;");
    EXPECT_EQ(one("OFMarker", "No"), "OFMarker=No;");
    EXPECT_EQ(one("IFMarkInt", "2048~65535"), "IFMarkInt=Reject;");
    EXPECT_EQ(one("OFMarkInt", "2048"), "OFMarkInt=Reject;");
    EXPECT_EQ(one("RDMAExtensions", "Yes"), "RDMAExtensions=No;");
}

TEST(Negotiation, UnderstandsNoOtherKey) {
    for (const std::string key : {"X-com.example.key", "X#other", "Unheard", "sENDtARGETS", "MaxAHSLength",
                                  "InitiatorRecvDataSegmentLength", "KRB_AP_REQ"}) {
        EXPECT_EQ(one(key, "1"), key + "=NotUnderstood;");
    }
}

TEST(Negotiation, DoesNotAnswerAnswers) {
    for (const std::string_view refusal : {"NotUnderstood", "Reject", "Irrelevant"}) {
        EXPECT_EQ(one("X-com.example.key", refusal), "");
        EXPECT_EQ(one("TargetAlias", refusal), "");
        EXPECT_EQ(one("TargetPortalGroupTag", refusal), "");
        EXPECT_EQ(one("MaxRecvDataSegmentLength", refusal), "");
    }
}

TEST(Negotiation, RejectsKeysThatOnlyTargetsSend) {
    EXPECT_EQ(one("TargetAlias", "a"), "TargetAlias=Reject;");
    EXPECT_EQ(one("TargetAddress", "127.0.0.1"), "TargetAddress=Reject;");
    EXPECT_EQ(one("TargetPortalGroupTag", "1"), "TargetPortalGroupTag=Reject;");
}

TEST(Negotiation, RejectsKeysInTheWrongStage) {
    for (const KeyRow& row : kKeyTable) {
        for (const auto stage : {LoginStage::security_negotiation, LoginStage::operational_negotiation,
                                 LoginStage::full_feature}) {
            if (!allowed_in(row.stages, stage)) {
                EXPECT_EQ(Talk().say({{row.name, "1"}}, stage), std::string{row.name} + "=Reject;");
            }
        }
    }
}

TEST(Negotiation, RejectsSessionWideKeysOnLaterConnections) {
    for (const KeyRow& row : kKeyTable) {
        if (row.connections == Connections::leading) {
            Talk talk({}, SessionType::normal, Connections::any);
            EXPECT_EQ(talk.say({{row.name, "1"}}), std::string{row.name} + "=Reject;");
        }
    }
    Talk talk({}, SessionType::normal, Connections::any);
    EXPECT_EQ(talk.say({{"HeaderDigest", "CRC32C"}}), "HeaderDigest=CRC32C;");
}

TEST(Negotiation, CallsKeysIrrelevantInDiscovery) {
    for (const KeyRow& row : kKeyTable) {
        if (row.in_discovery == InDiscovery::irrelevant) {
            Talk talk({}, SessionType::discovery);
            EXPECT_EQ(talk.say({{row.name, "1"}}), std::string{row.name} + "=Irrelevant;");
            EXPECT_EQ(talk.parameters(), SessionParameters{});
        }
    }
    Talk talk({}, SessionType::discovery);
    EXPECT_EQ(talk.say({{"DefaultTime2Wait", "5"}}), "DefaultTime2Wait=5;");
}

TEST(Negotiation, NegotiatesNothingTwice) {
    for (const KeyRow& row : kKeyTable) {
        if (!allowed_in(row.stages, kOperational) || row.rule == Rule::identity ||
            row.rule == Rule::declared_text) {
            continue;
        }
        Talk talk;
        (void)talk.say({{row.name, "1"}});
        EXPECT_EQ(talk.say({{row.name, "1"}}), "error: negotiates " + std::string{row.name} + " twice");
    }
}

TEST(Negotiation, KeepsFirstBurstBelowMaxBurst) {
    Talk talk;
    EXPECT_EQ(talk.say({{"FirstBurstLength", "262144"}, {"MaxBurstLength", "16384"}}),
              "MaxBurstLength=16384;FirstBurstLength=16384;");
    EXPECT_EQ(talk.parameters().first_burst_length, 16384U);

    Talk other_order;
    EXPECT_EQ(other_order.say({{"FirstBurstLength", "65536"}}), "FirstBurstLength=65536;");
    EXPECT_EQ(other_order.say({{"MaxBurstLength", "512"}}), "MaxBurstLength=512;");
    EXPECT_EQ(other_order.parameters().first_burst_length, 512U);

    Talk defaulted;
    EXPECT_EQ(defaulted.say({{"MaxBurstLength", "4096"}}), "MaxBurstLength=4096;");
    EXPECT_EQ(defaulted.parameters().first_burst_length, 4096U);
}

TEST(Negotiation, DeclaresItsSegmentLengthOnce) {
    Talk talk;
    EXPECT_EQ(talk.say({{"MaxRecvDataSegmentLength", "131072"}}), "");
    EXPECT_EQ(talk.declare(), "MaxRecvDataSegmentLength=262144");
    EXPECT_EQ(talk.declare(), "");
    EXPECT_EQ(talk.parameters().initiator_max_recv_data_segment_length, 131072U);
    EXPECT_EQ(talk.parameters().target_max_recv_data_segment_length, 262144U);
}

TEST(Negotiation, RejectsIllegalSegmentLengthsAndThenKeepsBothDefaults) {
    for (const std::string_view bad : {"511", "0", "16777216", "x", "", "-1", "None"}) {
        Talk talk;
        EXPECT_EQ(talk.say({{"MaxRecvDataSegmentLength", bad}}), "MaxRecvDataSegmentLength=Reject;");
        EXPECT_EQ(talk.declare(), "");
        EXPECT_EQ(talk.parameters(), SessionParameters{});
    }
}

TEST(Negotiation, TakesAliasesOfUpTo255Bytes) {
    Talk talk;
    EXPECT_EQ(talk.say({{"InitiatorAlias", "the \xc3\xbc host"}}), "");
    EXPECT_EQ(talk.parameters().initiator_alias, "the \xc3\xbc host");
    EXPECT_EQ(one("InitiatorAlias", std::string(255, 'a')), "");
    EXPECT_EQ(one("InitiatorAlias", std::string(256, 'a')), "InitiatorAlias=Reject;");
    EXPECT_EQ(one("InitiatorAlias", "a\nb"), "InitiatorAlias=Reject;");
    EXPECT_EQ(one("InitiatorAlias", "\xff"), "InitiatorAlias=Reject;");
    EXPECT_EQ(one("X#NodeArchitecture", "Linux,x86_64"), "");
}

}  // namespace
}  // namespace targe::iscsi
