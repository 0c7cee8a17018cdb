#include "transport/iscsi_connection.h"

#include "base/log.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace targe::transport {
namespace {

/// How long a peer may take for our last bytes, and to close its end.
constexpr base::Duration kClose = std::chrono::seconds{5};
constexpr base::Duration kCloseAtShutdown = std::chrono::milliseconds{250};

/// A connection may turn out to be for any target.
std::size_t most_commands(const IscsiService& service, const iscsi::ConnectionOptions& options) {
    std::size_t window = options.command_window;
    for (const TargetSettings& target : service.settings().targets) {
        window = std::max<std::size_t>(window, target.tuning.command_window);
    }
    return window + options.max_immediate_commands + iscsi::kMaxEnding;
}

}  // namespace

void IscsiConnection::accept(IscsiService& service, base::Core& core, const Arrival& arrival,
                             const MakeStream& make_stream) {
    if (service.closing()) {
        service.placement().left(core.id());
        return;
    }
    if (service.connection_count() >= service.settings().max_connections) {
        TARGE_LOG(warning, "iscsi", "{}: refused, {} connections are open (daemon.max_connections)",
                  arrival.peer.text(), service.connection_count());
        service.placement().left(core.id());
        return;
    }
    if (!service.half_open().begin(arrival.peer)) {
        TARGE_LOG(warning, "iscsi",
                  "{}: refused, this address, or its IPv6 network, has as many unfinished logins as it may "
                  "(daemon.half_open_logins_per_address)",
                  arrival.peer.text());
        service.placement().left(core.id());
        return;
    }
    iscsi::ConnectionOptions options = service.settings().connection;
    options.held_memory = &service.held_memory();
    options.from = {.portal = arrival.portal,
                    .local_address = arrival.local.host(),
                    .local_port = arrival.local.port(),
                    .peer_address = arrival.peer.host()};
    (new IscsiConnection(service, core, options, arrival, make_stream))->stream_->start();
}

IscsiConnection::IscsiConnection(IscsiService& service, base::Core& core,
                                 const iscsi::ConnectionOptions& options, const Arrival& arrival,
                                 const MakeStream& make_stream)
    : service_(service),
      core_(&core),
      peer_(arrival.peer.text()),
      peer_address_(arrival.peer),
      local_(arrival.local.text()),
      random_(core),
      commands_(most_commands(service, options)),
      stream_(make_stream(stream_end_)),
      protocol_(*this, service.directory(), random_, options, core.now()),
      since_(core.now()) {
    service_.connections(*core_).push_back(*this);
    service_.joined(*core_);
    settle();
}

IscsiConnection::~IscsiConnection() {
    core_->disarm(deadline_);
    core_->disarm(drain_limit_);
    login_finished();
    unlink();
    service_.placement().left(core_->id());
    service_.left();
}

base::Segments IscsiConnection::StreamEnd::receive_space() {
    return owner_.protocol_.receive_space();
}

void IscsiConnection::StreamEnd::received(std::size_t bytes) {
    owner_.in_stream_call_ = true;
    owner_.protocol_.received(bytes, owner_.core_->now());
    owner_.in_stream_call_ = false;
    owner_.settle();
}

void IscsiConnection::StreamEnd::peer_finished() {
    // Whoever sends nothing more can acknowledge no status: the session is over, as after a lost connection.
    owner_.drop("the initiator closed the connection");
}

std::size_t IscsiConnection::StreamEnd::gather(std::span<base::ConstSegment> into) {
    return owner_.protocol_.gather(into);
}

base::Piped IscsiConnection::StreamEnd::piped() {
    return owner_.protocol_.piped();
}

void IscsiConnection::receipt_wanted() {
    protocol_.ask_for_receipt();
    settle();
}

void IscsiConnection::receipt_confirmed() {
    nexus_->received();
}

void IscsiConnection::StreamEnd::sent(std::size_t bytes) {
    owner_.in_stream_call_ = true;
    owner_.protocol_.sent(bytes, owner_.core_->now());
    owner_.in_stream_call_ = false;
    owner_.settle();
}

void IscsiConnection::StreamEnd::lost(int error) {
    owner_.log(std::string("connection lost: ") + std::strerror(error));
    owner_.closing_stream_ = true;
}

void IscsiConnection::StreamEnd::halted() {
    owner_.stream_halted();
}

void IscsiConnection::StreamEnd::closed() {
    owner_.stream_closed();
}

void IscsiConnection::drop(std::string_view reason) {
    protocol_.drop(reason);
    settle();
}

void IscsiConnection::close(base::Duration limit) {
    told_to_close_ = true;
    if (closing_stream_) {
        stream_->close(kCloseAtShutdown);
        return;
    }
    if (protocol_.in_full_feature_phase()) {
        protocol_.request_logout(limit, core_->now());
        settle();
    } else {
        drop("the target is shutting down");
    }
}

/// After every call to the protocol: sends what it has to say, closes when it is over, wakes it in time. What
/// the stream brings ends many commands, and is settled once, at its end.
void IscsiConnection::settle() {
    if (stream_closed_ || in_stream_call_) {
        return;
    }
    if (move_ != Move::none) [[unlikely]] {
        halt_at_rest();
        if (move_ != Move::draining) {
            return;  // where it goes on, it settles
        }
    }
    if (protocol_.has_output()) {
        stream_->send_soon();
    }
    if (protocol_.is_over()) {
        if (!closing_stream_) {
            closing_stream_ = true;
            stream_->close(service_.closing() ? kCloseAtShutdown : kClose);
        }
        return;
    }
    stream_->resume_receiving();
    // The timer may ring early and then only looks again; so it is seldom moved.
    if (const auto next = protocol_.next_deadline();
        next && (!deadline_.armed() || *next < deadline_.deadline)) {
        core_->arm(deadline_, *next);
    }
}

void IscsiConnection::tick() {
    protocol_.tick(core_->now());
    settle();
}

void IscsiConnection::stream_closed() {
    stream_closed_ = true;
    core_->disarm(deadline_);
    core_->disarm(drain_limit_);
    move_ = Move::none;
    login_finished();
    protocol_.transport_lost();
    end_session();
    finish_when_done();
}

void IscsiConnection::login_finished() {
    if (std::exchange(half_open_, false)) {
        service_.half_open().end(peer_address_);
    }
}

void IscsiConnection::closed() {
    protocol_closed_ = true;
    finish_when_done();
}

void IscsiConnection::finish_when_done() {
    const bool no_session = state_ == SessionState::none || state_ == SessionState::forgotten;
    const bool no_nexus = !nexus_ || nexus_closed_;
    if (!finished_ && stream_closed_ && protocol_closed_ && no_session && no_nexus) {
        finished_ = true;
        // Not here: whoever calls is still inside one of our parts.
        base::post(*core_, [this] { delete this; });
    }
}

void IscsiConnection::log(std::string_view what) {
    if (login_) {
        TARGE_LOG(info, "iscsi", "{} ({}): {}", peer_, login_->initiator_name, what);
    } else {
        TARGE_LOG(info, "iscsi", "{}: {}", peer_, what);
    }
}

}  // namespace targe::transport
