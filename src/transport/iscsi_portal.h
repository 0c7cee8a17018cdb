// Where iSCSI initiators connect over TCP.
#pragma once

#include "base/core.h"
#include "iscsi/connection_options.h"
#include "reactor/reactors.h"
#include "transport/iscsi_service.h"
#include "transport/tcp_listener.h"
#include "transport/tcp_stream.h"

#include <atomic>
#include <cstdint>
#include <memory>

namespace targe::transport {

/// The kernel ends what the connection's own limits have not: later than send_timeout, which says more.
[[nodiscard]] TcpOptions tcp_options(const iscsi::ConnectionOptions& connection);

/// One listening address: every connection that it takes becomes an IscsiConnection.
class IscsiPortal final : public ConnectionTaker {
public:
    /// `number` is the portal's in the directory. On the first of `reactors` from start() on.
    IscsiPortal(IscsiService& service, reactor::Reactors& reactors, std::uint32_t number,
                reactor::FileDescriptor listening);
    ~IscsiPortal();

    /// Both on the first core. After close() the portal may be destroyed when closed() says so.
    void start();
    void close();
    [[nodiscard]] bool closed() const { return closed_.load(std::memory_order_acquire); }
    [[nodiscard]] const SocketAddress& address() const { return address_; }

private:
    void connected(base::Core& core, reactor::FileDescriptor socket) override;
    void listener_closed() override;

    IscsiService& service_;
    reactor::Reactors& reactors_;
    std::uint32_t number_;
    SocketAddress address_;
    reactor::FileDescriptor listening_;
    std::unique_ptr<TcpListener> listener_;
    std::atomic<bool> closed_ = false;
};

}  // namespace targe::transport
