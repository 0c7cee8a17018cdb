#include "initiator/login.h"

#include "initiator/failure.h"
#include "iscsi/chap.h"
#include "iscsi/text_value.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace targe::initiator {
namespace {

constexpr unsigned kMaxExchanges = 16;
constexpr std::size_t kMaxText = std::size_t{64} << 10U;
constexpr unsigned kTransit = 0x80;
constexpr unsigned kContinue = 0x40;

std::string pair(std::string_view key, std::string_view value) {
    return std::string(key).append("=").append(value) + '\0';
}

struct Refusal {
    unsigned code;  ///< Status-Class and Status-Detail, [RFC 7143 11.13.5]
    const char* name;
    const char* cause;
    const char* cure;
};
constexpr Refusal kRefusals[] = {
    {0x0101, "the target has moved for a while", "", ""},
    {0x0102, "the target has moved for good", "", ""},
    {0x0200, "the target finds a fault in what it is told",
     "an unusual name of the initiator, or another key that it does not take", "--initiator NAME"},
    {0x0201, "authentication failed", "it wants a user and a password, or knows others than these",
     "put them into the URL: iscsi://USER:PASSWORD@HOST/…"},
    {0x0202, "this initiator may not log in",
     "the target has a list of initiators, and this name is not on it", "name one that is: --initiator NAME"},
    {0x0203, "there is no such target", "its name is misspelt, or another portal has it",
     "see what the portal has: iscsi-ls iscsi://HOST:PORT"},
    {0x0204, "the target was removed", "", ""},
    {0x0206, "there are too many connections", "", "ask for fewer sessions"},
    {0x0207, "a parameter is missing", "", ""},
    {0x0208, "the target cannot be part of this session", "", ""},
    {0x0209, "sessions of this type are not supported", "", ""},
    {0x0300, "the target had an error", "", "look at the target's log"},
    {0x0301, "the service is not available", "the target is starting, stopping or out of order", "try later"},
    {0x0302, "the target is out of resources", "it has as many sessions as it takes",
     "ask for fewer sessions"},
};

Failure refused(const std::string& whom, unsigned code, const std::string& moved_to) {
    const auto* const known = std::ranges::find(kRefusals, code, &Refusal::code);
    const bool found = known != std::end(kRefusals);
    const std::string number = iscsi::to_hex(std::array{std::byte(code >> 8U), std::byte(code & 0xFFU)});
    return Failure("the login to " + whom +
                       " was refused: " + (found ? known->name : "the target gives no known reason") +
                       " (status " + number + ")",
                   found ? known->cause : "",
                   !moved_to.empty() ? "put its new address into the URL: " + moved_to
                   : found           ? known->cure
                                     : "look at the target's log");
}

}  // namespace

Login::Login(const LoginOptions& options) : options_(options) {
    text_ = pair("InitiatorName", options.initiator) + pair("TargetName", options.target) +
            pair("SessionType", "Normal") + pair("AuthMethod", options.credentials ? "CHAP,None" : "None");
    // Whoever offers only None has nothing more to say in this stage.
    wants_next_ = !options.credentials;
}

std::string Login::whom() const {
    return options_.target;
}

std::vector<std::byte> Login::request() {
    const std::string text = std::exchange(text_, {});
    std::vector<std::byte> pdu(kHeaderSize + padded(text.size()));
    const auto stage = static_cast<unsigned>(stage_);
    const unsigned next = stage_ == Stage::security ? 1 : 3;
    asked_next_ = wants_next_ && !continues_;
    put(pdu, 0, 1, kLogin | 0x40U);
    put(pdu, 1, 1, (asked_next_ ? kTransit | next : 0U) | stage << 2U);
    put(pdu, 5, 3, text.size());
    put(pdu, 8, 1, 0x80);  // a random ISID, [RFC 7143 11.12.5]
    put(pdu, 9, 5, options_.isid);
    put(pdu, 24, 4, agreed_.cmd_sn);
    put(pdu, 28, 4, agreed_.exp_stat_sn);
    std::memcpy(pdu.data() + kHeaderSize, text.data(), text.size());
    return pdu;
}

void Login::check_status(const Header& header) const {
    if ((get8(header, 0) & 0x3FU) != kLoginResponse) {
        throw Failure("what answers is no iSCSI target", "another service has this port",
                      "name the target's port: iscsi://HOST:PORT/…");
    }
    const unsigned code = unsigned{get8(header, 36)} << 8U | get8(header, 37);
    if (code != 0) {
        const auto at = received_.find("TargetAddress=");
        const std::size_t begin =
            at == std::string::npos ? received_.size() : at + std::strlen("TargetAddress=");
        throw refused(whom(), code, received_.substr(begin, received_.find('\0', begin) - begin));
    }
    if (exchanges_ > kMaxExchanges || received_.size() > kMaxText) {
        throw Failure("the login to " + whom() + " does not end", "the target asks for more again and again",
                      "look at the target's log");
    }
}

