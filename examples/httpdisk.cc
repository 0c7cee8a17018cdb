// A read-only disk over HTTP: httpdisk SOCKET HOST PORT PATH. Each read is a request with a Range.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <targe_async.h>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

[[noreturn]] void fail(int error) { throw std::system_error(error, std::generic_category()); }

struct Url {
    std::string host, port, path;
};

/// Header and body of the answer to one request, on a connection of its own.
std::string ask(const Url& url, const std::string& method, const std::string& range) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found) != 0) fail(ENODEV);
    const int connection = ::socket(found->ai_family, SOCK_STREAM, 0);
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const std::string request = method + " " + url.path + " HTTP/1.1\r\nHost: " + url.host + "\r\nConnection: close\r\n" + range + "\r\n";
    std::string answer;
    if (::connect(connection, found->ai_addr, found->ai_addrlen) == 0 &&
        ::send(connection, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
        char piece[65536];
        for (ssize_t got = 0; (got = ::recv(connection, piece, sizeof piece, 0)) > 0;) {
            answer.append(piece, static_cast<std::size_t>(got));
        }
    }
    ::freeaddrinfo(found);
    ::close(connection);
    if (answer.empty()) fail(ENODEV);  // NOT READY: the server may come back
    return answer;
}

std::string lower(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
}

class HttpDisk final : public targe::BlockHandler {
public:
    explicit HttpDisk(Url url) : url_(std::move(url)) {
        const std::string header = lower(ask(url_, "HEAD", ""));
        const auto at = header.find("\r\ncontent-length:");
        size_ = at == std::string::npos ? 0 : std::strtoull(header.c_str() + at + 17, nullptr, 10) / 512 * 512;
    }
    [[nodiscard]] std::uint64_t size() const { return size_; }

    targe::Answer read(targe_io& io) override {
        co_await workers_;
        const std::string answer = ask(url_, "GET", "Range: bytes=" + std::to_string(io.offset) + "-" + std::to_string(io.offset + io.length - 1) + "\r\n");
        const auto body = answer.find("\r\n\r\n");
        if (answer.find(" 206 ") > 12 || body == std::string::npos || answer.size() - body - 4 != io.length) {
            co_return -EIO;
        }
        answer.copy(static_cast<char*>(io.data), io.length, body + 4);
        co_return 0;
    }

private:
    Url url_;
    std::uint64_t size_;
    targe::Workers workers_{8};
};

targe::Attachment* attached = nullptr;

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 5) {
        std::fputs("usage: httpdisk SOCKET HOST PORT PATH\n", stderr);
        return 2;
    }
    HttpDisk disk({.host = argv[2], .port = argv[3], .path = argv[4]});
    targe_attachment how{};
    how.socket = argv[1];
    how.name = "httpdisk 1";
    how.size = disk.size();
    how.reattach = 1;
    targe::Attachment attachment(disk, how, 10'000);
    attached = &attachment;
    std::signal(SIGTERM, [](int) { attached->stop(); });
    return attachment.run() == 0 ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "httpdisk: %s (http://%s:%s%s at %s)\n", error.what(), argv[2], argv[3], argv[4], argv[1]);
    return 1;
}
