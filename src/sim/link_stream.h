// The target's end of a simulated connection.
#pragma once

#include "sim/link.h"
#include "transport/stream.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace targe::sim {

/// As a TcpStream: sends once a turn all that the window takes, receives what has come.
class LinkStream final : public transport::Stream {
public:
    LinkStream(std::shared_ptr<Link> link, SimCore& core, transport::StreamUser& user);
    ~LinkStream() override;

    void start() override;
    void send_soon() override;
    void resume_receiving() override;
    void halt() override;
    /// `core` is a SimCore.
    void go_on(base::Core& core) override;
    void close(base::Duration limit) override;
    void abort() override;

    // The link's, on the stream's core.
    [[nodiscard]] SimCore& core() const { return *core_; }
    void readable();
    void writable();
    /// The initiator's end is gone: by an error, or by a close in order (0).
    void reset(int error);

private:
    enum class State : std::uint8_t { idle, open, halting, halted, flushing, ending, closed };
    class CloseTimer final : public base::Timer {
    public:
        explicit CloseTimer(LinkStream& stream) : stream_(stream) {}
        void expired() override { stream_.abort(); }

    private:
        LinkStream& stream_;
    };

    void halt_now();
    void receive();
    void send();
    void end(bool reset);
    void hear_of_reset();
    static constexpr int kNoReset = -1;
    void later(void (LinkStream::*what)());

    std::shared_ptr<Link> link_;
    SimCore* core_;
    transport::StreamUser& user_;
    CloseTimer close_timer_{*this};
    State state_ = State::idle;
    bool paused_ = false;  ///< the user had no space
    bool receive_due_ = false;
    bool send_due_ = false;
    int reset_with_ = kNoReset;  ///< heard of while it was halted
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace targe::sim
