// The bytes of one TCP connection, in and out, on its reactor.
#pragma once

#include "base/buffer.h"
#include "reactor/file_descriptor.h"
#include "reactor/reactor.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::transport {

/// Whose bytes they are. Called on the stream's core, never from within a call that the user makes to the
/// stream.
class StreamUser {
public:
    StreamUser() = default;
    StreamUser(const StreamUser&) = delete;
    StreamUser& operator=(const StreamUser&) = delete;

    /// Where the bytes that come next are to go; asked again before every receive. Empty: nothing may come
    /// now, until TcpStream::resume_receiving().
    virtual base::Segments receive_space() = 0;
    /// The first `bytes` of the space are filled.
    virtual void received(std::size_t bytes) = 0;
    /// The peer will send nothing more, and may still read. The user goes on, and ends with close() or
    /// abort().
    virtual void peer_finished() = 0;
    /// Fills `into` from the front with what is to be sent, beginning at the first byte that was not yet told
    /// to sent(); returns how many. Nothing has been promised to the kernel until sent() says so: it may be
    /// asked again.
    virtual std::size_t gather(std::span<base::ConstSegment> into) = 0;
    /// The kernel has taken a copy of the next `bytes`.
    virtual void sent(std::size_t bytes) = 0;
    /// The connection broke: reset, timed out, or closed by an error of the host; `error` is the errno.
    /// closed() follows by itself.
    virtual void lost(int error) = 0;
    /// The last call. The stream, and the user, may be destroyed in it.
    virtual void closed() = 0;

protected:
    ~StreamUser() = default;
};

struct TcpOptions {
    /// Data that stays unacknowledged for so long ends the connection (TCP_USER_TIMEOUT), as do lost
    /// keep-alives.
    std::chrono::milliseconds unacknowledged_limit = std::chrono::seconds{30};
};

/// Sets what every connection has; see the source for why.
void tune(int fd, const TcpOptions& options);

/// Reads without waiting first, and asks the ring only when it would have to wait; sends once a turn all that
/// is queued. The kernel never holds a pointer into the user's memory between turns. Made, used and destroyed
/// on the reactor's core; destroyed only after StreamUser::closed().
class TcpStream final : public reactor::Poller, public reactor::TurnEnd {
public:
    /// Nothing is received before start().
    TcpStream(reactor::Reactor& reactor, reactor::FileDescriptor socket, StreamUser& user);
    TcpStream(const TcpStream&) = delete;
    TcpStream& operator=(const TcpStream&) = delete;
    ~TcpStream();

    void start();
    /// There is something to gather(): it is sent at the end of this turn.
    void send_soon();
    /// receive_space() has space again.
    void resume_receiving();

    /// Sends what gather() still has, then closes in order: the peer sees every byte and then the end. What
    /// it sends meanwhile is thrown away. After `limit` it becomes an abort(); a second call may
    /// shorten it.
    void close(base::Duration limit = std::chrono::seconds{5});
    /// Closes at once with a reset.
    void abort();

private:
    enum class State : std::uint8_t {
        idle,      ///< not started
        open,      ///< receiving and sending
        flushing,  ///< close() was called; still sending
        draining,  ///< our end is sent; waiting for the peer's
        ending,    ///< only operations of the ring are left
        closed,
    };
    /// One poll operation of the ring.
    class Readiness final : public reactor::Completion {
    public:
        Readiness(TcpStream& stream, void (TcpStream::*then)(unsigned)) : stream_(stream), then_(then) {}
        void arm(unsigned events);
        void cancel();
        void completed(int result, unsigned flags) override;
        [[nodiscard]] bool armed() const { return armed_; }

    private:
        TcpStream& stream_;
        void (TcpStream::*then_)(unsigned events);
        bool armed_ = false;
    };
    class CloseTimer final : public base::Timer {
    public:
        explicit CloseTimer(TcpStream& stream) : stream_(stream) {}
        void expired() override { stream_.abort(); }

    private:
        TcpStream& stream_;
    };

    class Finish final : public base::Message {
    public:
        explicit Finish(TcpStream& stream) : stream_(stream) {}
        void run() override { stream_.finish(); }

    private:
        TcpStream& stream_;
    };

    bool poll() override;
    void park() override;
    void turn_ended() override;

    void readable(unsigned events);
    void writable(unsigned events);
    void troubled(unsigned events);
    bool take_input();
    bool receive();
    bool drain();
    bool send_once();
    void all_sent();
    void fail(int error);
    void end(bool reset);
    void finish();
    [[nodiscard]] bool quiet() const { return !in_.armed() && !out_.armed() && !trouble_.armed(); }
    [[nodiscard]] bool sending() const { return state_ == State::open || state_ == State::flushing; }
    [[nodiscard]] bool closing() const { return state_ == State::flushing || state_ == State::draining; }
    [[nodiscard]] bool wants_input() const { return receiving() || (closing() && !peer_finished_); }
    [[nodiscard]] bool receiving() const { return state_ == State::open && !paused_ && !peer_finished_; }

    reactor::Reactor& reactor_;
    reactor::FileDescriptor socket_;
    StreamUser& user_;
    Readiness in_{*this, &TcpStream::readable};
    Readiness out_{*this, &TcpStream::writable};
    Readiness trouble_{*this, &TcpStream::troubled};
    CloseTimer close_timer_{*this};
    Finish finish_{*this};
    std::size_t drained_bytes_ = 0;
    State state_ = State::idle;
    bool paused_ = false;         ///< the user had no space
    bool peer_finished_ = false;  ///< the peer's end has been read
};

}  // namespace targe::transport
