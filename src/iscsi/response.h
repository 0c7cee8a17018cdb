// How a SCSI command ends, as its host tells the connection.
#pragma once

#include "base/buffer.h"
#include "base/pages.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::iscsi {

/// What the command would have moved against what the initiator expected, in one direction.
struct Residual {
    enum class Kind : std::uint8_t { none, underflow, overflow };
    Kind kind = Kind::none;
    std::uint32_t bytes = 0;
    bool operator==(const Residual&) const = default;
};

/// The sense bytes, the segment list and the memory that it names stay in place and unchanged until
/// Host::task_ended(), but for data that say that they may change: where data digests are in force those are
/// copied just before they are sent.
struct Response {
    std::uint8_t status = 0;
    std::span<const std::byte> sense = {};
    base::ConstSegments data_in = {};  ///< what lies past the expected length is not sent
    base::Piped data_in_piped = {};    ///< instead; only where takes_pages() said so
    Residual residual_out = {};
    Residual residual_in = {};
    bool data_in_may_change = false;
};

/// Why the data of a write cannot be had. Each has its sense data in [RFC 7143 11.4.7.2].
enum class DataOutFailure : std::uint8_t {
    digest_error,            ///< 0B/47/05; also for data PDUs that are missing or out of order
    unexpected_unsolicited,  ///< 0B/0C/0C
    incorrect_amount,        ///< 0B/0C/0D
    no_room,                 ///< data came before the host had memory for it, more than may be kept: BUSY
};

/// What became of a task's response.
enum class Delivery : std::uint8_t {
    delivered,  ///< all of it was handed to the stream
    lost,       ///< the connection went first
    abandoned,  ///< there was none: the task was aborted
};

}  // namespace targe::iscsi
