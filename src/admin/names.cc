#include "admin/names.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <system_error>

namespace targe::admin {
namespace {

constexpr std::size_t kLongestIscsiName = 223;  // [RFC 7143 4.2.7.1]

constexpr bool digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool hex(char c) {
    return digit(c) || (c >= 'a' && c <= 'f');
}
constexpr bool letter(char c) {
    return c >= 'a' && c <= 'z';
}
constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::optional<std::string> fault_of_date_and_authority(std::string_view rest) {
    const bool date = rest.size() >= 8 && std::ranges::all_of(rest.substr(0, 4), digit) && rest[4] == '-' &&
                      std::ranges::all_of(rest.substr(5, 2), digit) && rest[7] == '.';
    if (!date) {
        return "after 'iqn.' comes a year and month and a dot, as in iqn.2026-11.com.example:disk";
    }
    const std::string_view month = rest.substr(5, 2);
    if (month < "01" || month > "12") {
        return fmt::format("'{}' is no month", month);
    }
    const std::string_view authority = rest.substr(
        8, rest.find(':') == std::string_view::npos ? std::string_view::npos : rest.find(':') - 8);
    if (authority.empty() || authority.front() == '.' || authority.back() == '.' ||
        authority.find("..") != std::string_view::npos) {
        return "after the date comes a reversed domain name, as in iqn.2026-11.com.example:disk";
    }
    return std::nullopt;
}

std::optional<std::string> fault_of_hex_digits(std::string_view rest, std::string_view type, bool may_be_32) {
    if (!std::ranges::all_of(rest, hex) || (rest.size() != 16 && !(may_be_32 && rest.size() == 32))) {
        return fmt::format("after '{}' come 16{} hexadecimal digits", type, may_be_32 ? " or 32" : "");
    }
    return std::nullopt;
}

std::optional<std::string> fault_of(std::string_view name) {
    if (name.size() > kLongestIscsiName) {
        return fmt::format("it has {} characters, and {} are the most", name.size(), kLongestIscsiName);
    }
    for (const char c : name) {
        if (!letter(c) && !digit(c) && c != '-' && c != '.' && c != ':') {
            return "only letters and digits of ASCII, '-', '.' and ':' may be in it";
        }
    }
    if (name.starts_with("iqn.")) {
        return fault_of_date_and_authority(name.substr(4));
    }
    if (name.starts_with("eui.")) {
        return fault_of_hex_digits(name.substr(4), "eui.", false);
    }
    if (name.starts_with("naa.")) {
        return fault_of_hex_digits(name.substr(4), "naa.", true);
    }
    return "it begins with none of 'iqn.', 'eui.' and 'naa.'";
}

/// What the system makes of a numeric address, or nothing.
std::optional<std::string> canonical(const std::string& text, int family) {
    std::array<std::byte, sizeof(in6_addr)> raw{};
    std::array<char, INET6_ADDRSTRLEN> out{};
    if (inet_pton(family, text.c_str(), raw.data()) != 1 ||
        inet_ntop(family, raw.data(), out.data(), out.size()) == nullptr) {
        return std::nullopt;
    }
    return std::string(out.data());
}

std::optional<std::string> canonical_ipv6(std::string_view text) {
    const std::size_t percent = text.find('%');
    auto address = canonical(std::string(text.substr(0, percent)), AF_INET6);
    if (address && percent != std::string_view::npos) {
        address->append(text.substr(percent));
    }
    return address;
}

bool host_name(std::string_view text) {
    return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
        return letter(lower(c)) || digit(c) || c == '-' || c == '.';
    }) && !std::ranges::all_of(text, [](char c) { return digit(c) || c == '.'; });
}

std::expected<std::uint16_t, std::string> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
        return std::unexpected(fmt::format("'{}' is no port number", text));
    }
    return port;
}

struct Split {
    std::string_view host;
    std::string_view port;  ///< empty: none
    bool brackets = false;
};

std::expected<Split, std::string> split(std::string_view text) {
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos || (close + 1 < text.size() && text[close + 1] != ':')) {
            return std::unexpected("after '[' comes an IPv6 address, ']' and ':port'");
        }
        const bool has_port = close + 1 < text.size();
        if (has_port && close + 2 == text.size()) {
            return std::unexpected("the port after ':' is missing");
        }
        return Split{.host = text.substr(1, close - 1),
                     .port = has_port ? text.substr(close + 2) : std::string_view{},
                     .brackets = true};
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return Split{.host = text, .port = {}};
    }
    if (text.find(':', colon + 1) != std::string_view::npos) {
        return std::unexpected("an IPv6 address is written in brackets, as in \"[::1]:3260\"");
    }
    if (colon + 1 == text.size()) {
        return std::unexpected("the port after ':' is missing");
    }
    return Split{.host = text.substr(0, colon), .port = text.substr(colon + 1)};
}

}  // namespace

std::string to_string(const Endpoint& endpoint) {
    return is_ipv6(endpoint) ? fmt::format("[{}]:{}", endpoint.address, endpoint.port)
                             : fmt::format("{}:{}", endpoint.address, endpoint.port);
}

bool is_ipv6(const Endpoint& endpoint) {
    return endpoint.address.find(':') != std::string::npos;
}

bool is_wildcard(const Endpoint& endpoint) {
    return endpoint.address == "0.0.0.0" || endpoint.address == "::";
}

std::expected<std::string, std::string> parse_iscsi_name(std::string_view text) {
    std::string name(text);
    std::ranges::transform(name, name.begin(), lower);
    if (auto fault = fault_of(name)) {
        return std::unexpected(std::move(*fault));
    }
    return name;
}

bool is_plain_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestPlainName && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    });
}

std::string plain_path(const std::string& path) {
    const std::filesystem::path parts(path);
    return std::ranges::find(parts, "..") == parts.end() ? parts.lexically_normal().string() : path;
}

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text, AddressForm form) {
    const auto parts = split(text);
    if (!parts) {
        return std::unexpected(parts.error());
    }
    Endpoint endpoint;
    if (!parts->port.empty()) {
        const auto port = parse_port(parts->port);
        if (!port) {
            return std::unexpected(port.error());
        }
        endpoint.port = *port;
    }
    const auto address =
        parts->brackets ? canonical_ipv6(parts->host) : canonical(std::string(parts->host), AF_INET);
    if (address) {
        endpoint.address = *address;
        return endpoint;
    }
    if (form == AddressForm::any && !parts->brackets && host_name(parts->host)) {
        endpoint.address = parts->host;
        return endpoint;
    }
    return std::unexpected(form == AddressForm::any
                               ? fmt::format("'{}' is neither an address nor a host name", parts->host)
                               : fmt::format("'{}' is no numeric address", parts->host));
}

}  // namespace targe::admin
