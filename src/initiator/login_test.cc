#include "initiator/login.h"

#include "initiator/failure.h"
#include "iscsi/chap.h"
#include "iscsi/text_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace targe::initiator {
namespace {

using testing::HasSubstr;

/// A target that says what the test tells it to.
class Target {
public:
    explicit Target(const LoginOptions& options) : login(options) {}

    /// The next request's text, '\0' shown as ';'.
    std::string asked() {
        const std::vector<std::byte> pdu = login.request();
        flags = get8(pdu, 1);
        EXPECT_EQ(pdu.size(), kHeaderSize + padded(data_length(pdu)));
        std::string text(data_length(pdu), '\0');
        std::memcpy(text.data(), pdu.data() + kHeaderSize, text.size());
        std::ranges::replace(text, '\0', ';');
        return text;
    }

    void answer(unsigned answered, std::string text, unsigned status = 0, unsigned opcode = kLoginResponse) {
        Header header{};
        put(header, 0, 1, opcode);
        put(header, 1, 1, answered);
        put(header, 24, 4, 100U + steps);
        put(header, 32, 4, 64);
        put(header, 36, 2, status);
        ++steps;
        std::ranges::replace(text, ';', '\0');
        login.response(header, std::as_bytes(std::span(text)));
    }

    Login login;
    unsigned flags = 0;
    unsigned steps = 0;
};

LoginOptions named(std::optional<Credentials> credentials = std::nullopt) {
    LoginOptions options;
    options.target = "iqn.x:y";
    options.credentials = std::move(credentials);
    return options;
}

template <class Act>
Failure failure_of(Act act) {
    try {
        act();
    } catch (const Failure& failure) {
        return failure;
    }
    return Failure("nothing failed");
}

TEST(Login, NeedsTwoStepsWithoutCredentials) {
    Target target(named());
    EXPECT_EQ(
        target.asked(),
        "InitiatorName=iqn.2026-11.io.targe:bench;TargetName=iqn.x:y;SessionType=Normal;AuthMethod=None;");
    EXPECT_EQ(target.flags, 0x81U);
    target.answer(0x81, "AuthMethod=None;TargetPortalGroupTag=1;");
    EXPECT_THAT(target.asked(), HasSubstr("HeaderDigest=None;DataDigest=None;"));
    EXPECT_EQ(target.flags, 0x87U);
    target.answer(0x87,
                  "HeaderDigest=None;DataDigest=None;MaxRecvDataSegmentLength=8192;FirstBurstLength=4096;"
                  "InitialR2T=Yes;ImmediateData=No;");
    ASSERT_TRUE(target.login.done());
    const Agreed& agreed = target.login.agreed();
    EXPECT_EQ(agreed.max_send_segment, 8192U);
    EXPECT_EQ(agreed.first_burst, 4096U);
    EXPECT_TRUE(agreed.initial_r2t);
    EXPECT_FALSE(agreed.immediate_data);
    EXPECT_EQ(agreed.exp_stat_sn, 102U);
    EXPECT_EQ(agreed.max_cmd_sn, 64U);
}

TEST(Login, ProvesWhoItIsByChap) {
    Target target(named(Credentials{.user = "me", .password = "a secret of mine"}));
    EXPECT_THAT(target.asked(), HasSubstr("AuthMethod=CHAP,None;"));
    EXPECT_EQ(target.flags, 0x00U);
    target.answer(0x00, "AuthMethod=CHAP;TargetPortalGroupTag=1;");
    EXPECT_EQ(target.asked(), "CHAP_A=8,7,6,5;");
    target.answer(0x00, "CHAP_A=5;CHAP_I=7;CHAP_C=0x0102030405060708;");
    const std::vector<std::byte> challenge = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                              std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};
    const auto proof = iscsi::chap_response(iscsi::ChapAlgorithm::md5, 7, "a secret of mine", challenge);
    ASSERT_TRUE(proof);
    EXPECT_EQ(target.asked(), "CHAP_N=me;CHAP_R=" + iscsi::to_hex(proof->bytes()) + ";");
    EXPECT_EQ(target.flags, 0x81U);
    target.answer(0x81, "");
    EXPECT_THAT(target.asked(), HasSubstr("InitialR2T=No"));
    target.answer(0x87, "InitialR2T=No;");
    EXPECT_TRUE(target.login.done());
}

