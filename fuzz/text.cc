// Keys and values. Two bytes choose what is negotiated and how the text is cut; then come texts, each ended
// by a newline: the requests of one login. A semicolon stands for NUL, which keeps the corpus legible.
#include "iscsi/text.h"

#include "base/assert.h"
#include "fuzz/input.h"
#include "iscsi/key_table.h"
#include "iscsi/login_initiator.h"
#include "iscsi/negotiation.h"
#include "iscsi/text_value.h"

namespace targe::iscsi {
namespace {

constexpr std::size_t kMaxPiece = 8192;

void read_value(std::string_view value) {
    (void)parse_number(value);
    (void)parse_boolean(value);
    (void)is_iscsi_name(value);
    (void)is_printable_utf8(value);
    ListReader list(value);
    std::size_t elements = 0;
    while (list.next()) {
        ++elements;
    }
    TARGE_ASSERT(elements > 0 && elements <= value.size() + 1);
    if (const auto bytes = parse_binary(value, 1024)) {
        TARGE_ASSERT(parse_binary(to_hex(*bytes), 1024) == bytes);
    }
}

void negotiate(std::string_view text, std::uint8_t how) {
    const auto pairs = parse_text(text);
    if (!pairs) {
        (void)describe(pairs.error());
        return;
    }
    for (const TextPair& pair : *pairs) {
        (void)find_key(pair.key);
        read_value(pair.value);
    }
    constexpr std::array kStages = {LoginStage::security_negotiation, LoginStage::operational_negotiation,
                                    LoginStage::full_feature, LoginStage::operational_negotiation};
    Negotiation negotiation({}, (how & 4U) != 0 ? SessionType::discovery : SessionType::normal,
                            (how & 8U) != 0 ? Connections::any : Connections::leading);
    TextAnswer answer;
    negotiation.declare(answer);
    if (negotiation.answer(*pairs, kStages.at(how & 3U), answer) && negotiation.find_fault().empty()) {
        const SessionParameters agreed = negotiation.parameters();
        TARGE_ASSERT(agreed.first_burst_length <= agreed.max_burst_length);
        TARGE_ASSERT(agreed.max_connections == 1 && agreed.error_recovery_level == 0);
    }
    const std::size_t piece = 1 + std::size_t{how} * 8;
    while (!answer.empty()) {
        TARGE_ASSERT(answer.next(piece).data.size() <= piece);
    }
}

/// One login, of which the texts are the requests. False when it is over.
bool log_in(fakes::LoginInitiator& initiator, std::string_view text, fakes::Turn turn) {
    const LoginStep step = initiator.send_raw(turn, text.substr(0, kMaxPiece));
    if (const auto* session = std::get_if<Establish>(&step)) {
        TARGE_ASSERT(session->target_name != "iqn.chap" || session->initiator_chap_name == "alice");
        const LoginPdu last = initiator.machine.established(1);
        TARGE_ASSERT(last.data.size() <= kDefaultMaxRecvDataSegmentLength);
    }
    return std::holds_alternative<LoginContinue>(step);
}

}  // namespace
}  // namespace targe::iscsi

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace targe;
    namespace fakes = iscsi::fakes;
    fuzz::Input input(data, size);
    const std::uint8_t how = input.byte();
    const std::size_t first_turn = input.byte();
    const std::string texts = fuzz::text_of(input.rest());
    const fakes::FakeDirectory directory;
    fakes::SeededRandom random;
    fakes::LoginInitiator initiator(directory, random);
    constexpr std::array kTurns = {fakes::kSecurity, fakes::kLeaveSecurity, fakes::kOperational,
                                   fakes::kFinish};
    bool going_on = true;
    std::size_t turn = first_turn;
    for (std::size_t at = 0; at < texts.size();) {
        const std::size_t end = std::min(texts.find('\n', at), texts.size());
        const std::string text = fakes::with_nuls(texts.substr(at, end - at));
        iscsi::negotiate(text, how);
        going_on = going_on && iscsi::log_in(initiator, text, kTurns.at(turn++ % kTurns.size()));
        at = end + 1;
    }
    return 0;
}
