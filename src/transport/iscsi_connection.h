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

/// Owns itself: made when a connection comes in, on the core where it stays, and gone when the stream, the
/// protocol, the nexus and the registry have each said their last word.
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

    /// Nothing before there is a session.
    [[nodiscard]] std::optional<SessionReport> report() const;
    [[nodiscard]] SessionId session() const { return grant_.id; }
    [[nodiscard]] const engine::Nexus* nexus() const { return nexus_.get(); }

private:
    /// How far the session is; each step is taken once.
    enum class SessionState : std::uint8_t { none, asked, granted, ending, ended, forgotten };

    /// The stream's calls, apart because iscsi::Host has a closed() as well.
    class StreamEnd final : public StreamUser {
    public:
        explicit StreamEnd(IscsiConnection& owner) : owner_(owner) {}
        base::Segments receive_space() override;
        void received(std::size_t bytes) override;
        void peer_finished() override;
        std::size_t gather(std::span<base::ConstSegment> into) override;
        void sent(std::size_t bytes) override;
        void lost(int error) override;
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

    // iscsi_connection_session.cc: the session and its commands.
    void establish(const iscsi::Establish& login) override;
    void granted(std::expected<SessionGrant, SessionRefusal> answer) override;
    void give_way() override;
    void forgotten() override;
    void logout() override;
    void end_session();
    void nexus_closed();

    iscsi::ScsiTask* new_task() override;
    void command(iscsi::ScsiTask& task) override;
    void data_out_complete(iscsi::ScsiTask& task) override;
    void data_out_failed(iscsi::ScsiTask& task, iscsi::DataOutFailure reason) override;
    void task_ended(iscsi::ScsiTask& task, iscsi::Delivery delivery) override;
    void task_management(iscsi::ManagementRequest& request) override;
    void data_out_wanted(engine::Command& command) override;
    void completed(engine::Command& command) override;
    void dropped(engine::Command& command) override;
    void managed(engine::TaskManagement& request) override;
    void unit_event(std::uint64_t lun, const scsi::Sense& sense) override;

    IscsiService& service_;
    base::Core& core_;
    std::string peer_;
    std::string peer_host_;
    std::string local_;
    CoreRandom random_;
    IscsiCommands commands_;
    StreamEnd stream_end_{*this};
    std::unique_ptr<Stream> stream_;
    iscsi::Connection protocol_;
    Deadline deadline_{*this};
    std::array<Managing, 16> managing_{};

    std::optional<iscsi::Establish> login_;
    std::unique_ptr<engine::Nexus> nexus_;
    SessionGrant grant_;
    base::Time since_;
    SessionState state_ = SessionState::none;
    bool half_open_ = true;  ///< counted among the unfinished logins and discoveries of its address
    bool tells_events_ = false;
    bool closing_stream_ = false;
    bool in_stream_call_ = false;  ///< which settles at its end
    bool logging_out_ = false;
    bool stream_closed_ = false;
    bool protocol_closed_ = false;
    bool finished_ = false;
};

}  // namespace targe::transport
