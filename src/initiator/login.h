// The initiator's side of a login: one connection, a normal session, CHAP when there are credentials.
#pragma once

#include "initiator/pdu.h"
#include "initiator/url.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace targe::initiator {

struct Digests {
    bool header = false;
    bool data = false;
};

struct LoginOptions {
    std::string target;
    std::string initiator = "iqn.2026-11.io.targe:bench";
    std::uint32_t isid = 1;  ///< its qualifier: sessions of one initiator with one target differ in it
    std::optional<Credentials> credentials;
    Digests digests;  ///< asked for; a target that does not agree is a failure
};

/// What both sides agreed on, as far as it matters to a sender, [RFC 7143 13].
struct Agreed {
    std::size_t max_send_segment = 8192;  ///< the target's MaxRecvDataSegmentLength
    std::size_t first_burst = 65536;
    bool immediate_data = true;
    bool initial_r2t = true;
    bool header_digest = false;
    bool data_digest = false;
    // The sequence numbers that the session goes on with.
    std::uint32_t cmd_sn = 1;
    std::uint32_t max_cmd_sn = 1;
    std::uint32_t exp_stat_sn = 0;
};

/// What we take in one PDU.
inline constexpr std::size_t kMaxReceiveSegment = std::size_t{256} << 10U;

/// No socket: whoever has one sends request(), gives the answer to response(), and does so until done(). All
/// three throw Failure when the target refuses, or breaks the protocol.
class Login {
public:
    explicit Login(const LoginOptions& options);

    /// The next PDU, whole.
    [[nodiscard]] std::vector<std::byte> request();
    void response(const Header& header, std::span<const std::byte> data);
    [[nodiscard]] bool done() const { return stage_ == Stage::done; }
    [[nodiscard]] const Agreed& agreed() const { return agreed_; }

private:
    using Keys = std::map<std::string, std::string, std::less<>>;
    enum class Stage : std::uint8_t { security = 0, operational = 1, done = 3 };

    void check_status(const Header& header) const;
    void take_security(const Keys& keys);
    void answer_challenge(const Keys& keys);
    void take_operational(const Keys& keys);
    void ask_operational();
    void settle();
    [[nodiscard]] std::string whom() const;

    LoginOptions options_;
    Stage stage_ = Stage::security;
    std::string text_;         ///< of the next request
    bool wants_next_ = true;   ///< the next request asks for the next stage
    bool asked_next_ = false;  ///< the last one did
    bool continues_ = false;   ///< the target's answer goes on in its next response
    std::string received_;     ///< of such an answer, so far
    unsigned exchanges_ = 0;
    Agreed agreed_;
};

}  // namespace targe::initiator
