// SendTargets, and the other text requests of the full feature phase, [RFC 7143 Appendix C, 6.4].
#pragma once

#include "iscsi/directory.h"
#include "iscsi/negotiation.h"
#include "iscsi/text.h"

#include <expected>
#include <string>
#include <string_view>

namespace targe::iscsi {

/// The session in which a text request came.
struct TextSession {
    const Directory& directory;
    const Viewpoint& from;
    SessionType type = SessionType::normal;
    std::string_view target_name = {};  ///< of a normal session
};

/// Answers a text request that is complete. `negotiation` is that of its exchange, in which the initiator may
/// declare another MaxRecvDataSegmentLength once. The error, a reason for the log, means that the request is
/// to be rejected as a protocol error, and that the exchange is over.
[[nodiscard]] std::expected<TextAnswer, std::string> answer_text(std::string_view text,
                                                                 const TextSession& session,
                                                                 Negotiation& negotiation);

}  // namespace targe::iscsi
