#include "transport/socket_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace targe::transport {

namespace {

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
        return std::nullopt;
    }
    return value;
}

/// The index of an interface given by name or by number.
std::optional<std::uint32_t> scope_index(std::string_view text) {
    if (const auto index = number<std::uint32_t>(text)) {
        return index;
    }
    const std::uint32_t index = if_nametoindex(std::string(text).c_str());
    return index == 0 ? std::nullopt : std::optional(index);
}

/// Splits "host:port" or "[host]:port"; the port may be missing.
struct HostAndPort {
    std::string_view host;
    std::string_view port;
    bool has_port = false;
};
std::optional<HostAndPort> split(std::string_view text) {
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        const std::string_view rest = text.substr(end + 1);
        if (!rest.empty() && rest.front() != ':') {
            return std::nullopt;
        }
        return HostAndPort{text.substr(1, end - 1), rest.empty() ? rest : rest.substr(1), !rest.empty()};
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
        // No port; several colons are an IPv6 address without brackets.
        return HostAndPort{text, {}, false};
    }
    return HostAndPort{text.substr(0, colon), text.substr(colon + 1), true};
}

SocketAddress name_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
    sockaddr_storage raw{};
    socklen_t size = sizeof raw;
    if (ask(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) {
        // The peer may have gone already: 0.0.0.0:0 says that nothing is known.
        return {};
    }
    return SocketAddress::from(raw).value_or(SocketAddress{});
}

}  // namespace

std::optional<SocketAddress> SocketAddress::from(const sockaddr_storage& raw) {
    SocketAddress address;
    if (raw.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &raw, sizeof v4);
        address.port_ = ntohs(v4.sin_port);
        std::memcpy(&address.address_, &v4.sin_addr, sizeof v4.sin_addr);
        return address;
    }
    if (raw.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &raw, sizeof v6);
        address.family_ = AF_INET6;
        address.port_ = ntohs(v6.sin6_port);
        address.scope_ = v6.sin6_scope_id;
        address.address_ = v6.sin6_addr;
        return address;
    }
    return std::nullopt;
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text,
                                                  std::optional<std::uint16_t> default_port) {
    const auto parts = split(text);
    if (!parts) {
        return std::nullopt;
    }
    const auto port = parts->has_port ? number<std::uint16_t>(parts->port) : default_port;
    if (!port) {
        return std::nullopt;
    }
    SocketAddress address;
    address.port_ = *port;
    std::string_view host = parts->host;
    const bool bracketed = text.starts_with('[');
    if (!bracketed && inet_pton(AF_INET, std::string(host).c_str(), &address.address_) == 1) {
        return address;
    }
    if (const auto percent = host.find('%'); percent != std::string_view::npos) {
        const auto scope = scope_index(host.substr(percent + 1));
        if (!scope) {
            return std::nullopt;
        }
        address.scope_ = *scope;
        host = host.substr(0, percent);
    }
    address.family_ = AF_INET6;
    if (inet_pton(AF_INET6, std::string(host).c_str(), &address.address_) != 1) {
        return std::nullopt;
    }
    return address;
}

SocketAddress SocketAddress::local_of(int fd) {
    return name_of(fd, getsockname);
}

SocketAddress SocketAddress::peer_of(int fd) {
    return name_of(fd, getpeername);
}

bool SocketAddress::is_any() const {
    // Of IPv4 the unused bytes are zero as well.
    return IN6_IS_ADDR_UNSPECIFIED(&address_);
}

std::string SocketAddress::host() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family_, &address_, text.data(), text.size());
    if (scope_ == 0) {
        return text.data();
    }
    std::array<char, IF_NAMESIZE> interface{};
    if (if_indextoname(scope_, interface.data()) == nullptr) {
        return fmt::format("{}%{}", text.data(), scope_);
    }
    return fmt::format("{}%{}", text.data(), interface.data());
}

std::string SocketAddress::network(unsigned prefix_bits) const {
    SocketAddress first = *this;
    for (unsigned bit = prefix_bits; bit < 128; ++bit) {
        first.address_.s6_addr[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
    }
    return fmt::format("{}/{}", first.host(), prefix_bits);
}

std::string SocketAddress::text() const {
    return is_ipv6() ? fmt::format("[{}]:{}", host(), port_) : fmt::format("{}:{}", host(), port_);
}

SocketAddress::Raw SocketAddress::raw() const {
    Raw raw{};
    if (is_ipv6()) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port_);
        v6.sin6_scope_id = scope_;
        v6.sin6_addr = address_;
        std::memcpy(&raw.storage, &v6, sizeof v6);
        raw.size = sizeof v6;
    } else {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port_);
        std::memcpy(&v4.sin_addr, &address_, sizeof v4.sin_addr);
        std::memcpy(&raw.storage, &v4, sizeof v4);
        raw.size = sizeof v4;
    }
    return raw;
}

bool SocketAddress::operator==(const SocketAddress& other) const {
    return same_host(other) && port_ == other.port_;
}

bool SocketAddress::same_host(const SocketAddress& other) const {
    return family_ == other.family_ && scope_ == other.scope_ &&
           std::memcmp(&address_, &other.address_, sizeof address_) == 0;
}

}  // namespace targe::transport
