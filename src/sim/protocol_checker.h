// What every PDU of the target must hold to, whatever it is about.
#pragma once

#include "sim/pdu_stream.h"
#include "sim/referee.h"
#include "sim/task.h"

#include <cstdint>
#include <string>

namespace targe::sim {

/// Of one session. Numbers never go back, nothing is answered twice, data are whole and in order.
class ProtocolChecker {
public:
    ProtocolChecker(Referee& referee, std::uint64_t session) : referee_(referee), session_(session) {}

    /// The target has sent it. `last_cmd_sn` is the newest number that the initiator has used.
    void sent(const Pdu& pdu, std::uint32_t last_cmd_sn);
    /// It is about a task that is not under way: never sent, answered, or ended by the initiator's function.
    void stray(const Pdu& pdu);
    void data_in(const Task& task, const Pdu& pdu);
    void status(const Task& task, const Pdu& pdu);
    void ready_to_transfer(const Task& task, const Pdu& pdu, std::uint32_t max_burst);

private:
    void numbers(const Pdu& pdu, std::uint32_t last_cmd_sn);
    void fail(const std::string& what);

    Referee& referee_;
    std::uint64_t session_;
    bool begun_ = false;
    std::uint32_t stat_sn_ = 0;  ///< expected next
    std::uint32_t exp_cmd_sn_ = 0;
    std::uint32_t max_cmd_sn_ = 0;
};

}  // namespace targe::sim
