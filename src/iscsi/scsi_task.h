// A SCSI command on its way through a connection.
#pragma once

#include "base/core.h"
#include "base/intrusive_list.h"
#include "iscsi/data_out.h"
#include "iscsi/pdu_scsi.h"
#include "iscsi/response.h"
#include "iscsi/segment_cursor.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace targe::iscsi {

/// What can wait for its turn to be sent.
class Outgoing : public base::ListHook<struct OutgoingTag> {
public:
    enum class Kind : std::uint8_t { control, task };
    explicit Outgoing(Kind kind) : kind_(kind) {}
    [[nodiscard]] Kind kind() const { return kind_; }

private:
    Kind kind_;
};

/// Whether a function concerns what was sent to this LUN.
using ConcernsLun = std::function<bool(Lun)>;

/// Belongs to the host, which derives its own from it and keeps it from Host::new_task() until
/// Host::task_ended(); then it may be handed out again.
class ScsiTask : public Outgoing, public base::ListHook<struct AwaitingDataTag> {
public:
    static constexpr std::size_t kMaxCdbSize = 260;

    ScsiTask() : Outgoing(Kind::task) {}

    [[nodiscard]] TaskTag tag() const { return tag_; }
    [[nodiscard]] Lun lun() const { return lun_; }
    [[nodiscard]] CmdSn cmd_sn() const { return cmd_sn_; }
    [[nodiscard]] TaskAttribute attribute() const { return attribute_; }
    [[nodiscard]] bool immediate() const { return immediate_; }
    /// 16 bytes, or more where the command came with an extended CDB.
    [[nodiscard]] std::span<const std::byte> cdb() const { return std::span{cdb_}.first(cdb_size_); }
    /// The R and W bits. Never trusted, only compared with what the CDB means.
    [[nodiscard]] bool read() const { return read_; }
    [[nodiscard]] bool write() const { return write_; }
    [[nodiscard]] bool bidirectional() const { return read_ && write_; }
    [[nodiscard]] std::uint32_t expected_data_out() const { return write_ ? expected_ : 0; }
    [[nodiscard]] std::uint32_t expected_data_in() const {
        if (!read_) {
            return 0;
        }
        return write_ ? expected_bidirectional_ : expected_;
    }

private:
    friend class Connection;
    friend class Transmitter;
    friend class TaskTable;

    enum class State : std::uint8_t {
        idle,
        active,      ///< the host's turn, or the initiator's to send data
        draining,    ///< the response waits for the data of open sequences to pass by
        responding,  ///< the response waits its turn
        leaving,     ///< the last PDU of the response is being sent
        ending,      ///< over, but a receive into its memory is under way
    };

    TaskTag tag_;
    Lun lun_;
    CmdSn cmd_sn_;
    std::uint64_t arrival_ = 0;  ///< among the tasks of the connection
    TaskAttribute attribute_ = TaskAttribute::simple;
    State state_ = State::idle;
    bool immediate_ = false;
    bool read_ = false;
    bool write_ = false;
    Delivery delivery_ = Delivery::lost;  ///< in State::ending
    std::uint32_t expected_ = 0;
    std::uint32_t expected_bidirectional_ = 0;
    ScsiTask* next_of_bucket_ = nullptr;

    base::Segments into_;           ///< the host's memory for data-out
    std::vector<std::byte> early_;  ///< unsolicited data that came before that memory
    base::Time waiting_since_{};

    Response response_;
    SegmentCursor<base::ConstSegment> data_in_;
    std::uint32_t data_in_sent_ = 0;
    std::uint32_t data_in_size_ = 0;
    std::uint32_t burst_sent_ = 0;    ///< of the Data-In sequence under way
    std::uint32_t next_data_sn_ = 0;  ///< numbers Data-In and R2T PDUs alike, [RFC 7143 11.8.1]

    // Last what is large and of which an ordinary command touches only the beginning: some thirty commands in
    // flight are to stay in the cache that is next to the processor.
    DataOut data_out_;
    std::uint16_t cdb_size_ = ScsiCommandPdu::kCdbSize;
    std::array<std::byte, kMaxCdbSize> cdb_;
};

}  // namespace targe::iscsi