TEST(Login, GoesOnWithoutAProofWhereNoneIsWanted) {
    Target target(named(Credentials{.user = "me", .password = "x"}));
    static_cast<void>(target.asked());
    target.answer(0x00, "AuthMethod=None;");
    EXPECT_EQ(target.asked(), "");
    EXPECT_EQ(target.flags, 0x81U);
}

TEST(Login, TakesAnAnswerInPieces) {
    Target target(named());
    static_cast<void>(target.asked());
    target.answer(0x81, "");
    static_cast<void>(target.asked());
    target.answer(0x44, "FirstBurst");
    EXPECT_EQ(target.asked(), "");
    EXPECT_EQ(target.flags, 0x04U);
    target.answer(0x87, "Length=1024;");
    EXPECT_FALSE(target.login.done()) << "nobody asked for the next stage";
    EXPECT_EQ(target.asked(), "");
    EXPECT_EQ(target.flags, 0x87U);
    target.answer(0x87, "");
    EXPECT_TRUE(target.login.done());
    EXPECT_EQ(target.login.agreed().first_burst, 1024U);
}

TEST(Login, SaysWhyItWasRefused) {
    Target wrong(named());
    static_cast<void>(wrong.asked());
    const Failure failed = failure_of([&] { wrong.answer(0, "", 0x0201); });
    EXPECT_STREQ(failed.what(), "the login to iqn.x:y was refused: authentication failed (status 0x0201)");
    EXPECT_THAT(failed.cure(), HasSubstr("iscsi://USER:PASSWORD@HOST"));
    Target moved(named());
    static_cast<void>(moved.asked());
    EXPECT_THAT(failure_of([&] { moved.answer(0, "TargetAddress=192.0.2.7:3260,1;", 0x0101); }).cure(),
                HasSubstr("192.0.2.7:3260"));
    Target strange(named());
    static_cast<void>(strange.asked());
    EXPECT_THAT(failure_of([&] { strange.answer(0, "", 0x02FF); }).what(), HasSubstr("0x02ff"));
}

TEST(Login, RefusesWhatItDidNotAskFor) {
    const auto fails = [](const LoginOptions& options,
                          const std::vector<std::pair<unsigned, std::string>>& answers) {
        Target target(options);
        return std::string(failure_of([&] {
                               for (const auto& [flags, text] : answers) {
                                   static_cast<void>(target.asked());
                                   target.answer(flags, text);
                               }
                           }).what());
    };
    EXPECT_THAT(fails(named(), {{0, "AuthMethod=CHAP;"}}), HasSubstr("authentication method \"CHAP\""));
    const Credentials me{.user = "me", .password = "x"};
    EXPECT_THAT(fails(named(me), {{0, "AuthMethod=SRP;"}}), HasSubstr("SRP"));
    for (const char* const challenge : {"CHAP_A=9;CHAP_I=1;CHAP_C=0x01;", "CHAP_A=5;CHAP_I=256;CHAP_C=0x01;",
                                        "CHAP_A=5;CHAP_C=0x01;", "CHAP_A=5;CHAP_I=1;CHAP_C=zz;"}) {
        EXPECT_THAT(fails(named(me), {{0, "AuthMethod=CHAP;"}, {0, challenge}}), HasSubstr("challenge"));
    }
    LoginOptions digests = named();
    digests.digests.data = true;
    EXPECT_THAT(fails(digests, {{0x81, ""}, {0x87, "DataDigest=None;"}}), HasSubstr("digests"));
    Target other(named());
    EXPECT_THAT(failure_of([&] { other.answer(0x81, "", 0, kNopIn); }).what(), HasSubstr("no iSCSI target"));
}

TEST(Login, EndsSometime) {
    Target target(named());
    const Failure failed = failure_of([&] {
        for (;;) {
            static_cast<void>(target.asked());
            target.answer(0x00, "");
        }
    });
    EXPECT_THAT(failed.what(), HasSubstr("does not end"));
    Target talker(named());
    const Failure talked = failure_of([&] {
        for (;;) {
            talker.answer(0x40, std::string(8192, 'x'));
        }
    });
    EXPECT_THAT(talked.what(), HasSubstr("does not end"));
}

}  // namespace
}  // namespace targe::initiator
