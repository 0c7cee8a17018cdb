// One iSCSI connection: its stream, its protocol, its session's nexus.
#pragma once

#include "base/core.h"
#include "base/intrusive_list.h"
#include "engine/command_port.h"
#include "engine/nexus.h"
#include "iscsi/connection.h"
#include "iscsi/host.h"
#include "transport/core_random.h"
#include "transport/iscsi_command.h"
#include "transport/iscsi_service.h"
#include "transport/session_registry.h"
#include "transport/socket_address.h"
#include "transport/stream.h"

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace targe::transport {

/// How a connection came in.
struct Arrival {
    std::uint32_t portal = 0;  ///< the directory's number
    SocketAddress peer;
    SocketAddress local;
};
/// Makes the stream of a connection that is taken on.
using MakeStream = std::function<std::unique_ptr<Stream>(StreamUser&)>;

/// Owns itself: made when a connection comes in, on a core, which changes only by move_to(), and gone when
/// the stream, the protocol, the nexus and the registry have each said their last word.
class IscsiConnection final : public base::ListHook<>,
                              private iscsi::Host,
                              private engine::CommandPort,
                              private SessionHolder {
public:
    /// Takes the connection on, or does nothing with it when its address has too many logins under way. On
    /// `core`, where Placement::choose() has put it.
    static void accept(IscsiService& service, base::Core& core, const Arrival& arrival,
                       const MakeStream& make_stream);

    /// Ends it as if the connection were lost.
    void drop(std::string_view reason);
    /// Asks the initiator to log out within `limit`, then drops it.
    void close(base::Duration limit);

    /// Goes on on `to`, with its session and its nexus, as soon as nothing is under way; `load` is what it
    /// takes along of its core's. Stays if that does not come about within kDrain, which is said by
    /// Placement::moves() alone. False: it cannot move now at all.
    bool move_to(base::Core& to, Load load);
    [[nodiscard]] bool can_move() const;
    /// It has been here long enough to be moved again.
    [[nodiscard]] bool has_settled() const;
    /// What it has had to do since this was asked last, in units that compare with those of other sessions.
    [[nodiscard]] std::uint64_t take_work();
    /// Whether it is older than this drop of all sessions of its target: IscsiService::drops_of().
    [[nodiscard]] bool is_before(std::uint64_t drop) const { return drops_seen_ < drop; }

    /// Nothing before there is a session.
    [[nodiscard]] std::optional<SessionReport> report() const;
    [[nodiscard]] SessionId session() const { return grant_.id; }
    [[nodiscard]] const engine::Nexus* nexus() const { return nexus_.get(); }

private:
    /// How far the session is; each step is taken once.
    enum class SessionState : std::uint8_t { none, asked, granted, ending, ended, forgotten };
    /// How far a move is. From halting on the stream does nothing, and settle() waits for it.
    enum class Move : std::uint8_t {
        none,
        draining,  ///< the command window is held, and commands are under way
        halting,   ///< the stream is
        asking,    ///< the registry
        on_the_way,
    };

    /// The stream's calls, apart because iscsi::Host has a closed() as well.
    class StreamEnd final : public StreamUser {
    public:
        explicit StreamEnd(IscsiConnection& owner) : owner_(owner) {}
        base::Segments receive_space() override;
        void received(std::size_t bytes) override;
        void peer_finished() override;
        std::size_t gather(std::span<base::ConstSegment> into) override;
        base::Piped piped() override;
        void sent(std::size_t bytes) override;
        void lost(int error) override;
        void halted() override;
        void closed() override;

    private:
        IscsiConnection& owner_;
    };
    class Deadline final : public base::Timer {
    public:
        explicit Deadline(IscsiConnection& owner) : owner_(owner) {}
        void expired() override { owner_.tick(); }

    private:
        IscsiConnection& owner_;
    };
    class DrainLimit final : public base::Timer {
    public:
        explicit DrainLimit(IscsiConnection& owner) : owner_(owner) {}
        void expired() override { owner_.stop_moving(); }

    private:
        IscsiConnection& owner_;
    };
    /// A task management function between the protocol and the engine.
    struct Managing : engine::TaskManagement {
        iscsi::ManagementRequest* request = nullptr;  ///< null: not in use
    };

    IscsiConnection(IscsiService& service, base::Core& core, const iscsi::ConnectionOptions& options,
                    const Arrival& arrival, const MakeStream& make_stream);
    ~IscsiConnection();

    // iscsi_connection.cc: bytes, time and the end.
    void settle();
    void tick();
    void stream_closed();
    void login_finished();
    void finish_when_done();
    void log(std::string_view what) override;
    void closed() override;
    void receipt_wanted() override;
    void receipt_confirmed() override;

    // iscsi_connection_session.cc: the session and its commands.
    void establish(const iscsi::Establish& login) override;
    void granted(std::expected<SessionGrant, SessionRefusal> answer) override;
    void join(const TargetSettings& target);
    void give_way() override;
    void forgotten() override;
    void logout() override;
    void end_session();
    void nexus_closed();
    void nexus_overdue();
    void answer_logout();

    // iscsi_connection_move.cc: to another core.
    [[nodiscard]] bool at_rest() const;
    void halt_at_rest();
    void stream_halted();
    void may_leave(bool allowed) override;
    void stop_moving();
    void arrive();

    iscsi::ScsiTask* new_task() override;
    void command(iscsi::ScsiTask& task) override;
    void data_out_complete(iscsi::ScsiTask& task) override;
    void data_out_failed(iscsi::ScsiTask& task, iscsi::DataOutFailure reason) override;
    void task_ended(iscsi::ScsiTask& task, iscsi::Delivery delivery) override;
    [[nodiscard]] bool name_one_unit(iscsi::Lun one, iscsi::Lun other) const override;
    void task_management(iscsi::ManagementRequest& request) override;
    void data_out_wanted(engine::Command& command) override;
    void completed(engine::Command& command) override;
    void dropped(engine::Command& command) override;
    void let_go(engine::Command& command) override;
    void managed(engine::TaskManagement& request) override;
    void unit_event(std::uint64_t lun, const scsi::Sense& sense) override;

    IscsiService& service_;
    base::Core* core_;
    std::string peer_;
    SocketAddress peer_address_;
    std::string local_;
    CoreRandom random_;
    IscsiCommands commands_;
    StreamEnd stream_end_{*this};
    std::unique_ptr<Stream> stream_;
    iscsi::Connection protocol_;
    Deadline deadline_{*this};
    DrainLimit drain_limit_{*this};
    std::array<Managing, 16> managing_{};

    std::optional<iscsi::Establish> login_;
    std::unique_ptr<engine::Nexus> nexus_;
    SessionGrant grant_;
    base::Time since_;
    SessionState state_ = SessionState::none;
    Move move_ = Move::none;
    Load moved_load_ = 0;
    base::Core* destination_ = nullptr;
    base::Time settled_at_;         ///< when the session was granted, or came to its core
    std::uint64_t work_seen_ = 0;   ///< by take_work()
    std::uint64_t drops_seen_ = 0;  ///< of its target, before it was there
    bool told_to_close_ = false;
    bool half_open_ = true;  ///< counted among the unfinished logins and discoveries of its address
    bool tells_events_ = false;
    bool closing_stream_ = false;
    bool in_stream_call_ = false;  ///< which settles at its end
    bool logging_out_ = false;
    bool stream_closed_ = false;
    bool protocol_closed_ = false;
    bool nexus_closed_ = false;
    bool finished_ = false;
};

}  // namespace targe::transport
