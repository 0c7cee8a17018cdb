// A connection that changes its core, with its session and its nexus.
//
// The command window is held, so that even a busy initiator comes to a stop, with all its commands answered;
// most come to rest long before. Then the stream is halted, which nothing can disturb any more, and the
// registry asked, so that a login which takes the session's place does not look for it on the old core. Each
// step ends by itself, or is taken back. What was sent meanwhile waits in the socket.
#include "transport/iscsi_connection.h"

#include <chrono>
#include <utility>

namespace targe::transport {
namespace {

/// How long the initiator may be kept from sending commands.
constexpr base::Duration kDrain = std::chrono::milliseconds{200};
/// A session stays this long where it has come to.
constexpr base::Duration kBetweenMoves = std::chrono::seconds{5};

}  // namespace

bool IscsiConnection::can_move() const {
    return move_ == Move::none && state_ == SessionState::granted && nexus_ && !closing_stream_ &&
           !told_to_close_ && protocol_.in_full_feature_phase();
}

bool IscsiConnection::has_settled() const {
    return core_->now() - settled_at_ >= kBetweenMoves;
}

std::uint64_t IscsiConnection::take_work() {
    if (!nexus_) {
        return 0;
    }
    // A command costs about what eight kilobytes of data cost.
    constexpr unsigned kBytesOfACommand = 8192;
    const engine::Counters& counters = nexus_->counters();
    const std::uint64_t work =
        counters.commands * kBytesOfACommand + counters.read_bytes + counters.written_bytes;
    return work - std::exchange(work_seen_, work);
}

bool IscsiConnection::move_to(base::Core& to, Load load) {
    if (!can_move() || &to == core_) {
        return false;
    }
    move_ = Move::draining;
    moved_load_ = load;
    destination_ = &to;
    protocol_.hold_window();
    core_->arm(drain_limit_, core_->now() + kDrain);
    settle();
    return true;
}

bool IscsiConnection::at_rest() const {
    return state_ == SessionState::granted && protocol_.is_at_rest() && nexus_->is_at_rest();
}

void IscsiConnection::halt_at_rest() {
    if (move_ != Move::draining || closing_stream_) {
        return;
    }
    if (at_rest()) {
        core_->disarm(drain_limit_);
        move_ = Move::halting;
        stream_->halt();
    } else if (protocol_.is_at_rest()) {
        nexus_->ask_for_receipt();  // nobody would know of pages that it was lent, while it is on its way
    }
}

void IscsiConnection::stream_halted() {
    move_ = Move::asking;
    if (at_rest()) {
        service_.registry().leave(*this, *core_);
    } else {
        stop_moving();
    }
}

void IscsiConnection::may_leave(bool allowed) {
    if (!allowed) {
        stop_moving();
        return;
    }
    if (!at_rest()) {
        service_.registry().arrived(*this, *core_);
        stop_moving();
        return;
    }
    move_ = Move::on_the_way;
    core_->disarm(deadline_);
    unlink();
    nexus_->depart();
    base::post(*destination_, [this] { arrive(); });
}

/// It stays where it is. Nothing happens when it is not about to move.
void IscsiConnection::stop_moving() {
    const Move was = std::exchange(move_, Move::none);
    if (was == Move::none) {
        return;
    }
    TARGE_ASSERT(was != Move::on_the_way);
    core_->disarm(drain_limit_);
    settled_at_ = core_->now();  // not again at once
    protocol_.let_window_go();
    if (was == Move::asking) {
        stream_->go_on(*core_);
    }
    if (was != Move::halting) {
        settle();
    }
}

void IscsiConnection::arrive() {
    service_.placement().moved(core_->id(), destination_->id(), moved_load_);
    core_ = destination_;
    move_ = Move::none;
    settled_at_ = core_->now();
    random_.move(*core_);
    service_.arrived(*this, *core_);
    stream_->go_on(*core_);
    nexus_->arrive(*core_);
    service_.registry().arrived(*this, *core_);
    protocol_.let_window_go();
    // What was said to everybody while it was on its way.
    if (is_before(service_.drops_of(nexus_->target()))) {
        drop("all sessions of the target were ended");
    }
    if (service_.closing() && !told_to_close_) {
        close(service_.close_limit());
    }
    settle();
}

}  // namespace targe::transport
