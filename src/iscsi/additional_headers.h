// The additional header segments of a SCSI command, [RFC 7143 11.2.2].
#pragma once

#include "iscsi/pdu.h"

#include <cstdint>
#include <optional>

namespace targe::iscsi {

struct AdditionalHeaders {
    wire::Bytes cdb = {};  ///< what goes on after the 16 bytes of the basic header
    std::uint32_t bidirectional_read_length = 0;
};

/// Nothing where they do not make sense. Types that nobody knows are passed over.
[[nodiscard]] std::optional<AdditionalHeaders> read_additional_headers(wire::Bytes bytes);

}  // namespace targe::iscsi
