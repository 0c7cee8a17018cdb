// The target's end of one iSCSI connection, which is all of its session.
#pragma once

#include "base/core.h"
#include "iscsi/command_window.h"
#include "iscsi/connection_options.h"
#include "iscsi/connection_phase.h"
#include "iscsi/held_requests.h"
#include "iscsi/host.h"
#include "iscsi/incoming_pdu.h"
#include "iscsi/login.h"
#include "iscsi/pdu_reader.h"
#include "iscsi/task_table.h"
#include "iscsi/text_exchange.h"
#include "iscsi/transmitter.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace targe::iscsi {

/// Login, full feature phase and end of a connection at ErrorRecoveryLevel 0 with MaxConnections 1.
///
/// The owner moves the bytes: it receives into receive_space() and sends what gather() names, one receive
/// and one send at a time, and calls tick() when next_deadline() has come. When is_over() says so after any
/// call, it closes the stream, lets the receive and the send under way end, and calls transport_lost().
/// Every task ends exactly once in Host::task_ended(), and Host::closed() is the last of all.
class Connection final : private TransmitListener {
public:
    /// All but the options outlive the connection. A zero duration in the options means "never".
    Connection(Host& host, const Directory& directory, RandomSource& random, const ConnectionOptions& options,
               base::Time now);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    // The stream.

    /// Where the next bytes should go, in order: into the memory of a write, where that is known, and into
    /// the connection's own. Empty while the connection takes nothing, because the peer reads nothing or a
    /// login waits: ask again after sent() or established(). Promises to call received(),
    /// transport_lost(), or this again when nothing came, in which case the earlier space is given up.
    [[nodiscard]] std::span<const base::Segment> receive_space();
    void received(std::size_t bytes, base::Time now);

    /// Up to out.size() segments to send, from the first byte not sent yet; how many. They stay in
    /// place until sent() or transport_lost().
    [[nodiscard]] std::size_t gather(std::span<base::ConstSegment> out) { return transmitter_.gather(out); }
    /// What comes behind them, before anything else can be gathered.
    [[nodiscard]] base::Piped piped() const { return transmitter_.piped(); }
    /// Whether data-in may come in a pipe, and are better there than copied.
    [[nodiscard]] bool takes_pages() const { return transmitter_.takes_pages(); }
    void sent(std::size_t bytes, base::Time now);
    [[nodiscard]] bool has_output() const { return !transmitter_.empty(); }

    [[nodiscard]] std::optional<base::Time> next_deadline() const;
    void tick(base::Time now);

    /// The stream is to be closed now.
    [[nodiscard]] bool is_over() const;
    /// Ends the connection at once; says why in the log. The stream is still to be closed.
    void drop(std::string_view reason);
    /// The stream is gone, and nothing is being received or sent any more.
    void transport_lost();

    // Answers of the host.
    /// Before established(): what holds, where that is not what the login has agreed on. See continued().
    void use(const SessionParameters& parameters);
    /// The session exists, under this handle, which is not 0.
    void established(std::uint16_t target_session_handle);
    /// The same, with other options than the connection began with.
    void established(std::uint16_t target_session_handle, const SessionTuning& tuning);
    void refused(LoginStatus status, std::string_view reason);

    /// The first `bytes` of the task's data-out go to `into`, which is at least as long; `bytes` is not
    /// above expected_data_out(). Once per task. May call Host::data_out_complete() or data_out_failed().
    void accept_data(ScsiTask& task, base::Segments into, std::uint32_t bytes);
    /// All of the data-out of the task that Host::command() is being called for, when it has come with it and
    /// needs no digest compared first; else nothing. Stays where it is until Host::command() returns. A host
    /// that has used them, or a copy, says data_taken() and needs no accept_data(): they are not delivered.
    [[nodiscard]] wire::Bytes data_here() const { return data_here_; }
    void data_taken() { data_here_ = {}; }
    /// How the task ends. Once per task, and not with abandon().
    void respond(ScsiTask& task, const Response& response) {
        task.response_ = response;  // here, where most hosts' becomes no copy
        send_response(task);
    }
    /// The task was aborted and gets no response. Its memory is free when Host::task_ended() is called:
    /// within this call, or after the receive that is under way.
    void abandon(ScsiTask& task);
    void management_done(ManagementRequest& request, TaskFunctionResponse response);

    /// After Host::logout(): the session is no more. When its tasks have ended as well, the logout response
    /// is sent, so that an initiator that has it finds neither task nor reservation of the session left.
    void session_ended();

    /// Host::receipt_confirmed() follows when the initiator has all that was responded until now, unless the
    /// connection ends before: one that does not say so has nop_timeout for it.
    void ask_for_receipt();
    /// An event of a logical unit, [RFC 7143 11.9.2].
    void report_event(Lun lun, std::span<const std::byte> sense);
    /// Asks the initiator to log out within `limit`, and drops the connection when it has not.
    void request_logout(base::Duration limit, base::Time now);
    [[nodiscard]] bool is_at_rest() const;  ///< in full feature phase, without a task or a function
    /// The command window opens no further, so that a busy initiator comes to rest; until let_window_go().
    void hold_window() { window_.hold(); }
    void let_window_go();
    [[nodiscard]] bool in_full_feature_phase() const { return phase_ == Phase::full_feature; }
    /// What was negotiated.
    [[nodiscard]] const SessionParameters& parameters() const { return parameters_; }

private:
    using Phase = ConnectionPhase;
    using Purpose = IncomingPdu::Purpose;

