// For tests: an initiator that logs in to a LoginMachine, and a directory to log in to.
#pragma once

#include "iscsi/chap.h"
#include "iscsi/login.h"
#include "iscsi/login_request.h"
#include "iscsi/text_value.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace targe::iscsi::fakes {

class SeededRandom final : public RandomSource {
public:
    explicit SeededRandom(std::uint32_t seed = 1) : engine_(seed) {}
    void fill(std::span<std::byte> out) override {
        std::ranges::generate(out, [this] { return static_cast<std::byte>(engine_()); });
    }

private:
    std::mt19937 engine_;
};

inline AuthPolicy chap_policy() {
    return {.method = AuthMethod::chap,
            .initiators = {{.name = "alice", .secret = "alice's long secret"}},
            .target = ChapAccount{.name = "target", .secret = "the target's secret"}};
}

/// iqn.open needs no proof, iqn.chap does; the others refuse in their own way.
class FakeDirectory final : public Directory {
public:
    FakeDirectory() {
        targets["iqn.open"] = TargetFound{.portal_group_tag = 7, .alias = "Open"};
        targets["iqn.chap"] = TargetFound{.auth = chap_policy()};
        targets["iqn.forbidden"] = TargetForbidden{"no group"};
        targets["iqn.away"] = TargetUnavailable{"stopping"};
        targets["iqn.moved"] = TargetMoved{.address = {"2001:db8::5", 3261}, .move = Move::temporary};
        targets["iqn.gone"] = TargetMoved{.address = {"192.0.2.9", 3260}, .move = Move::permanent};
        targets["iqn.digest"] = TargetFound{.negotiation = {.header_digests = {Digest::crc32c}}};
    }

    [[nodiscard]] TargetAnswer find_target(std::string_view name, const Viewpoint& from) const override {
        seen_ = from;
        const auto found = targets.find(std::string{name});
        return found == targets.end() ? TargetAnswer{TargetNotFound{}} : found->second;
    }
    [[nodiscard]] std::vector<TargetListing> list_targets(const Viewpoint& /*from*/) const override {
        return {};
    }
    [[nodiscard]] AuthPolicy discovery_auth(const Viewpoint& /*from*/) const override { return discovery; }
    [[nodiscard]] NegotiationPolicy discovery_negotiation(const Viewpoint& /*from*/) const override {
        return {};
    }
    [[nodiscard]] const Viewpoint& seen() const { return seen_; }

    std::map<std::string, TargetAnswer> targets;
    AuthPolicy discovery;

private:
    mutable Viewpoint seen_;
};

struct Turn {
    std::uint8_t from;       ///< CSG
    std::uint8_t to = 4;     ///< NSG with the T bit, unless 4
    bool more_text = false;  ///< C bit
};
inline constexpr Turn kSecurity{.from = 0};
inline constexpr Turn kLeaveSecurity{.from = 0, .to = 1};
inline constexpr Turn kOperational{.from = 1};
inline constexpr Turn kFinish{.from = 1, .to = 3};

/// Text with ; in place of NUL.
inline std::string with_nuls(std::string_view text) {
    std::string out{text};
    std::ranges::replace(out, ';', '\0');
    return out;
}
inline std::string with_semicolons(std::string_view text) {
    std::string out{text};
    std::ranges::replace(out, '\0', ';');
    return out;
}

/// The fields may be changed between requests to do wrong.
class LoginInitiator {
public:
    explicit LoginInitiator(const Directory& directory, RandomSource& random)
        : machine(directory, random,
                  {.from = {.portal = 3, .local_address = "192.0.2.1"},
                   .command_window = 32,
                   .first_stat_sn = StatSn{1000}}) {}

    [[nodiscard]] Header header(Turn turn, std::size_t size) const {
        using L = LoginRequestPdu;
        Header raw{};
        const HeaderSpan out{raw};
        wire::put<L::kImmediate>(out, 1);
        wire::put<L::kOpcode>(out, opcode);
        wire::put<L::kTransit>(out, turn.to != 4 ? 1 : 0);
        wire::put<L::kContinue>(out, turn.more_text ? 1 : 0);
        wire::put<L::kCurrentStage>(out, turn.from);
        wire::put<L::kNextStage>(out, turn.to != 4 ? turn.to : std::uint8_t{0});
        wire::put<L::kVersionMin>(out, version_min);
        wire::put<L::kDataSegmentLength>(out, static_cast<std::uint32_t>(size));
        wire::put<L::kInitiatorSessionId>(out, initiator_session_id);
        wire::put<L::kTargetSessionHandle>(out, target_session_handle);
        wire::put<L::kInitiatorTaskTag>(out, initiator_task_tag);
        wire::put<L::kConnectionId>(out, connection_id);
        wire::put<L::kCmdSn>(out, cmd_sn);
        wire::put<L::kExpStatSn>(out, exp_stat_sn);
        return raw;
    }
    LoginStep send(Turn turn, std::string_view text = {}) { return send_raw(turn, with_nuls(text)); }
    LoginStep send_raw(Turn turn, std::string_view text) {
        LoginStep step =
            machine.receive(header(turn, text.size()), std::as_bytes(std::span{text.data(), text.size()}));
        if (const auto* next = std::get_if<LoginContinue>(&step)) {
            exp_stat_sn = wire::get<LoginResponsePdu::kStatSn>(HeaderView{next->response.header}) + 1;
        }
        return step;
    }

    std::uint8_t opcode = static_cast<std::uint8_t>(Opcode::login_request);
    std::uint8_t version_min = 0;
    std::uint64_t initiator_session_id = 0x4000'0137'0001;
    std::uint16_t target_session_handle = 0;
    std::uint32_t initiator_task_tag = 0x1234'5678;
    std::uint16_t connection_id = 9;
    std::uint32_t cmd_sn = 0xffff'fff0;
    std::uint32_t exp_stat_sn = 0;
    LoginMachine machine;
};

template <wire::Field F>
auto field_of(const LoginPdu& pdu) {
    return wire::get<F>(HeaderView{pdu.header});
}

inline std::map<std::string, std::string> pairs_of(const LoginPdu& pdu) {
    std::map<std::string, std::string> out;
    if (const auto pairs = parse_text(pdu.data)) {
        for (const TextPair& pair : *pairs) {
            out[std::string{pair.key}] = pair.value;
        }
    }
    return out;
}

inline std::string chap_answer(const std::map<std::string, std::string>& asked, std::string_view secret) {
    const auto digest = chap_response(static_cast<ChapAlgorithm>(std::stoi(asked.at("CHAP_A"))),
                                      static_cast<std::uint8_t>(std::stoi(asked.at("CHAP_I"))), secret,
                                      *parse_binary(asked.at("CHAP_C"), kMaxChallengeBytes));
    return to_hex(digest->bytes());
}

}  // namespace targe::iscsi::fakes
