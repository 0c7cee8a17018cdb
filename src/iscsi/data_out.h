// How the data of one write come in: immediate, unsolicited, and asked for with R2T.
#pragma once

#include "base/buffer.h"
#include "iscsi/pdu_scsi.h"
#include "iscsi/response.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace targe::iscsi {

/// Data-Out PDUs that belong together: the unsolicited ones of a command, or those that answer one R2T.
struct DataSequence {
    TransferTag tag{kReservedTag};
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    std::uint32_t received = 0;
    std::uint32_t next_data_sn = 0;
    bool open = false;  ///< until its PDU with the F bit, whatever went wrong before
};

/// What a session has agreed on about data-out.
struct DataOutRules {
    bool immediate_data = true;
    bool initial_r2t = true;
    std::uint32_t first_burst_length = 65536;
    std::uint32_t max_burst_length = 262144;
    std::uint16_t max_outstanding_r2t = 1;
};

/// One Data-Out PDU, as far as it matters here.
struct DataOutSegment {
    TransferTag tag{kReservedTag};
    std::uint32_t data_sn = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    bool final = false;
};

/// An R2T that is to be sent.
struct ReadyToTransfer {
    TransferTag tag;
    std::uint32_t offset;
    std::uint32_t length;
};

/// State of one task's data-out. Pure bookkeeping: no byte of data passes through it.
///
/// A response may leave only when no sequence is open any more, [RFC 7143 11.4.2], so what fails or is
/// not wanted is still followed to its F bit.
class DataOut {
public:
    /// No session of ours has more R2Ts of one task under way, whatever was negotiated.
    static constexpr std::size_t kMaxOutstanding = 8;

    /// A command with `immediate` bytes in its own PDU has come; `final` is its F bit.
    void begin(const DataOutRules& rules, std::uint32_t expected, std::uint32_t immediate, bool final);
    /// The immediate data have been received to their end.
    void immediate_received() { immediate_open_ = false; }

    /// The open sequence with this tag, the reserved one for unsolicited data; null where there is none.
    [[nodiscard]] DataSequence* find(TransferTag tag);
    /// Whether `segment` is the one that must come next. If not, fail() has been called.
    bool check(const DataSequence& sequence, const DataOutSegment& segment);
    /// The segment has been received to its end.
    void received(DataSequence& sequence, const DataOutSegment& segment);

    /// Unsolicited data came for which there was no leave.
    void unexpected() { fail(DataOutFailure::unexpected_unsolicited); }
    /// The first reason counts. No more R2Ts will be sent.
    void fail(DataOutFailure reason);
    [[nodiscard]] std::optional<DataOutFailure> failure() const { return failure_; }

    /// The host has memory for the first `wanted` bytes.
    void accept(std::uint32_t wanted);
    /// No more R2Ts: the task has its response, or is gone.
    void stop() { stopped_ = true; }

    /// Whether an R2T may be sent now.
    [[nodiscard]] bool wants_r2t() const;
    /// The next one, which from now on is under way. wants_r2t() holds.
    [[nodiscard]] ReadyToTransfer next_r2t(TransferTag tag);

    /// Data may still come.
    [[nodiscard]] bool open() const { return immediate_open_ || unsolicited_.open || outstanding_ != 0; }

    enum class Verdict : std::uint8_t { pending, complete, failed };
    /// Whether the host is to be told, once, that all it wanted is here or that it will not come.
    [[nodiscard]] Verdict settle();

    [[nodiscard]] bool accepted() const { return accepted_; }
    [[nodiscard]] std::uint32_t wanted() const { return wanted_; }

private:
    DataOutRules rules_;
    std::uint32_t expected_ = 0;
    std::uint32_t wanted_ = 0;
    std::uint32_t arrived_ = 0;         ///< bytes received in good order
    std::uint32_t solicited_from_ = 0;  ///< the next R2T begins here
    std::uint16_t outstanding_ = 0;
    bool accepted_ = false;
    bool stopped_ = false;
    bool settled_ = false;
    bool immediate_open_ = false;
    std::optional<DataOutFailure> failure_;
    DataSequence unsolicited_;
    std::array<DataSequence, kMaxOutstanding> solicited_;
};

}  // namespace targe::iscsi
