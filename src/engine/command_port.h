// What a nexus asks of its transport.
#pragma once

#include "engine/command.h"
#include "engine/task_management.h"
#include "scsi/sense.h"

#include <cstdint>

namespace targe::engine {

/// Implemented by the transport, one for each nexus; called on the nexus's core only, and also from inside
/// Nexus::submit(), data_out_arrived(), retire() and manage(). It may call the nexus back at once, except
/// that it does not destroy it.
class CommandPort {
public:
    /// Ask the initiator for data: command.data_out says how much and where to put it. Data that came with
    /// the command goes to the front of it. When all is there: Nexus::data_out_arrived().
    virtual void data_out_wanted(Command& command) = 0;
    /// Status, sense, data-in and residuals are final. Send them, then Nexus::retire().
    /// Comes without data_out_wanted() when the command takes no data, or was refused.
    virtual void completed(Command& command) = 0;
    /// The command was aborted and gets no response. Stop using its buffers, then Nexus::retire().
    virtual void dropped(Command& command) = 0;
    /// A device has let go of a command that Nexus::retire() kept: it may be reset and used again.
    virtual void let_go(Command& command) = 0;
    /// request.response is final.
    virtual void managed(TaskManagement& request) = 0;
    /// Say Nexus::received() when the initiator has all that was sent, and all that completed() was called
    /// for, until now. Of transports that take pages.
    virtual void receipt_wanted() {}
    /// A unit attention was queued for logical unit `lun` (encoded as in REPORT LUNS) of this nexus. For
    /// transports that can tell the initiator at once; the unit attention stays queued all the same, because
    /// initiators may ignore such news.
    virtual void unit_event(std::uint64_t /*lun*/, const scsi::Sense& /*sense*/) {}

protected:
    ~CommandPort() = default;
};

}  // namespace targe::engine
