#include "initiator/url.h"

#include <charconv>

namespace targe::initiator {
namespace {

constexpr std::string_view kScheme = "iscsi://";
constexpr std::size_t kMaxTargetBytes = 223;  ///< [RFC 7143 4.2.7.1]
constexpr std::uint16_t kMaxLun = 0x3fff;     ///< what flat space addressing holds, [SAM-5 r21 4.7.7.3]

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        unsigned code = 0;
        const std::string_view digits = text.substr(i + 1, 2);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) {
            return std::nullopt;
        }
        out.push_back(static_cast<char>(code));
        i += 2;
    }
    return out;
}

/// "[::1]:3260", "192.0.2.1", "host:3260"
std::optional<std::string> take_portal(std::string_view portal, Url& url) {
    std::string_view rest;
    if (portal.starts_with('[')) {
        const std::size_t end = portal.find(']');
        if (end == std::string_view::npos) {
            return "the ']' after an IPv6 address is missing";
        }
        url.host = portal.substr(1, end - 1);
        rest = portal.substr(end + 1);
    } else {
        const std::size_t colon = portal.find(':');
        url.host = portal.substr(0, colon);
        rest = colon == std::string_view::npos ? std::string_view{} : portal.substr(colon);
        if (rest.find(':', 1) != std::string_view::npos && !rest.empty()) {
            return "an IPv6 address stands in brackets: iscsi://[::1]:3260/…";
        }
    }
    if (url.host.empty()) {
        return "the host is missing";
    }
    if (!rest.empty()) {
        const auto port = rest.front() == ':' ? number<std::uint16_t>(rest.substr(1)) : std::nullopt;
        if (!port || *port == 0) {
            return "the port is not a number from 1 to 65535";
        }
        url.port = *port;
    }
    return std::nullopt;
}

std::optional<std::string> take_user(std::string_view who, Url& url) {
    const std::size_t colon = who.find(':');
    const auto user = unescaped(who.substr(0, colon));
    if (!user || user->empty()) {
        return "the user before '@' is empty, or has a '%' that no two hexadecimal digits follow";
    }
    url.user = *user;
    if (colon != std::string_view::npos) {
        url.password = unescaped(who.substr(colon + 1));
        if (!url.password || url.password->empty()) {
            return "the password before '@' is empty, or has a '%' that no two hexadecimal digits follow";
        }
    }
    return std::nullopt;
}

}  // namespace

std::expected<Url, std::string> parse_url(std::string_view text) {
    if (!text.starts_with(kScheme)) {
        return std::unexpected("it does not begin with iscsi://");
    }
    std::string_view rest = text.substr(kScheme.size());
    const std::size_t slash = rest.find('/');
    const std::string_view authority = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    Url url;
    const std::size_t at = authority.rfind('@');
    if (at != std::string_view::npos) {
        if (auto wrong = take_user(authority.substr(0, at), url)) {
            return std::unexpected(*wrong);
        }
    }
    if (auto wrong = take_portal(authority.substr(at == std::string_view::npos ? 0 : at + 1), url)) {
        return std::unexpected(*wrong);
    }
    const std::size_t last = rest.rfind('/');
    url.target = rest.substr(0, last);
    if (url.target.empty() || url.target.size() > kMaxTargetBytes) {
        return std::unexpected("the target's name is missing, or longer than 223 bytes");
    }
    const auto lun =
        last == std::string_view::npos ? std::nullopt : number<std::uint16_t>(rest.substr(last + 1));
    if (!lun || *lun > kMaxLun) {
        return std::unexpected("it does not end in /LUN, a number from 0 to 16383");
    }
    url.lun = *lun;
    return url;
}

}  // namespace targe::initiator
