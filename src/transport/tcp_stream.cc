#include "transport/tcp_stream.h"

#include "transport/socket_io.h"

#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace targe::transport {

namespace {

// What one stream may do in a turn, so that the others on its core get their turn too.
constexpr int kReceivesPerTurn = 4;
constexpr int kSendsPerTurn = 4;
constexpr std::size_t kBytesPerSend = std::size_t{1} << 20U;
/// While others wait, a stream that has received or sent so much in a turn has done enough, and is one that
/// moves much. A receive may touch memory that was not touched for long.
constexpr std::size_t kMuchReceived = std::size_t{32} << 10U;
constexpr std::size_t kMuchSent = std::size_t{64} << 10U;
constexpr std::size_t kBytesPerSendWhileOthersWait = std::size_t{128} << 10U;
constexpr std::size_t kSegmentsPerSend = 256;
/// The kernel refuses more in one call (IOV_MAX).
constexpr std::size_t kSegmentsPerReceive = 1024;
constexpr std::size_t kSegmentsOfMuch = 32;

/// A peer that sends so much after we have said that we are closing is not listening.
constexpr std::size_t kDrainBytes = std::size_t{16} << 20U;
constexpr std::size_t kDrainAtATime = std::size_t{1} << 20U;

void set(int fd, int level, int name, int value) {
    // None of these options is needed to be correct: a kernel that lacks one serves without.
    static_cast<void>(setsockopt(fd, level, name, &value, sizeof value));
}

/// Cuts `segments` after `limit` bytes.
base::ConstSegments first_bytes(std::span<base::ConstSegment> segments, std::size_t limit) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        if (segments[i].size >= limit - bytes) {
            segments[i].size = limit - bytes;
            return segments.first(i + 1);
        }
        bytes += segments[i].size;
    }
    return segments;
}

/// The front of `segments`, copied into `cut`: up to `limit` bytes.
base::Segments first_bytes(base::Segments segments, std::size_t limit, std::span<base::Segment> cut) {
    std::size_t count = 0;
    for (; count < std::min(segments.size(), cut.size()) && limit > 0; ++count) {
        cut[count] = {segments[count].data, std::min(segments[count].size, limit)};
        limit -= cut[count].size;
    }
    return cut.first(count);
}

bool would_wait(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

void tune(int fd, const TcpOptions& options) {
    // A turn's output goes out in one call already: waiting for more before a short segment is sent (Nagle)
    // would only hold back a response until the peer's delayed acknowledgement, up to 40 ms.
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    // A peer that lost power says nothing. Where it is not pinged, probes find it when the connection is
    // idle, the limit on unacknowledged data when it is not; without them its session would hold its
    // reservations' nexus for ever. Where there is such a limit it bounds both, whatever TCP_KEEPCNT says.
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 6);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.unacknowledged_limit.count()));
    // SO_RCVBUF and SO_SNDBUF stay as they are: setting them would end the kernel's tuning to the path's
    // delay.
}

void TcpStream::Readiness::arm(unsigned events) {
    if (!armed_) {
        armed_ = true;
        io_uring_prep_poll_add(&stream_.reactor_->prepare(*this), stream_.socket_.get(), events);
    }
}

void TcpStream::Readiness::cancel() {
    if (armed_) {
        stream_.reactor_->cancel(*this);
    }
}

void TcpStream::Readiness::completed(int result, unsigned /*flags*/) {
    armed_ = false;
    if (stream_.state_ == State::halting) {
        stream_.halt_when_quiet();
    } else if (stream_.state_ != State::ending) {
        (stream_.*then_)(result < 0 ? POLLERR : static_cast<unsigned>(result));
    } else if (stream_.quiet()) {
        stream_.finish();
    }
}

TcpStream::TcpStream(reactor::Reactor& reactor, reactor::FileDescriptor socket, StreamUser& user)
    : reactor_(&reactor), socket_(std::move(socket)), user_(user) {}

TcpStream::~TcpStream() {
    TARGE_ASSERT(state_ == State::idle || state_ == State::closed);
}

void TcpStream::start() {
    TARGE_ASSERT(state_ == State::idle);
    state_ = State::open;
    reactor_->add_poller(*this);
    send_soon();
}

void TcpStream::send_soon() {
    if (sending() && !out_.armed()) {
        reactor_->at_turn_end(*this);
    }
}

void TcpStream::resume_receiving() {
    paused_ = false;
    if (receiving() && !in_.armed()) {
        reactor_->add_poller(*this);
    }
}

void TcpStream::close(base::Duration limit) {
    if (closing()) {
        const base::Time end = reactor_->now() + limit;
        if (end < close_timer_.deadline) {
            reactor_->arm(close_timer_, end);
        }
        return;
    }
    if (state_ != State::idle && state_ != State::open) {
        return;
    }
    state_ = State::flushing;
    reactor_->arm(close_timer_, reactor_->now() + limit);
    if (wants_input() && !in_.armed()) {
        reactor_->add_poller(*this);
    }
    send_soon();
}

void TcpStream::abort() {
    TARGE_ASSERT(state_ != State::halted);
    if (state_ != State::ending && state_ != State::closed) {
        end(true);
    }
}

bool TcpStream::poll() {
    const bool any = take_input();
    if (!wants_input()) {
        reactor::Poller::unlink();
    }
    return any;
}

void TcpStream::park() {
    if (wants_input()) {
        in_.arm(POLLIN);
    }
}

