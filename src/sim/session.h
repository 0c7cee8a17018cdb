// An iSCSI session as its initiator has it.
#pragma once

#include "iscsi/pdu_scsi.h"
#include "iscsi/pdu_session.h"
#include "sim/link.h"
#include "sim/pdu_stream.h"
#include "sim/protocol_checker.h"
#include "sim/referee.h"
#include "sim/task.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace targe::sim {

/// Whoever has the session: told what arrives.
class SessionUser {
public:
    virtual void ended(Task& task) = 0;
    virtual void ended(Function& function) = 0;
    /// The last call: the connection is no more, or was never good.
    virtual void session_over() = 0;

protected:
    ~SessionUser() = default;
};

struct SessionSettings {
    InitiatorIndex initiator = 0;
    std::uint64_t number = 0;  ///< of the run
    std::string initiator_name;
    std::string target_name;
    std::uint64_t initiator_session_id = 0;
    bool initial_r2t = true;
    bool immediate_data = true;
    std::uint32_t max_burst = 16384;
    std::uint32_t first_burst = 4096;
    std::uint32_t max_receive = 8192;
};

class Session final : public LinkUser {
public:
    Session(World& world, Referee& referee, SessionUser& user, SessionSettings settings);
    ~Session();

    /// Over this connection, which it lets go of when it ends.
    void log_in(std::shared_ptr<Link> link);
    [[nodiscard]] bool is_new() const { return state_ == State::logging_in; }
    [[nodiscard]] bool is_up() const { return state_ == State::up; }
    [[nodiscard]] std::uint64_t number() const { return settings_.number; }
    /// Whether the target takes another command that is not immediate.
    [[nodiscard]] bool may_send() const {
        return is_up() && static_cast<std::int32_t>(max_cmd_sn_ - cmd_sn_) >= 0;
    }
    [[nodiscard]] std::size_t outstanding() const { return tasks_.size(); }
    /// Tasks that its initiator waits for.
    [[nodiscard]] std::vector<Task*> waiting() const;

    void send(Task& task);
    void send(Function& function);
    void log_out();
    /// Cuts the connection: session_over() is not called.
    void drop();

    void emitted(std::span<const std::byte> bytes) override;
    void arrived(std::uint64_t total) override;
    void consumed(std::uint64_t total) override;
    void broken() override;
    void lost() override;

private:
    enum class State : std::uint8_t { logging_in, up, logging_out, over };
    struct Arriving {
        std::uint64_t end;
        Pdu pdu;  ///< none (a NOP-Out): only word of a task that a function has ended
        Task* task = nullptr;
        Function* function = nullptr;
    };

    void put(const Pdu& pdu);
    [[nodiscard]] Pdu request(iscsi::Opcode opcode);
    void send_data(const Task& task, std::uint32_t transfer, std::uint32_t offset, std::uint32_t size);

    // As it is sent by the target.
    void emit(Pdu pdu);
    void emit_login(const Pdu& pdu);
    void emit_data_in(Task& task, const Pdu& pdu);
    void emit_status(Task& task, const Pdu& pdu);
    void emit_function(Arriving& arriving);
    void emit_reject(Arriving& arriving);
    [[nodiscard]] Task* find(const Pdu& pdu);

    // As it arrives.
    void arrive(Arriving& arriving);
    void arrive_login(const Pdu& pdu);
    void arrive_nop(const Pdu& pdu);
    void arrive_r2t(const Task& task, const Pdu& pdu);
    void over();

    World& world_;
    Referee& referee_;
    SessionUser& user_;
    SessionSettings settings_;
    ProtocolChecker protocol_;
    std::shared_ptr<Link> link_;
    PduStream stream_;
    std::deque<Arriving> arriving_;
    State state_ = State::logging_in;
    bool began_ = false;         ///< the target has said that the session exists
    bool perhaps_lost_ = false;  ///< the referee knows
    std::uint32_t cmd_sn_ = 1;
    std::uint32_t max_cmd_sn_ = 1;
    std::uint32_t next_tag_ = 1;
    std::uint64_t sequence_ = 0;
    std::uint32_t target_max_receive_ = 8192;
    std::map<std::uint32_t, Task*> tasks_;  ///< by tag; what the initiator waits for
    std::map<std::uint32_t, Function*> functions_;
    std::deque<std::pair<std::uint64_t, Task*>> under_way_;  ///< where in the stream each request ends
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace targe::sim