void Login::response(const Header& header, std::span<const std::byte> data) {
    const std::size_t before = received_.size();
    received_.resize(before + data.size());
    std::memcpy(received_.data() + before, data.data(), data.size());
    ++exchanges_;
    check_status(header);
    agreed_.exp_stat_sn = get32(header, 24) + 1;
    agreed_.max_cmd_sn = get32(header, 32);
    const unsigned flags = get8(header, 1);
    continues_ = (flags & kContinue) != 0;
    if (continues_) {
        return;
    }
    Keys keys;
    const std::string text = std::exchange(received_, {});
    for (std::size_t at = 0; at < text.size();) {
        const std::string one = text.substr(at, text.find('\0', at) - at);
        at += one.size() + 1;
        const std::size_t equals = one.find('=');
        if (equals != std::string::npos) {
            keys[one.substr(0, equals)] = one.substr(equals + 1);
        }
    }
    const bool transits = (flags & kTransit) != 0 && asked_next_;
    if (stage_ == Stage::security) {
        take_security(keys);
        if (transits) {
            ask_operational();
        }
    } else {
        take_operational(keys);
        if (transits) {
            settle();
        }
    }
}

void Login::take_security(const Keys& keys) {
    if (const auto method = keys.find("AuthMethod"); method != keys.end()) {
        if (method->second == "CHAP" && options_.credentials) {
            // Strongest first; every target has MD5.
            text_ = pair("CHAP_A", "8,7,6,5");
            return;
        }
        if (method->second != "None") {
            throw Failure("the target asks for the authentication method \"" + method->second + "\"",
                          options_.credentials ? "it takes neither CHAP nor logins without a proof"
                                               : "it lets nobody in without a user and a password",
                          options_.credentials ? "set up CHAP at the target"
                                               : "put them into the URL: iscsi://USER:PASSWORD@HOST/…");
        }
        wants_next_ = true;
    }
    if (keys.contains("CHAP_C")) {
        answer_challenge(keys);
        wants_next_ = true;
    }
}

void Login::answer_challenge(const Keys& keys) {
    const auto value = [&](const char* key) {
        const auto found = keys.find(key);
        return found == keys.end() ? std::string{} : found->second;
    };
    const auto challenge = iscsi::parse_binary(value("CHAP_C"), iscsi::kMaxChallengeBytes);
    const auto identifier = iscsi::parse_number(value("CHAP_I"));
    const auto algorithm = iscsi::parse_number(value("CHAP_A"));
    const auto known = std::ranges::find_if(iscsi::kChapAlgorithms, [&](iscsi::ChapAlgorithm each) {
        return algorithm == static_cast<std::uint64_t>(each);
    });
    if (!challenge || !identifier || *identifier > 255 || known == iscsi::kChapAlgorithms.end() ||
        !options_.credentials) {
        throw Failure("the target's CHAP challenge is not understood", "it answers what nobody offered",
                      "look at the target's log");
    }
    const auto response = iscsi::chap_response(*known, static_cast<std::uint8_t>(*identifier),
                                               options_.credentials->password, *challenge);
    if (!response) {
        throw Failure("the CHAP algorithm that the target chose cannot be computed here",
                      "the cryptographic library refuses it, as it does with MD5 in FIPS mode",
                      "let the target offer SHA-256");
    }
    text_ = pair("CHAP_N", options_.credentials->user) + pair("CHAP_R", iscsi::to_hex(response->bytes()));
}

void Login::ask_operational() {
    stage_ = Stage::operational;
    wants_next_ = true;
    const auto digest = [](bool wanted) { return wanted ? "CRC32C" : "None"; };
    text_ = pair("HeaderDigest", digest(options_.digests.header)) +
            pair("DataDigest", digest(options_.digests.data)) +
            pair("MaxRecvDataSegmentLength", std::to_string(kMaxReceiveSegment)) +
            pair("MaxBurstLength", "1048576") + pair("FirstBurstLength", "262144") +
            pair("InitialR2T", "No") + pair("ImmediateData", "Yes") + pair("MaxOutstandingR2T", "8") +
            pair("MaxConnections", "1") + pair("ErrorRecoveryLevel", "0") + pair("DefaultTime2Wait", "0") +
            pair("DefaultTime2Retain", "0");
}

void Login::take_operational(const Keys& keys) {
    const auto boolean = [&](const char* key, bool& into) {
        if (const auto found = keys.find(key); found != keys.end()) {
            into = iscsi::parse_boolean(found->second).value_or(into);
        }
    };
    const auto bytes = [&](const char* key, std::size_t& into) {
        const auto found = keys.find(key);
        const auto value = found == keys.end() ? std::nullopt : iscsi::parse_number(found->second);
        if (value && *value >= 512 && *value <= 0xFFFFFF) {
            into = *value & ~std::size_t{3};
        }
    };
    const auto crc = [&](const char* key, bool& into) {
        if (const auto found = keys.find(key); found != keys.end()) {
            into = found->second == "CRC32C";
        }
    };
    bytes("MaxRecvDataSegmentLength", agreed_.max_send_segment);
    bytes("FirstBurstLength", agreed_.first_burst);
    boolean("ImmediateData", agreed_.immediate_data);
    boolean("InitialR2T", agreed_.initial_r2t);
    crc("HeaderDigest", agreed_.header_digest);
    crc("DataDigest", agreed_.data_digest);
}

void Login::settle() {
    if (agreed_.header_digest != options_.digests.header || agreed_.data_digest != options_.digests.data) {
        throw Failure("the target does not agree to the digests that were asked for",
                      "its configuration asks for others",
                      "choose with --digests none, header, data or both");
    }
    agreed_.first_burst = std::min<std::size_t>(agreed_.first_burst, 262144);
    stage_ = Stage::done;
}

}  // namespace targe::initiator
