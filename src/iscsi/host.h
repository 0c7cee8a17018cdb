// What a connection asks of whoever serves its commands.
#pragma once

#include "iscsi/login.h"
#include "iscsi/pdu_scsi.h"
#include "iscsi/pdu_session.h"
#include "iscsi/scsi_task.h"

#include <cstdint>
#include <string_view>

namespace targe::iscsi {

/// A task management function that the host has to carry out. The connection's own; valid until
/// Connection::management_done().
struct ManagementRequest {
    TaskFunction function{};
    Lun lun;
    /// Of ABORT TASK and QUERY TASK, where it is never null. Only until Host::task_management() returns or
    /// the task ends.
    ScsiTask* task = nullptr;
    TaskTag tag;  ///< of the request itself
    // The connection's own.
    TaskTag referenced{};
    std::uint64_t arrival = 0;
    bool in_use = false;
};

/// Serves one connection. Every call comes on the connection's core, from within a call to the connection,
/// and may call the connection back at once, but for Connection::transport_lost(), received(), sent() and
/// tick(); nor may it end the connection, except in closed().
class Host {
public:
    Host() = default;
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    /// A login is agreed. Answer with Connection::established() or refused(), now or later: later
    /// when sessions that this one replaces have to end first.
    virtual void establish(const Establish& login) = 0;

    /// A task that nobody uses, or null: the command is then answered BUSY. At most
    /// ConnectionOptions::command_window + max_immediate_commands + kMaxEnding are ever wanted at once.
    [[nodiscard]] virtual ScsiTask* new_task() = 0;
    /// A command in its turn. Answer with Connection::accept_data(), respond() or abandon(), now or later.
    virtual void command(ScsiTask& task) = 0;
    /// What accept_data() asked for is in the host's memory. May be called from within accept_data().
    virtual void data_out_complete(ScsiTask& task) = 0;
    /// The data cannot be had: respond with the sense data that belong to the reason. Called only after
    /// accept_data(), perhaps from within it, and instead of data_out_complete(). Its response is BUSY, not
    /// CHECK CONDITION, for DataOutFailure::no_room.
    virtual void data_out_failed(ScsiTask& task, DataOutFailure reason) = 0;
    /// Called once for every task that new_task() returned: its memory, its segment lists and the memory
    /// they name are not touched any more.
    virtual void task_ended(ScsiTask& task, Delivery delivery) = 0;

    /// Whether both name one logical unit: a number may be written in several forms. Not on the path of
    /// commands, and not asked where they are equal.
    [[nodiscard]] virtual bool name_one_unit(Lun one, Lun other) const = 0;
    /// Answer with Connection::management_done() when no affected command can act any more.
    virtual void task_management(ManagementRequest& request) = 0;

    /// The answer to the last Connection::ask_for_receipt().
    virtual void receipt_confirmed() = 0;
    /// The initiator ends the session: every task of the connection is to be answered or abandoned soon.
    /// Answer with Connection::session_ended() once nothing of the session can act any more.
    virtual void logout() = 0;
    /// The last call: after Connection::transport_lost(), when every task has ended and every
    /// management request has been answered. The connection may be destroyed in it.
    virtual void closed() = 0;

    /// Something that an administrator may want to know. Not on the path of good commands.
    virtual void log(std::string_view what) = 0;

protected:
    ~Host() = default;
};

}  // namespace targe::iscsi
