// A text request of the full feature phase that takes more than one PDU, [RFC 7143 6.2, 11.10].
#pragma once

#include "iscsi/negotiation.h"
#include "iscsi/pdu.h"
#include "iscsi/text.h"

namespace targe::iscsi {

/// From a request to the response with the F bit.
struct TextExchange {
    TaskTag tag;
    /// What holds from its end on, and which keys it has settled, [RFC 7143 6.4].
    Negotiation negotiation;
    /// What the initiator has to send with its next request of this exchange.
    TransferTag transfer = {};
    TextAccumulator question{};
    TextAnswer answer = {};
    bool answering = false;  ///< the question was complete; the rest of the answer follows
};

}  // namespace targe::iscsi