void TcpStream::readable(unsigned /*events*/) {
    take_input();
    // A busy peer's next request will soon be here: until the reactor sleeps a look costs less than the ring.
    if (wants_input()) {
        reactor_->add_poller(*this);
    }
}

bool TcpStream::take_input() {
    if (receiving()) {
        return receive();
    }
    return closing() && drain();
}

/// Whether anything came.
bool TcpStream::receive() {
    bool any = false;
    std::size_t total = 0;
    found_much_ = false;
    for (int round = 0; round < kReceivesPerTurn && receiving(); ++round) {
        const base::Segments offered = user_.receive_space();
        std::array<base::Segment, kSegmentsOfMuch> cut;
        const base::Segments space = reactor_->others_wait()
                                         ? first_bytes(offered, kMuchReceived, cut)
                                         : offered.first(std::min(offered.size(), kSegmentsPerReceive));
        const std::size_t size = base::total_size(space);
        if (size == 0) {
            // Nobody would notice that the connection broke meanwhile.
            paused_ = true;
            trouble_.arm(0);
            break;
        }
        const ssize_t got = receive_some(socket_.get(), space);
        if (got < 0) {
            if (!would_wait(errno) && errno != EINTR) {
                fail(errno);
            }
            break;
        }
        any = true;
        if (got == 0) {
            peer_finished_ = true;
            user_.peer_finished();
            break;
        }
        user_.received(static_cast<std::size_t>(got));
        total += static_cast<std::size_t>(got);
        found_much_ = total >= kMuchReceived;
        if (static_cast<std::size_t>(got) < size || (found_much_ && reactor_->others_wait())) {
            // That was all there is: asking again would only be told so. Or it was enough.
            break;
        }
    }
    return any;
}

/// Throws away what the peer still sends, so that closing does not reset the connection under our last bytes.
bool TcpStream::drain() {
    const ssize_t got = recv(socket_.get(), nullptr, kDrainAtATime, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0) {
        if (!would_wait(errno) && errno != EINTR) {
            fail(errno);
        }
        return false;
    }
    drained_bytes_ += static_cast<std::size_t>(got);
    peer_finished_ = peer_finished_ || got == 0;
    if (drained_bytes_ > kDrainBytes) {
        end(true);
    } else if (peer_finished_ && state_ == State::draining) {
        end(false);
    }
    return true;
}

void TcpStream::turn_ended() {
    sent_in_turn_ = 0;
    did_much_ = false;
    for (int round = 0; round < kSendsPerTurn; ++round) {
        if (!sending() || out_.armed() || !send_once()) {
            return;
        }
        if (did_much_ && reactor_->others_wait()) {
            break;
        }
    }
    // There may be more. The others come first.
    send_soon();
}

/// Whether it makes sense to go on.
bool TcpStream::send_once() {
    std::array<base::ConstSegment, kSegmentsPerSend> queue;
    const std::size_t count = user_.gather(queue);
    base::Piped piped = user_.piped();
    if (!sending()) {
        return false;
    }
    if (count == 0 && piped.size == 0) {
        if (state_ == State::flushing) {
            all_sent();
        }
        return false;
    }
    const std::size_t limit = reactor_->others_wait() ? kBytesPerSendWhileOthersWait : kBytesPerSend;
    const base::ConstSegments segments = first_bytes(std::span(queue).first(count), limit);
    piped.size = std::min(piped.size, limit - base::total_size(segments));
    const ssize_t taken = send_some(socket_.get(), segments, piped);
    if (taken < 0) {
        if (would_wait(errno)) {
            out_.arm(POLLOUT);
        } else if (errno != EINTR) {
            fail(errno);
        }
        return sending();
    }
    const bool full = static_cast<std::size_t>(taken) < base::total_size(segments) + piped.size;
    sent_in_turn_ += static_cast<std::size_t>(taken);
    did_much_ = sent_in_turn_ >= kMuchSent;
    user_.sent(static_cast<std::size_t>(taken));
    if (full && sending()) {
        out_.arm(POLLOUT);
    }
    return !full;
}

void TcpStream::writable(unsigned /*events*/) {
    send_soon();
}

void TcpStream::troubled(unsigned events) {
    if ((events & (POLLERR | POLLHUP)) == 0) {
        // The ring always tells of the peer's end as well. It is read in its turn, behind the data before it.
        return;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error == 0) {
        error = ECONNRESET;
    }
    if (sending()) {
        fail(error);
    }
}

void TcpStream::all_sent() {
    state_ = State::draining;
    if (peer_finished_ || shutdown(socket_.get(), SHUT_WR) != 0) {
        end(false);
    }
}

void TcpStream::fail(int error) {
    const bool told = state_ == State::draining;
    if (!told) {
        user_.lost(error);
    }
    // The user may have called abort() there.
    if (state_ != State::ending) {
        end(true);
    }
}

void TcpStream::end(bool reset) {
    state_ = State::ending;
    reactor::Poller::unlink();
    reactor::TurnEnd::unlink();
    reactor_->disarm(close_timer_);
    if (reset) {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        static_cast<void>(setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    }
    in_.cancel();
    out_.cancel();
    trouble_.cancel();
    if (quiet()) {
        reactor_->post(finish_);
    }
}

/// Nothing points at us any more.
void TcpStream::finish() {
    state_ = State::closed;
    socket_.reset();
    user_.closed();
}

}  // namespace targe::transport
