// Where a logical unit is, as libiscsi and QEMU write it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace targe::initiator {

struct Credentials {
    std::string user;
    std::string password;
    bool operator==(const Credentials&) const = default;
};

struct Url {
    std::string user = {};                     ///< empty: none was given
    std::optional<std::string> password = {};  ///< only with a user
    std::string host = {};                     ///< a name or an address; one of IPv6 without its brackets
    std::uint16_t port = 3260;
    std::string target = {};
    std::uint16_t lun = 0;
    bool operator==(const Url&) const = default;
};

/// "iscsi://[USER[:PASSWORD]@]HOST[:PORT]/TARGET/LUN". USER and PASSWORD may have %40 for "@" and the like;
/// LUN is below 16384. The error says what is wrong with it.
[[nodiscard]] std::expected<Url, std::string> parse_url(std::string_view text);

}  // namespace targe::initiator
