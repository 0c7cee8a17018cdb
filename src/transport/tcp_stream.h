// The bytes of one TCP connection, in and out, on its reactor.
#pragma once

#include "reactor/file_descriptor.h"
#include "reactor/reactor.h"
#include "transport/stream.h"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace targe::transport {

struct TcpOptions {
    /// Data that the peer does not acknowledge, or has no room for, end the connection after so long
    /// (TCP_USER_TIMEOUT), as do keep-alives. Zero: as the kernel is set up.
    std::chrono::milliseconds unacknowledged_limit{};
};

/// Sets what every connection has; see the source for why.
void tune(int fd, const TcpOptions& options);

/// Reads without waiting first, and asks the ring only when it would have to wait; sends once a turn all that
/// is queued. The kernel never holds a pointer into the user's memory between turns. The socket is one that
/// does not block. Made, used and destroyed
/// on the reactor's core, which may change while it is halted; destroyed only after StreamUser::closed().
class TcpStream final : public Stream, public reactor::Poller, public reactor::TurnEnd {
public:
    TcpStream(reactor::Reactor& reactor, reactor::FileDescriptor socket, StreamUser& user);
    TcpStream(const TcpStream&) = delete;
    TcpStream& operator=(const TcpStream&) = delete;
    ~TcpStream() override;

    [[nodiscard]] bool takes_pages() const override { return true; }
    void start() override;
    void send_soon() override;
    void resume_receiving() override;
    void halt() override;
    /// `core` is a reactor::Reactor.
    void go_on(base::Core& core) override;
    void close(base::Duration limit = std::chrono::seconds{5}) override;
    void abort() override;

private:
    enum class State : std::uint8_t {
        idle,      ///< not started
        open,      ///< receiving and sending
        flushing,  ///< close() was called; still sending
        halting,   ///< halt() was called; operations of the ring are left
        halted,    ///< no core knows it
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

    class Halted final : public base::Message {
    public:
        explicit Halted(TcpStream& stream) : stream_(stream) {}
        void run() override;

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
    void halt_when_quiet();
    void fail(int error);
    void end(bool reset);
    void finish();
    [[nodiscard]] bool quiet() const { return !in_.armed() && !out_.armed() && !trouble_.armed(); }
    [[nodiscard]] bool sending() const { return state_ == State::open || state_ == State::flushing; }
    [[nodiscard]] bool closing() const { return state_ == State::flushing || state_ == State::draining; }
    [[nodiscard]] bool wants_input() const { return receiving() || (closing() && !peer_finished_); }
    [[nodiscard]] bool receiving() const { return state_ == State::open && !paused_ && !peer_finished_; }

    reactor::Reactor* reactor_;
    reactor::FileDescriptor socket_;
    StreamUser& user_;
    Readiness in_{*this, &TcpStream::readable};
    Readiness out_{*this, &TcpStream::writable};
    Readiness trouble_{*this, &TcpStream::troubled};
    CloseTimer close_timer_{*this};
    Finish finish_{*this};
    Halted halted_{*this};
    std::size_t sent_in_turn_ = 0;
    std::size_t drained_bytes_ = 0;
    State state_ = State::idle;
    bool paused_ = false;         ///< the user had no space
    bool peer_finished_ = false;  ///< the peer's end has been read
};

}  // namespace targe::transport
