#include "iscsi/login.h"

#include "base/assert.h"
#include "iscsi/authentication.h"
#include "iscsi/key_table.h"
#include "iscsi/login_identity.h"
#include "iscsi/login_request.h"
#include "iscsi/negotiation.h"
#include "iscsi/text.h"

#include <expected>
#include <optional>
#include <utility>

namespace targe::iscsi {
namespace {

/// A login that needs more requests is not going anywhere. Generous: a text may come byte by byte.
constexpr std::uint32_t kMaxRequests = 1024;

/// Of what a peer sent, no more than a log line can bear.
std::string shortened(std::string_view text) {
    constexpr std::size_t kMaxBytes = 223;
    return std::string{text.substr(0, kMaxBytes)};
}

LoginStatus status_of(Move move) {
    return move == Move::permanent ? LoginStatus::target_moved_permanently
                                   : LoginStatus::target_moved_temporarily;
}

/// What the first text of a login begins.
struct Talks {
    Talks(Identity names, AuthPolicy auth, RandomSource& random, const NegotiationPolicy& policy,
          Connections connection)
        : identity(std::move(names)),
          authentication(std::move(auth), random),
          negotiation(policy, identity.type, connection) {}

    Identity identity;
    Authentication authentication;
    Negotiation negotiation;
};

}  // namespace

class LoginMachine::Impl {
public:
    Impl(const Directory& directory, RandomSource& random, LoginContext context)
        : directory_(directory),
          random_(random),
          context_(std::move(context)),
          stat_sn_(context_.first_stat_sn) {}

    LoginStep receive(HeaderView header, std::span<const std::byte> data);
    LoginPdu established(std::uint16_t target_session_handle, std::optional<CmdSn> exp_cmd_sn);
    LoginRefused refuse(const Refusal& why);

private:
    enum class State : std::uint8_t { waiting_for_first, in_login, establishing, over };

    [[nodiscard]] std::expected<LoginStep, Refusal> handle(std::span<const std::byte> data);
    [[nodiscard]] Verdict check_request() const;
    [[nodiscard]] Verdict process(std::string_view text);
    [[nodiscard]] Verdict identify(std::span<const TextPair> pairs);
    [[nodiscard]] Verdict find_target(Identity identity);
    void begin(Identity identity, AuthPolicy auth, const NegotiationPolicy& negotiation);
    [[nodiscard]] Verdict answer(std::span<const TextPair> pairs);
    [[nodiscard]] std::expected<LoginStep, Refusal> respond();
    [[nodiscard]] std::expected<LoginStep, Refusal> finish(std::string text);
    [[nodiscard]] Establish result() const;
    [[nodiscard]] LoginPdu make_response(LoginStatus status, std::string text);

