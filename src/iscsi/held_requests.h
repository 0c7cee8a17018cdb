// Requests that came before their turn, [RFC 7143 4.2.2.1].
#pragma once

#include "iscsi/held_memory.h"
#include "iscsi/pdu.h"
#include "iscsi/scsi_task.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace targe::iscsi {

struct HeldPdu {
    Header header{};
    std::vector<std::byte> additional = {};
    std::vector<std::byte> data = {};
    bool data_is_good = true;
};

/// A gap in the numbers is rare on a single connection, so this may allocate. What it holds is bounded: by
/// the limit in bytes, and because all its numbers are of the command window.
class HeldRequests {
public:
    /// `shared` may be null, and outlives this.
    explicit HeldRequests(std::size_t limit_bytes, HeldMemory* shared = nullptr)
        : limit_bytes_(limit_bytes), shared_(shared) {}
    HeldRequests(const HeldRequests&) = delete;
    HeldRequests& operator=(const HeldRequests&) = delete;
    ~HeldRequests() { give_back(bytes_); }

    [[nodiscard]] bool empty() const { return held_.empty(); }
    /// One with this number is here already.
    [[nodiscard]] bool contains(CmdSn number) const;
    /// A SCSI command with this tag waits here: its data-out has to wait with it.
    [[nodiscard]] bool holds_command(TaskTag tag) const;

    /// False, and nothing is kept, when there is no room.
    [[nodiscard]] bool add(CmdSn number, HeldPdu pdu);
    /// A Data-Out for the command that holds_command(tag).
    [[nodiscard]] bool add_data(TaskTag tag, HeldPdu pdu);
    /// The number, of the command window, counts as received, [RFC 7143 11.5.5]; the request, when it is
    /// here, is forgotten.
    void skip(CmdSn number);
    /// Forgets all SCSI commands that are concerned and older than `before`: a task management function has
    /// ended them. Their numbers count as received.
    void skip_commands(const ConcernsLun& concerned, CmdSn before);
    /// Forgets the command, when it is here and concerned.
    [[nodiscard]] bool skip_command(TaskTag tag, const ConcernsLun& concerned);

    /// The request with this number and its data, taken out; no PDUs where the number is to be skipped.
    [[nodiscard]] std::optional<std::vector<HeldPdu>> take(CmdSn number);

private:
    struct Entry {
        CmdSn number;
        std::vector<HeldPdu> pdus;
    };
    [[nodiscard]] bool reserve(const HeldPdu& pdu);
    void give_back(std::size_t bytes);
    void forget(Entry& entry);

    std::size_t limit_bytes_;
    HeldMemory* shared_;
    std::size_t bytes_ = 0;
    std::vector<Entry> held_;
};

}  // namespace targe::iscsi
