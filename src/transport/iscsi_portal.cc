#include "transport/iscsi_portal.h"

#include "transport/iscsi_connection.h"

#include <chrono>
#include <utility>

namespace targe::transport {

TcpOptions tcp_options(const iscsi::ConnectionOptions& connection) {
    constexpr std::chrono::seconds kLater{5};
    const auto limit = std::chrono::ceil<std::chrono::milliseconds>(connection.send_timeout);
    return {.unacknowledged_limit = limit > limit.zero() ? limit + kLater : limit.zero()};
}

IscsiPortal::IscsiPortal(IscsiService& service, reactor::Reactors& reactors, std::uint32_t number,
                         reactor::FileDescriptor listening)
    : service_(service),
      reactors_(reactors),
      number_(number),
      address_(SocketAddress::local_of(listening.get())),
      listening_(std::move(listening)) {}

IscsiPortal::~IscsiPortal() = default;

void IscsiPortal::start() {
    listener_ = std::make_unique<TcpListener>(reactors_[0], std::move(listening_), reactors_.cores(),
                                              service_.placement(), *this);
    listener_->start();
}

void IscsiPortal::close() {
    if (listener_) {
        listener_->close();
    } else {
        closed_.store(true, std::memory_order_release);
    }
}

void IscsiPortal::connected(base::Core& core, reactor::FileDescriptor socket) {
    reactor::Reactor& reactor = reactors_[core.id().value];
    const Arrival arrival{.portal = number_,
                          .peer = SocketAddress::peer_of(socket.get()),
                          .local = SocketAddress::local_of(socket.get())};
    IscsiConnection::accept(service_, core, arrival, [&](StreamUser& user) {
        tune(socket.get(), tcp_options(service_.settings().connection));
        return std::make_unique<TcpStream>(reactor, std::move(socket), user);
    });
}

void IscsiPortal::listener_closed() {
    base::post(reactors_[0], [this] {
        listener_.reset();
        closed_.store(true, std::memory_order_release);
    });
}

}  // namespace targe::transport