    const Directory& directory_;
    RandomSource& random_;
    LoginContext context_;
    StatSn stat_sn_;
    State state_ = State::waiting_for_first;
    LoginStage stage_ = LoginStage::security_negotiation;
    LoginRequest first_;
    LoginRequest request_;  ///< the latest
    std::uint32_t requests_ = 0;
    TextAccumulator text_;
    TextAnswer answer_;
    bool answering_ = false;  ///< the answer did not fit one response
    std::uint16_t portal_group_tag_ = 0;
    std::unique_ptr<Talks> talks_;  ///< null until the first text is complete
    std::string final_text_;
};

LoginStep LoginMachine::Impl::receive(HeaderView header, std::span<const std::byte> data) {
    if (state_ == State::establishing || state_ == State::over) {
        // The state stays: whoever is making the session may still call established().
        return LoginDropped{"a PDU before the login was answered"};
    }
    if (opcode_of(header) != Opcode::login_request) {
        if (state_ == State::waiting_for_first) {
            state_ = State::over;
            return LoginDropped{"the first PDU is no Login Request"};
        }
        return refuse({LoginStatus::invalid_during_login, "a PDU that is no Login Request during the login"});
    }
    request_ = read_login_request(header);
    if (state_ == State::waiting_for_first) {
        state_ = State::in_login;
        first_ = request_;
        if (request_.current_stage == static_cast<std::uint8_t>(LoginStage::operational_negotiation)) {
            stage_ = LoginStage::operational_negotiation;
        }
    }
    auto step = handle(data);
    return step ? std::move(*step) : refuse(step.error());
}

std::expected<LoginStep, Refusal> LoginMachine::Impl::handle(std::span<const std::byte> data) {
    if (auto fine = check_request(); !fine) {
        return std::unexpected{fine.error()};
    }
    ++requests_;
    if (answering_) {
        // [RFC 7143 6.2]: the other side of a C bit is an empty PDU.
        if (!data.empty() || request_.more_text) {
            return refusal(LoginStatus::initiator_error,
                           "text before the answer to the last one was complete");
        }
        return respond();
    }
    if (!text_.append(data)) {
        return refusal(LoginStatus::out_of_resources, "the text of a request is too long");
    }
    if (request_.more_text) {
        request_.transit = false;
        return LoginContinue{make_response(LoginStatus::success, {})};
    }
    if (auto fine = process(text_.text()); !fine) {
        return std::unexpected{fine.error()};
    }
    text_.clear();
    return respond();
}

Verdict LoginMachine::Impl::check_request() const {
    if (request_.version_min > 0) {
        return refusal(LoginStatus::unsupported_version, "asks for a version above 0");
    }
    if (requests_ >= kMaxRequests) {
        return refusal(LoginStatus::initiator_error, "too many requests in one login");
    }
    if (const auto fault = find_fault(request_, stage_); !fault.empty()) {
        return refusal(LoginStatus::initiator_error, fault);
    }
    if (const auto change = find_change(first_, request_); !change.empty()) {
        return refusal(LoginStatus::initiator_error, change);
    }
    // The first ExpStatSN of a connection means nothing yet.
    if (requests_ > 0 && request_.exp_stat_sn.after(stat_sn_)) {
        return refusal(LoginStatus::initiator_error, "acknowledges a response that was not sent");
    }
    return {};
}

Verdict LoginMachine::Impl::process(std::string_view text) {
    const auto pairs = parse_text(text);
    if (!pairs) {
        return refusal(LoginStatus::initiator_error, describe(pairs.error()));
    }
    if (auto fine = talks_ != nullptr ? check_repeated(*pairs, talks_->identity) : identify(*pairs); !fine) {
        return fine;
    }
    return answer(*pairs);
}

Verdict LoginMachine::Impl::identify(std::span<const TextPair> pairs) {
    auto identity = read_identity(pairs);
    if (!identity) {
        return std::unexpected{std::move(identity.error())};
    }
    context_.from.initiator_name = identity->initiator_name;
    if (identity->type == SessionType::discovery) {
        begin(std::move(*identity), directory_.discovery_auth(context_.from),
              directory_.discovery_negotiation(context_.from));
    } else if (auto found = find_target(std::move(*identity)); !found) {
        return found;
    }
    // [RFC 7143 6.3]: who demands security refuses a login that leaves it out.
    if (stage_ == LoginStage::operational_negotiation && !talks_->authentication.complete()) {
        return refusal(LoginStatus::authentication_failure, "skips the authentication that is demanded");
    }
    return {};
}

Verdict LoginMachine::Impl::find_target(Identity identity) {
    TargetAnswer found = directory_.find_target(identity.target_name, context_.from);
    if (const auto* moved = std::get_if<TargetMoved>(&found)) {
        return std::unexpected{Refusal{.status = status_of(moved->move),
                                       .reason = "the target is at another address",
                                       .moved_to = to_text(moved->address)}};
    }
    if (const auto* forbidden = std::get_if<TargetForbidden>(&found)) {
        return refusal(LoginStatus::authorization_failure, forbidden->reason);
    }
    if (const auto* unavailable = std::get_if<TargetUnavailable>(&found)) {
        return refusal(LoginStatus::service_unavailable, unavailable->reason);
    }
    auto* const target = std::get_if<TargetFound>(&found);
    if (target == nullptr) {
        return refusal(LoginStatus::not_found, "no such target: " + shortened(identity.target_name));
    }
    portal_group_tag_ = target->portal_group_tag;
    // [RFC 7143 13.9]: in the first response that carries text.
    answer_.add(row_of(Key::target_portal_group_tag).name, std::to_string(portal_group_tag_));
    if (!target->alias.empty()) {
        answer_.add(row_of(Key::target_alias).name, target->alias);
    }
    begin(std::move(identity), std::move(target->auth), target->negotiation);
    return {};
}

void LoginMachine::Impl::begin(Identity identity, AuthPolicy auth, const NegotiationPolicy& negotiation) {
    talks_ =
        std::make_unique<Talks>(std::move(identity), std::move(auth), random_, negotiation,
                                first_.target_session_handle == 0 ? Connections::leading : Connections::any);
}

Verdict LoginMachine::Impl::answer(std::span<const TextPair> pairs) {
    const bool security = stage_ == LoginStage::security_negotiation;
    std::vector<TextPair> proof;
    std::vector<TextPair> others;
    for (const TextPair& pair : pairs) {
        const KeyRow* const row = find_key(pair.key);
        if (row != nullptr && row->rule == Rule::identity) {
            continue;
        }
        const bool authenticates = security && row != nullptr && row->rule == Rule::authentication;
        (authenticates ? proof : others).push_back(pair);
    }
    if (security) {
        if (auto taken = talks_->authentication.take(proof, answer_); !taken) {
            return refusal(LoginStatus::authentication_failure, taken.error());
        }
    }
    if (auto answered = talks_->negotiation.answer(others, stage_, answer_); !answered) {
        return refusal(LoginStatus::initiator_error, answered.error());
    }
    if (!security) {
        talks_->negotiation.declare(answer_);
    }
    return {};
}

std::expected<LoginStep, Refusal> LoginMachine::Impl::respond() {
    TextAnswer::Piece piece = answer_.next(kDefaultMaxRecvDataSegmentLength);
    answering_ = piece.more;
    if (!talks_->authentication.complete() && request_.transit && !talks_->authentication.begun()) {
        return refusal(LoginStatus::authentication_failure, "leaves the security stage without a proof");
    }
    request_.transit = request_.transit && !answering_ && talks_->authentication.complete();
    if (!answering_) {
        answer_ = {};
    }
    if (!request_.transit) {
        return LoginContinue{make_response(LoginStatus::success, std::move(piece.data))};
    }
    if (request_.next_stage == static_cast<std::uint8_t>(LoginStage::full_feature)) {
        return finish(std::move(piece.data));
    }
    LoginPdu response = make_response(LoginStatus::success, std::move(piece.data));
    stage_ = LoginStage::operational_negotiation;
    return LoginContinue{std::move(response)};
}

std::expected<LoginStep, Refusal> LoginMachine::Impl::finish(std::string text) {
    if (const auto fault = talks_->negotiation.find_fault(); !fault.empty()) {
        return refusal(LoginStatus::initiator_error, fault);
    }
    final_text_ = std::move(text);
    state_ = State::establishing;
    return result();
}

Establish LoginMachine::Impl::result() const {
    return {
        .initiator_name = talks_->identity.initiator_name,
        .initiator_chap_name = std::string{talks_->authentication.initiator()},
        .initiator_session_id = first_.initiator_session_id,
        .target_session_handle = first_.target_session_handle,
        .connection_id = first_.connection_id,
        .type = talks_->identity.type,
        .target_name =
            talks_->identity.type == SessionType::normal ? talks_->identity.target_name : std::string{},
        .portal_group_tag = portal_group_tag_,
        .parameters = talks_->negotiation.parameters(),
        .exp_cmd_sn = first_.cmd_sn,
        .stat_sn = stat_sn_.plus(1),
    };
}

LoginPdu LoginMachine::Impl::established(std::uint16_t target_session_handle,
                                         std::optional<CmdSn> exp_cmd_sn) {
    TARGE_ASSERT(state_ == State::establishing && target_session_handle != 0);
    state_ = State::over;
    request_.target_session_handle = target_session_handle;
    first_.cmd_sn = exp_cmd_sn.value_or(first_.cmd_sn);
    // The machine stays as long as its connection, and needs none of this any more: the accounts of all
    // initiators among it.
    talks_.reset();
    text_ = TextAccumulator{};
    answer_ = {};
    return make_response(LoginStatus::success, std::move(final_text_));
}

LoginRefused LoginMachine::Impl::refuse(const Refusal& why) {
    state_ = State::over;
    request_.transit = false;
    answering_ = false;
    TextAnswer text;
    if (!why.moved_to.empty()) {
        text.add(row_of(Key::target_address).name, why.moved_to);
    }
    return {.response = make_response(why.status, std::string{text.text()}),
            .status = why.status,
            .reason = why.reason};
}

LoginPdu LoginMachine::Impl::make_response(LoginStatus status, std::string text) {
    using L = LoginResponsePdu;
    LoginPdu pdu;
    const HeaderSpan header{pdu.header};
    wire::put<L::kOpcode>(header, static_cast<std::uint8_t>(Opcode::login_response));
    wire::put<L::kTransit>(header, request_.transit ? 1 : 0);
    wire::put<L::kContinue>(header, answering_ ? 1 : 0);
    wire::put<L::kCurrentStage>(header, request_.current_stage);
    wire::put<L::kNextStage>(header, request_.transit ? request_.next_stage : std::uint8_t{0});
    wire::put<L::kDataSegmentLength>(header, static_cast<std::uint32_t>(text.size()));
    wire::put<L::kInitiatorSessionId>(header, request_.initiator_session_id);
    wire::put<L::kTargetSessionHandle>(header, request_.target_session_handle);
    wire::put<L::kInitiatorTaskTag>(header, request_.initiator_task_tag.value);
    wire::put<L::kStatSn>(header, stat_sn_.value);
    wire::put<L::kExpCmdSn>(header, first_.cmd_sn.value);
    wire::put<L::kMaxCmdSn>(header, first_.cmd_sn.plus(context_.command_window - 1).value);
    wire::put<L::kStatusClass>(header, static_cast<std::uint8_t>(static_cast<unsigned>(status) >> 8U));
    wire::put<L::kStatusDetail>(header, static_cast<std::uint8_t>(static_cast<unsigned>(status) & 0xffU));
    pdu.data = std::move(text);
    ++stat_sn_;
    return pdu;
}

LoginMachine::LoginMachine(const Directory& directory, RandomSource& random, LoginContext context)
    : impl_(std::make_unique<Impl>(directory, random, std::move(context))) {}
LoginMachine::LoginMachine(LoginMachine&&) noexcept = default;
LoginMachine& LoginMachine::operator=(LoginMachine&&) noexcept = default;
LoginMachine::~LoginMachine() = default;

LoginStep LoginMachine::receive(HeaderView header, std::span<const std::byte> data) {
    return impl_->receive(header, data);
}
LoginPdu LoginMachine::established(std::uint16_t target_session_handle, std::optional<CmdSn> exp_cmd_sn) {
    return impl_->established(target_session_handle, exp_cmd_sn);
}
LoginRefused LoginMachine::refused(LoginStatus status, std::string_view reason) {
    return impl_->refuse({.status = status, .reason = std::string{reason}});
}

}  // namespace targe::iscsi
