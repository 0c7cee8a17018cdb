// Connections that come in on a portal, and the cores that they go to.
#pragma once

#include "base/core.h"
#include "reactor/file_descriptor.h"
#include "reactor/reactor.h"
#include "transport/placement.h"
#include "transport/socket_address.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

namespace targe::transport {

struct ListenError {
    int error;         ///< errno
    std::string text;  ///< why, and the likely cause
    std::string cure;  ///< what to do or run next; may be empty
};

/// A listening socket, not yet accepting. An IPv6 one takes IPv6 only, so that 0.0.0.0 and :: can both be
/// portals. Port 0 means any: SocketAddress::local_of() tells which.
[[nodiscard]] std::expected<reactor::FileDescriptor, ListenError> listen_on(const SocketAddress& address,
                                                                            int backlog = 1024);

/// Whom connections are given to.
class ConnectionTaker {
public:
    /// On `core`, where the connection is to stay; Placement::left() is told when it has ended.
    virtual void connected(base::Core& core, reactor::FileDescriptor socket) = 0;
    /// On the listener's core, its last call: the listener may be destroyed in it. Connections that it
    /// accepted may still be on their way to their cores.
    virtual void listener_closed() = 0;

protected:
    ~ConnectionTaker() = default;
};

struct AcceptStats {
    std::uint64_t accepted = 0;
    std::uint64_t failed = 0;  ///< accept() gave an error: mostly a shortage of descriptors
};

/// Accepts on one core and hands each connection to the core with the fewest. Made, used and destroyed on its
/// reactor's core; destroyed only after listener_closed().
class TcpListener final : public reactor::Completion {
public:
    TcpListener(reactor::Reactor& reactor, reactor::FileDescriptor listening, base::Cores cores,
                Placement& placement, ConnectionTaker& taker);
    TcpListener(const TcpListener&) = delete;
    TcpListener& operator=(const TcpListener&) = delete;
    ~TcpListener();

    void start();
    /// Accepts nothing more; listener_closed() follows, in a later turn.
    void close();
    [[nodiscard]] AcceptStats stats() const { return stats_; }

private:
    class RetryTimer final : public base::Timer {
    public:
        explicit RetryTimer(TcpListener& listener) : listener_(listener) {}
        void expired() override { listener_.accept(); }

    private:
        TcpListener& listener_;
    };

    void completed(int result, unsigned flags) override;
    void accept();
    void hand_over(reactor::FileDescriptor socket);
    /// Tells the administrator, once until a connection was accepted again.
    void note_shortage(int error);
    void finish();

    reactor::Reactor& reactor_;
    reactor::FileDescriptor listening_;
    base::Cores cores_;
    Placement& placement_;
    ConnectionTaker& taker_;
    RetryTimer retry_{*this};
    AcceptStats stats_;
    bool accepting_ = false;  ///< the ring has our accept
    bool closing_ = false;
    bool short_ = false;  ///< of descriptors or memory
};

}  // namespace targe::transport
