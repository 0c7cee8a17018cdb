#include "bench/session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

// Blocking, and before anything is measured.
namespace targe::bench {

namespace {

void send_all(int socket, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            throw std::runtime_error("the connection broke during login");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
}

void receive_all(int socket, std::span<std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), MSG_WAITALL);
        if (got <= 0) {
            throw std::runtime_error("the target closed the connection during login");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
}

std::map<std::string, std::string> keys_of(std::span<const std::byte> data) {
    std::map<std::string, std::string> keys;
    std::string text(data.size(), '\0');
    std::memcpy(text.data(), data.data(), data.size());
    for (std::size_t at = 0; at < text.size();) {
        const std::string pair = text.substr(at, text.find('\0', at) - at);
        at += pair.size() + 1;
        const std::size_t equals = pair.find('=');
        if (equals != std::string::npos) {
            keys[pair.substr(0, equals)] = pair.substr(equals + 1);
        }
    }
    return keys;
}

std::string pair(const std::string& key, const std::string& value) {
    return key + "=" + value + '\0';
}

}  // namespace

void Session::connect_to(const SessionOptions& options) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options.port);
    if (::inet_pton(AF_INET, options.address.c_str(), &address.sin_addr) != 1 ||
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw std::runtime_error("cannot connect to " + options.address + ":" + std::to_string(options.port));
    }
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

std::map<std::string, std::string> Session::login_step(const SessionOptions& options, unsigned flags,
                                                       const std::string& text) {
    std::vector<std::byte> request(48 + padded(text.size()));
    put(request, 0, 1, kLogin | 0x40U);
    put(request, 1, 1, flags);
    put(request, 5, 3, text.size());
    put(request, 8, 1, 0x80);
    put(request, 9, 5, options.isid);
    put(request, 24, 4, cmd_sn_);
    put(request, 28, 4, exp_stat_sn_);
    std::memcpy(request.data() + 48, text.data(), text.size());
    send_all(socket_, request);

    Header header{};
    receive_all(socket_, header);
    std::vector<std::byte> data(padded(data_length(header)));
    receive_all(socket_, data);
    if ((get8(header, 0) & 0x3FU) != kLoginResponse || get8(header, 36) != 0) {
        throw std::runtime_error("login refused with status " + std::to_string(get8(header, 36)) + "/" +
                                 std::to_string(get8(header, 37)));
    }
    if ((get8(header, 1) & 0xC0U) != 0x80) {
        throw std::runtime_error("the target does not end the login stage");
    }
    exp_stat_sn_ = get32(header, 24) + 1;
    max_cmd_sn_ = get32(header, 32);
    return keys_of(std::span(data).first(data_length(header)));
}

void Session::log_in(const SessionOptions& options) {
    login_step(options, 0x81U,
               pair("InitiatorName", options.initiator) + pair("TargetName", options.target) +
                   pair("SessionType", "Normal") + pair("AuthMethod", "None"));
    const std::string digest = options.digests ? "CRC32C" : "None";
    agree(login_step(options, 0x87U,
                     pair("HeaderDigest", digest) + pair("DataDigest", digest) +
                         pair("MaxRecvDataSegmentLength", "262144") + pair("MaxBurstLength", "1048576") +
                         pair("FirstBurstLength", "262144") + pair("InitialR2T", "No") +
                         pair("ImmediateData", "Yes") + pair("MaxOutstandingR2T", "8") +
                         pair("MaxConnections", "1") + pair("ErrorRecoveryLevel", "0") +
                         pair("DefaultTime2Wait", "0") + pair("DefaultTime2Retain", "0")));
    if (options.digests && !(agreed_.header_digest && agreed_.data_digest)) {
        throw std::runtime_error("the target refuses digests");
    }
}

void Session::agree(const std::map<std::string, std::string>& keys) {
    const auto has = [&](const char* key, const char* value) {
        const auto found = keys.find(key);
        return found != keys.end() && found->second == value;
    };
    const auto number = [&](const char* key, std::size_t otherwise) {
        const auto found = keys.find(key);
        return found == keys.end() ? otherwise : std::stoul(found->second);
    };
    agreed_.max_send_segment = number("MaxRecvDataSegmentLength", 8192);
    agreed_.first_burst = std::min<std::size_t>(number("FirstBurstLength", 65536), 262144);
    agreed_.immediate_data = !has("ImmediateData", "No");
    agreed_.initial_r2t = !has("InitialR2T", "No");
    agreed_.header_digest = has("HeaderDigest", "CRC32C");
    agreed_.data_digest = has("DataDigest", "CRC32C");
}

}  // namespace targe::bench
