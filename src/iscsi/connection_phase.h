// How far a connection is.
#pragma once

#include "base/core.h"
#include "iscsi/pdu.h"

#include <cstdint>
#include <optional>

namespace targe::iscsi {

enum class ConnectionPhase : std::uint8_t {
    login,
    establishing,  ///< the host decides on the session
    full_feature,
    logging_out,  ///< the logout response waits for the last task
    last_words,   ///< over when all is sent
    over,         ///< over now
    lost,
};

/// Of ours, that awaits its answer.
struct Ping {
    std::optional<base::Time> sent;      ///< or when the latest of what is before it was
    bool waits = false;                  ///< not all of it has left
    std::optional<TransferTag> receipt;  ///< only its own answer will do: Connection::ask_for_receipt()
};

}  // namespace targe::iscsi
