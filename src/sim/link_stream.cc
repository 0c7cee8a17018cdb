#include "sim/link_stream.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace targe::sim {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

namespace {

constexpr std::size_t kSegments = 64;

}  // namespace

LinkStream::LinkStream(std::shared_ptr<Link> link, SimCore& core, transport::StreamUser& user)
    : link_(std::move(link)), core_(&core), user_(user) {}

LinkStream::~LinkStream() {
    TARGE_ASSERT(state_ == State::idle || state_ == State::closed);
    *alive_ = false;
    if (link_->target_ == this) {
        link_->target_ = nullptr;
    }
}

/// In a turn of its own.
void LinkStream::later(void (LinkStream::*what)()) {
    World& world = link_->world_;
    world.after(world.between(nanoseconds{100}, microseconds{3}), core_, [this, what, alive = alive_] {
        if (*alive) {
            (this->*what)();
        }
    });
}

void LinkStream::start() {
    state_ = State::open;
    send_soon();
    readable();
}

void LinkStream::send_soon() {
    if ((state_ == State::open || state_ == State::flushing) && !std::exchange(send_due_, true)) {
        later(&LinkStream::send);
    }
}

void LinkStream::writable() {
    send_soon();
}

void LinkStream::resume_receiving() {
    if (std::exchange(paused_, false)) {
        readable();
    }
}

void LinkStream::readable() {
    if (state_ == State::open && !paused_ && !std::exchange(receive_due_, true)) {
        later(&LinkStream::receive);
    }
}

/// What is on its way to us on our core comes first, as the operations of the ring do.
void LinkStream::halt() {
    TARGE_ASSERT(state_ == State::open);
    state_ = State::halting;
    later(&LinkStream::halt_now);
}

void LinkStream::halt_now() {
    if (state_ != State::halting) {
        return;
    }
    if (receive_due_ || send_due_) {
        later(&LinkStream::halt_now);
        return;
    }
    state_ = State::halted;
    user_.halted();
}

void LinkStream::go_on(base::Core& core) {
    TARGE_ASSERT(state_ == State::halted);
    core_ = &static_cast<SimCore&>(core);
    start();
    if (reset_with_ != kNoReset) {
        later(&LinkStream::hear_of_reset);
    }
}

void LinkStream::hear_of_reset() {
    if (reset_with_ != kNoReset) {
        reset(std::exchange(reset_with_, kNoReset));
    }
}

void LinkStream::receive() {
    receive_due_ = false;
    Link& link = *link_;
    std::uint64_t left = link.to_target_.arrived - link.consumed_;
    if (state_ != State::open || left == 0) {
        return;
    }
    const base::Segments space = user_.receive_space();
    left = std::min<std::uint64_t>(left, base::total_size(space));
    if (left == 0) {
        paused_ = true;
        return;
    }
    if (link.world_.below(4) == 0) {
        left = link.world_.below(left) + 1;
    }
    const std::uint64_t taken = left;
    for (const base::Segment& segment : space) {
        const auto now = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(left, segment.size));
        std::copy_n(link.input_.begin(), now, segment.data);
        link.input_.erase(link.input_.begin(), link.input_.begin() + now);
        left -= static_cast<std::uint64_t>(now);
    }
    link.consumed_ += taken;
    if (link.initiator_ != nullptr) {
        link.initiator_->consumed(link.consumed_);
    }
    user_.received(taken);
    if (state_ == State::open) {
        readable();
    }
}

void LinkStream::send() {
    send_due_ = false;
    if (state_ != State::open && state_ != State::flushing) {
        return;
    }
    Link& link = *link_;
    std::array<base::ConstSegment, kSegments> queue;
    const auto segments = std::span(queue).first(user_.gather(queue));
    if (state_ != State::open && state_ != State::flushing) {
        return;
    }
    const std::uint64_t queued = base::total_size(base::ConstSegments{segments});
    if (queued == 0) {
        if (state_ == State::flushing) {
            end(false);
        }
        return;
    }
    const std::uint64_t under_way = link.to_initiator_.total - link.to_initiator_.arrived;
    std::uint64_t left = std::min(queued, link.window_ - std::min(link.window_, under_way));
    if (left == 0) {
        return;  // writable() comes when there is room
    }
    if (link.world_.below(4) == 0) {
        left = link.world_.below(left) + 1;
    }
    std::vector<std::byte> bytes;
    bytes.reserve(left);
    for (const base::ConstSegment& segment : segments) {
        const std::size_t now = std::min<std::size_t>(left - bytes.size(), segment.size);
        bytes.insert(bytes.end(), segment.data, segment.data + now);
    }
    link.target_sent(bytes);
    user_.sent(bytes.size());
    send_soon();
}

void LinkStream::close(base::Duration limit) {
    const base::Time until = core_->now() + limit;
    if (state_ == State::flushing) {
        if (until < close_timer_.deadline) {
            core_->arm(close_timer_, until);
        }
        return;
    }
    if (state_ != State::idle && state_ != State::open) {
        return;
    }
    state_ = State::flushing;
    core_->arm(close_timer_, until);
    send_soon();
}

void LinkStream::abort() {
    TARGE_ASSERT(state_ != State::halted);
    if (state_ != State::ending && state_ != State::closed) {
        end(true);
    }
}

void LinkStream::reset(int error) {
    if (state_ == State::halting || state_ == State::halted) {
        reset_with_ = error;
    } else if (error == 0 && state_ == State::open) {
        user_.peer_finished();
    } else if (state_ == State::open || state_ == State::flushing) {
        user_.lost(error);
        abort();
    }
}

void LinkStream::end(bool reset) {
    state_ = State::ending;
    core_->disarm(close_timer_);
    if (link_->target_ == this) {
        link_->target_closed(reset);
    }
    // A later turn, as the ring's last completion.
    link_->world_.after(microseconds{1}, core_, [this] {
        state_ = State::closed;
        user_.closed();
    });
}

}  // namespace targe::sim
