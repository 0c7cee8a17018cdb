// The login phase of one connection, [RFC 7143 6.3], from its first PDU to the full feature phase.
#pragma once

#include "iscsi/directory.h"
#include "iscsi/parameters.h"
#include "iscsi/pdu_session.h"
#include "iscsi/random_source.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace targe::iscsi {

/// A PDU to send. DataSegmentLength is filled in; padding is the writer's.
struct LoginPdu {
    Header header{};
    std::string data;
};

/// Send the PDU and wait for the next request.
struct LoginContinue {
    LoginPdu response;
};

/// Send the PDU, then close the connection.
struct LoginRefused {
    LoginPdu response;
    LoginStatus status = LoginStatus::initiator_error;
    std::string reason;  ///< for the log
};

/// Close the connection without a word: what came first was no login, [RFC 7143 6.3].
struct LoginDropped {
    std::string reason;
};

/// All is agreed. The final response is withheld until LoginMachine::established() or refused() is
/// called, because a session that this one replaces must first be torn down safely, [RFC 7143 6.3.5].
struct Establish {
    std::string initiator_name;
    std::string initiator_chap_name;          ///< empty when nobody had to prove anything
    std::uint64_t initiator_session_id = 0;   ///< ISID, 48 bits
    std::uint16_t target_session_handle = 0;  ///< TSIH of the request: 0 asks for a new session
    std::uint16_t connection_id = 0;
    SessionType type = SessionType::normal;
    std::string target_name;  ///< empty in discovery
    std::uint16_t portal_group_tag = 0;
    /// Where target_session_handle is not 0 only what belongs to the connection counts.
    SessionParameters parameters;
    CmdSn exp_cmd_sn;  ///< of the first command that is not immediate
    StatSn stat_sn;    ///< of the first response after the final login response
};

using LoginStep = std::variant<LoginContinue, LoginRefused, LoginDropped, Establish>;

/// What the connection knows before its first PDU.
struct LoginContext {
    Viewpoint from;                     ///< the initiator's name is filled in by the machine
    std::uint32_t command_window = 32;  ///< MaxCmdSN - ExpCmdSN + 1 in login responses
    StatSn first_stat_sn = {};
};

/// Fed every PDU of a connection until it is established or over. No clock: a login that takes too
/// long is for the caller to end. After LoginRefused and LoginDropped nothing may be fed; after
/// Establish nothing until established() or refused() has been called.
class LoginMachine {
public:
    /// `directory` and `random` must outlive the machine.
    LoginMachine(const Directory& directory, RandomSource& random, LoginContext context);
    LoginMachine(LoginMachine&&) noexcept;
    LoginMachine& operator=(LoginMachine&&) noexcept;
    ~LoginMachine();

    /// `data` is the data segment without padding. No digests are in force yet.
    [[nodiscard]] LoginStep receive(HeaderView header, std::span<const std::byte> data);

    /// The final response: the session `target_session_handle` (never 0) exists now. A session that goes
    /// on over this connection says with `exp_cmd_sn` where it stands.
    [[nodiscard]] LoginPdu established(std::uint16_t target_session_handle,
                                       std::optional<CmdSn> exp_cmd_sn = {});

    /// Ends a login in the machine's stead, after Establish or at any time after the first request:
    /// too many sessions, no such session, shutting down.
    [[nodiscard]] LoginRefused refused(LoginStatus status, std::string_view reason);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace targe::iscsi
