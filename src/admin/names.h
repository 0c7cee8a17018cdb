// The written forms of iSCSI names and TCP addresses.
#pragma once

#include "admin/config.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace targe::admin {

/// The name in lower case, as names are compared, or what is wrong with it. Of the types iqn., eui. and naa.
/// [RFC 7143 4.2.7]; ASCII only.
[[nodiscard]] std::expected<std::string, std::string> parse_iscsi_name(std::string_view text);

/// Devices and their groups have plain names, which can be part of a file's name: up to kLongestPlainName of
/// A-Z a-z 0-9 - _ .
constexpr std::size_t kLongestPlainName = 64;
[[nodiscard]] bool is_plain_name(std::string_view text);

/// A path without `.` and slashes that say nothing. With `..` it stays as it is: after a link that leads
/// elsewhere than the text says.
[[nodiscard]] std::string plain_path(const std::string& path);

/// Whether a host name will do, too.
enum class AddressForm : std::uint8_t { numeric, any };

/// "192.0.2.1:3260", "[2001:db8::1]:3260", either without ":port"; or what is wrong with it. Numeric
/// addresses come back as the system writes them, so equal ones are equal text.
[[nodiscard]] std::expected<Endpoint, std::string> parse_endpoint(std::string_view text, AddressForm form);

/// "0.0.0.0" and "::" listen on every address of their kind.
[[nodiscard]] bool is_wildcard(const Endpoint& endpoint);
[[nodiscard]] bool is_ipv6(const Endpoint& endpoint);

}  // namespace targe::admin
