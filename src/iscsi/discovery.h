// SendTargets, and the other text requests of the full feature phase, [RFC 7143 Appendix C, 6.4].
#pragma once

#include "iscsi/directory.h"
#include "iscsi/parameters.h"
#include "iscsi/text.h"

#include <expected>
#include <string_view>

namespace targe::iscsi {

/// The session in which a text request came.
struct TextSession {
    const Directory& directory;
    const Viewpoint& from;
    SessionType type = SessionType::normal;
    std::string_view target_name = {};  ///< of a normal session
};

/// Answers a text request that is complete. `parameters` changes where the initiator declares
/// another MaxRecvDataSegmentLength. An error means that the request is to be rejected as a protocol error.
[[nodiscard]] std::expected<TextAnswer, TextError> answer_text(std::string_view text,
                                                               const TextSession& session,
                                                               SessionParameters& parameters);

}  // namespace targe::iscsi