    // connection.cc: the stream, and the end.
    void process();
    [[nodiscard]] bool accepts_input() const;
    void replay_held();
    void replay(const HeldPdu& pdu);
    void begin_pdu(HeaderView header, wire::Bytes additional, std::uint32_t length);
    void end_pdu(bool good);
    void collect(Purpose purpose, std::uint32_t length);
    void hold(bool good);
    void finish(std::string_view reason);
    void end_when_idle();
    void response_left(ScsiTask& task) override;
    TransferTag new_transfer(ScsiTask& task) override;
    TransferTag take_transfer_tag();
    void end_task(ScsiTask& task, Delivery delivery);
    void release(ScsiTask& task, Delivery delivery);
    void settle_lent();

    // connection_time.cc
    [[nodiscard]] std::optional<std::string_view> find_timeout(base::Time now) const;
    [[nodiscard]] bool ping_is_due(base::Time now) const;
    [[nodiscard]] std::array<std::optional<base::Time>, 5> deadlines() const;

    // connection_login.cc
    void login_pdu();
    void send_login(const LoginPdu& pdu);
    void refuse_login(const LoginRefused& refused);
    void ask_host(const Establish& login);

    // connection_request.cc: their order, and what becomes of each kind.
    void begin_request(HeaderView header, wire::Bytes additional, std::uint32_t length);
    [[nodiscard]] bool admit(HeaderView header, wire::Bytes additional, std::uint32_t length);
    void end_request();

    // connection_session.cc: requests and notices that concern the session as a whole.
    void nop_out();
    void text_request();
    void answer_text_request(HeaderView header);
    void send_text(HeaderView header);
    void logout_request();
    void answer_logout(TaskTag tag, LogoutResponse response);
    void finish_logout();
    ControlPdu& new_response(Opcode opcode, TaskTag tag);
    ControlPdu& new_async(AsyncEvent event);
    void reject(RejectReason reason, HeaderView header);
    void send_notice(TransferTag tag);

    // connection_command.cc
    void begin_command(HeaderView header, wire::Bytes additional, std::uint32_t length);
    [[nodiscard]] std::optional<RejectReason> find_fault(HeaderView header) const;
    void start_command(ScsiTask& task, HeaderView header, std::uint32_t length);
    void refuse_busy(HeaderView header);
    void send_response(ScsiTask& task);
    void queue_response(ScsiTask& task);

    // connection_data_out.cc
    void begin_data_out(HeaderView header, std::uint32_t length);
    void take_data(ScsiTask& task, std::uint32_t offset, std::uint32_t length);
    void end_data(bool good);
    void advance_data(ScsiTask& task);
    [[nodiscard]] bool reserve_early(std::uint32_t length);
    void move_early(ScsiTask& task);
    void forget_early(ScsiTask& task);
    void note_waiting(ScsiTask& task);

    // connection_management.cc
    void management_request();
    [[nodiscard]] ConcernsLun concerned_by(TaskFunction function, Lun lun) const;
    void manage_tasks(HeaderView header, TaskFunction function);
    void manage_task(HeaderView header, TaskFunction function);
    [[nodiscard]] TaskFunctionResponse abort_unknown(HeaderView header);
    void manage(HeaderView header, TaskFunction function, ScsiTask* task);
    [[nodiscard]] ManagementRequest* begin_management(HeaderView header, TaskFunction function,
                                                      ScsiTask* task);
    void end_draining(const ManagementRequest& request);
    void answer_management(TaskTag tag, TaskFunctionResponse response);

    Host& host_;
    const Directory& directory_;
    ConnectionOptions options_;
    Phase phase_ = Phase::login;
    SessionParameters parameters_;

    PduReader reader_;
    IncomingPdu incoming_;
    std::vector<std::byte> collected_;
    bool processing_ = false;
    wire::Bytes data_here_;        ///< while the host is given a command, and has not taken them
    bool space_lent_ = false;      ///< a receive is under way
    ScsiTask* lent_by_ = nullptr;  ///< whose memory it may write to
    base::Segment own_memory_{};   ///< collected_, or the early data of a task

    LoginMachine login_;
    SessionType type_ = SessionType::normal;
    std::string target_name_;
    std::uint16_t connection_id_ = 0;

    CommandWindow window_;
    HeldRequests held_;
    Transmitter transmitter_{window_, *this};
    TaskTable tasks_;
    std::size_t task_count_ = 0;
    std::uint64_t arrivals_ = 0;  ///< of tasks
    std::size_t immediate_count_ = 0;
    std::size_t early_bytes_ = 0;
    bool told_of_shortage_ = false;  ///< of memory for early data
    std::uint32_t next_transfer_ = 1;
    base::IntrusiveList<ScsiTask, struct AwaitingDataTag> awaiting_data_;
    static constexpr std::size_t kManagementRequests = 16;
    std::array<ManagementRequest, kManagementRequests> management_{};
    std::size_t management_count_ = 0;
    std::optional<TextExchange> text_;
    TaskTag logout_tag_{kReservedTag};
    bool session_ended_ = false;

    base::Time now_;
    base::Time heard_;                   ///< when something was received last
    std::optional<base::Time> stalled_;  ///< since when nothing of what waits was sent
    std::optional<base::Time> login_deadline_;
    std::optional<base::Time> logout_deadline_;
    base::Time data_moved_{};  ///< when data of a write came last, or some of what is before an R2T left
    bool r2t_waits_ = false;   ///< one has not left
    Ping ping_;
};

}  // namespace targe::iscsi
