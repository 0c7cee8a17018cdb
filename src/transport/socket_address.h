// An IP address with a port, as text and as the kernel takes it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace targe::transport {

/// IPv4 or IPv6, the latter with its scope. Names are not resolved: a portal is an address.
class SocketAddress {
public:
    /// 0.0.0.0:0
    SocketAddress() = default;
    /// Nothing when `raw` is of neither family.
    [[nodiscard]] static std::optional<SocketAddress> from(const sockaddr_storage& raw);
    /// "192.0.2.10:3260", "[2001:db8::1]:3260", "[fe80::1%eth0]:3260"; without a port when `default_port` is
    /// given, and then the brackets may be left out.
    [[nodiscard]] static std::optional<SocketAddress> parse(std::string_view text,
                                                            std::optional<std::uint16_t> default_port = {});
    /// The address that the socket is bound to, and the one that it is connected to.
    [[nodiscard]] static SocketAddress local_of(int fd);
    [[nodiscard]] static SocketAddress peer_of(int fd);

    [[nodiscard]] bool is_ipv6() const { return family_ == AF_INET6; }
    /// 0.0.0.0 or ::, which stands for every address of the host.
    [[nodiscard]] bool is_any() const;
    [[nodiscard]] std::uint16_t port() const { return port_; }
    void set_port(std::uint16_t port) { port_ = port; }

    /// As parse() takes it, with brackets around IPv6: the form of a TargetAddress, [RFC 7143 13.8].
    [[nodiscard]] std::string text() const;
    /// Without brackets and port.
    [[nodiscard]] std::string host() const;
    /// "2001:db8:1:2::/64": what an IPv6 address has in common with its neighbours, with the scope of host().
    [[nodiscard]] std::string network(unsigned prefix_bits) const;

    struct Raw {
        sockaddr_storage storage;
        socklen_t size;
    };
    [[nodiscard]] Raw raw() const;

    bool operator==(const SocketAddress& other) const;
    /// The same host, whatever the port.
    [[nodiscard]] bool same_host(const SocketAddress& other) const;

private:
    sa_family_t family_ = AF_INET;
    std::uint16_t port_ = 0;   ///< in the host's order
    std::uint32_t scope_ = 0;  ///< IPv6 only
    in6_addr address_{};       ///< IPv4 in the first four bytes
};

}  // namespace targe::transport
