// A PDU that is sent as it is: everything but the data and status of commands.
#pragma once

#include "iscsi/pdu.h"
#include "iscsi/scsi_task.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace targe::iscsi {

/// Which sequence numbers the transmitter puts into it.
enum class Numbering : std::uint8_t {
    response,  ///< takes a StatSN
    notice,    ///< carries the next StatSN without taking it, [RFC 7143 11.19]
    complete,  ///< all of them are there: login responses
};

struct ControlPdu : Outgoing {
    ControlPdu() : Outgoing(Kind::control) {}

    Header header{};
    std::vector<std::byte> data;
    Numbering numbering = Numbering::response;
};

/// Control PDUs that are recycled with the room for their data.
class ControlPool {
public:
    ControlPool() = default;
    ControlPool(const ControlPool&) = delete;
    ControlPool& operator=(const ControlPool&) = delete;
    ~ControlPool();

    /// Cleared.
    [[nodiscard]] ControlPdu& take();
    void give_back(ControlPdu& pdu);
    /// How many are out, which is what a peer can make wait that sends without reading.
    [[nodiscard]] std::size_t out() const { return out_; }
    [[nodiscard]] std::size_t bytes_out() const { return bytes_out_; }
    /// To be called when the data of a PDU that is out are complete.
    void account(const ControlPdu& pdu) { bytes_out_ += pdu.data.size(); }

private:
    static constexpr std::size_t kKept = 32;
    static constexpr std::size_t kKeptBytes = 1024;

    base::IntrusiveList<Outgoing, struct OutgoingTag> free_;
    std::size_t free_count_ = 0;
    std::size_t out_ = 0;
    std::size_t bytes_out_ = 0;
};

}  // namespace targe::iscsi
