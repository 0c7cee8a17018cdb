// bare --port P [--file PATH | --memory BYTES] [--wait spin|sleep]
//
// What the machine can do at all: answers a load generator with the bytes that a target would send, and knows
// nothing of SCSI. Everything that has arrived is answered with one call. Reads come from one buffer, from
// memory as large as a unit, or from a file; writes are dropped, or go there. Both digests are made where
// they are asked for. For one load generator at a time; it checks nothing.
#include "bench/arguments.h"
#include "initiator/pdu.h"
#include "wire/crc32c.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace targe::bench {
namespace {

using initiator::data_length;
using initiator::get32;
using initiator::get8;
using initiator::Header;
using initiator::kCommand;
using initiator::kDataIn;
using initiator::kLogin;
using initiator::kLoginResponse;
using initiator::kLogout;
using initiator::kLogoutResponse;
using initiator::kResponse;
using initiator::Opcode;
using initiator::padded;
using initiator::put;

constexpr std::size_t kInputSize = std::size_t{4} << 20U;   // eight writes of 256 KiB, and more
constexpr std::size_t kOutputSize = std::size_t{4} << 20U;  // as many reads
constexpr std::size_t kMaxHeaders = 4096;
constexpr std::size_t kDigest = 4;
constexpr std::uint32_t kWindow = 1024;

/// Where data are: in neither, reads are answered from one small buffer and writes dropped.
struct Store {
    int file = -1;
    std::span<std::byte> memory = {};
};

/// One connection: what arrived is parsed in place, what is answered is gathered and sent at once.
class Peer {
public:
    Peer(int socket, const Store& store)
        : socket_(socket), store_(store), input_(kInputSize), output_(kOutputSize) {
        headers_.resize(kMaxHeaders);
    }
    ~Peer() { ::close(socket_); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    [[nodiscard]] int descriptor() const { return socket_; }
    [[nodiscard]] bool ended() const { return ended_; }

    /// False when nothing had arrived.
    bool turn() {
        const ssize_t got = ::recv(socket_, input_.data() + filled_, input_.size() - filled_, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return false;
        }
        if (got <= 0) {
            ended_ = true;
            return true;
        }
        filled_ += static_cast<std::size_t>(got);
        answer_all();
        send_all();
        return true;
    }

private:
    void answer_all() {
        std::size_t at = 0;
        while (filled_ - at >= sizeof(Header)) {
            const std::span<const std::byte> pdu = std::span{input_}.subspan(at, filled_ - at);
            const std::size_t data = padded(data_length(pdu));
            const std::size_t size = header_size() + data + (digests_ && data > 0 ? kDigest : 0);
            if (pdu.size() < size || used_headers_ == kMaxHeaders) {
                break;
            }
            answer(pdu.first(size));
            at += size;
        }
        std::memmove(input_.data(), input_.data() + at, filled_ - at);
        filled_ -= at;
    }

    void answer(std::span<const std::byte> pdu) {
        const std::uint8_t opcode = get8(pdu, 0) & 0x3FU;
        if (opcode == kCommand) {
            command(pdu);
        } else if (opcode == kLogin) {
            login(pdu);
        } else if (opcode == kLogout) {
            put(begin(kLogoutResponse, pdu), 1, 1, 0x80);
            end_header();
        }
    }

    [[nodiscard]] std::size_t header_size() const { return sizeof(Header) + (digests_ ? kDigest : 0); }

    void command(std::span<const std::byte> pdu) {
        cmd_sn_ = get32(pdu, 24) + 1;
        const std::uint8_t operation = get8(pdu, 32);
        const std::size_t length = get32(pdu, 20);
        const std::size_t place = std::size_t{get32(pdu, 38)} * 512;  // the low half of an LBA is enough here
        if (operation == 0x88 && used_output_ + length <= output_.size()) {
            Header& header = begin(kDataIn, pdu);
            put(header, 1, 1, 0x81);  // final, with status
            put(header, 5, 3, length);
            put(header, 20, 4, 0xFFFFFFFFU);
            end_header();
            push_data(read_from(place, length), length);
            return;
        }
        if (operation == 0x8A) {
            write_to(place, pdu.subspan(header_size(), length));
        }
        put(begin(kResponse, pdu), 1, 1, 0x80);
        end_header();
    }

    /// With digests they are copied, as a target copies what another initiator may write meanwhile.
    void push_data(std::byte* data, std::size_t length) {
        if (!digests_) {
            push(data, length);
            return;
        }
        std::byte* const copy = output_.data() + used_output_;
        const std::uint32_t digest = wire::copy_with_crc32c(0, {data, length}, copy);
        std::memcpy(copy + length, &digest, kDigest);
        used_output_ += length + kDigest;
        push(copy, length + kDigest);
    }

    std::byte* read_from(std::size_t place, std::size_t length) {
        if (!store_.memory.empty()) {
            return store_.memory.subspan(place, length).data();
        }
        if (store_.file < 0) {
            return output_.data();  // the same again and again: as hot as data can be
        }
        std::byte* const data = output_.data() + used_output_;
        used_output_ += length;
        check(::pread(store_.file, data, length, static_cast<off_t>(place)));
        return data;
    }

    void write_to(std::size_t place, std::span<const std::byte> data) const {
        if (!store_.memory.empty()) {
            std::memcpy(store_.memory.subspan(place, data.size()).data(), data.data(), data.size());
        } else if (store_.file >= 0) {
            check(::pwrite(store_.file, data.data(), data.size(), static_cast<off_t>(place)));
        }
    }

    void login(std::span<const std::byte> pdu) {
        const std::string_view asked{reinterpret_cast<const char*>(pdu.data()), pdu.size()};
        const bool digests = asked.contains("HeaderDigest=CRC32C");
        static constexpr char kDigests[] = "HeaderDigest=CRC32C\0DataDigest=CRC32C";
        static constexpr char kNone[] = "HeaderDigest=None\0DataDigest=None";
        static constexpr char kKeys[] =
            "MaxRecvDataSegmentLength=1048576\0MaxBurstLength=1048576\0"
            "FirstBurstLength=262144\0InitialR2T=No\0ImmediateData=Yes\0MaxOutstandingR2T=8\0";
        cmd_sn_ = get32(pdu, 24);
        Header& header = begin(kLoginResponse, pdu);
        put(header, 1, 1, get8(pdu, 1));
        std::memcpy(header.data() + 8, pdu.data() + 8, 6);
        put(header, 14, 2, 1);
        if ((get8(pdu, 1) & 3U) == 3) {
            // Each of these ends with a NUL, the last with one too many.
            std::string keys =
                digests ? std::string(kDigests, sizeof kDigests) : std::string(kNone, sizeof kNone);
            keys.append(kKeys, sizeof kKeys - 1);
            put(header, 5, 3, keys.size());
            keys.resize(padded(keys.size()));
            std::memcpy(output_.data() + used_output_, keys.data(), keys.size());
            push(output_.data() + used_output_, keys.size());
            digests_ = digests;
        }
    }

    Header& begin(Opcode opcode, std::span<const std::byte> request) {
        Header& header = headers_[used_headers_++].header;
        header = {};
        put(header, 0, 1, opcode);
        std::memcpy(header.data() + 16, request.data() + 16, 4);
        put(header, 24, 4, stat_sn_++);
        put(header, 28, 4, cmd_sn_);
        put(header, 32, 4, cmd_sn_ + kWindow);
        push(header.data(), header_size());
        return header;
    }

    /// All of it is there: digests, which are negotiated for what comes after the login.
    void end_header() {
        if (digests_) {
            SealedHeader& last = headers_[used_headers_ - 1];
            last.digest = wire::crc32c(0, last.header);
        }
    }

    void push(void* data, std::size_t size) { pieces_.push_back({.iov_base = data, .iov_len = size}); }

    static void check(ssize_t moved) {
        if (moved < 0) {
            throw std::runtime_error("the file cannot be read or written");
        }
    }

    void send_all() {
        std::size_t next = 0;
        while (next < pieces_.size() && !ended_) {
            msghdr message{};
            message.msg_iov = pieces_.data() + next;
            message.msg_iovlen = std::min<std::size_t>(pieces_.size() - next, IOV_MAX);
            const ssize_t sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno == EAGAIN) {
                pollfd entry{.fd = socket_, .events = POLLOUT, .revents = 0};
                ::poll(&entry, 1, 1000);
                continue;
            }
            ended_ = sent < 0;
            for (auto left = static_cast<std::size_t>(std::max<ssize_t>(sent, 0)); left > 0;) {
                iovec& piece = pieces_[next];
                const std::size_t part = std::min(left, piece.iov_len);
                piece.iov_base = static_cast<std::byte*>(piece.iov_base) + part;
                piece.iov_len -= part;
                left -= part;
                next += piece.iov_len == 0 ? 1 : 0;
            }
        }
        pieces_.clear();
        used_headers_ = 0;
        used_output_ = 0;
    }

    int socket_;
    Store store_;
    bool ended_ = false;
    bool digests_ = false;
    std::uint32_t stat_sn_ = 0;
    std::uint32_t cmd_sn_ = 0;
    std::vector<std::byte> input_;
    std::size_t filled_ = 0;
    std::vector<std::byte> output_;
    std::size_t used_output_ = 0;
    struct SealedHeader {
        Header header;
        std::uint32_t digest;  ///< little-endian, as the machine is
    };
    static_assert(sizeof(SealedHeader) == sizeof(Header) + kDigest);
    std::vector<SealedHeader> headers_;
    std::size_t used_headers_ = 0;
    std::vector<iovec> pieces_;
};

int listen_on(std::uint16_t port) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 64) != 0) {
        throw std::runtime_error("cannot listen on port " + std::to_string(port));
    }
    return listener;
}

int open_file(const std::string& path) {
    const int file = path.empty() ? -1 : ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (!path.empty() && file < 0) {
        throw std::runtime_error("cannot open " + path);
    }
    return file;
}

/// Every byte of it written once, as the data of a unit are.
std::span<std::byte> map_memory(std::size_t size) {
    if (size == 0) {
        return {};
    }
    void* const memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::runtime_error("no memory for " + std::to_string(size) + " bytes");
    }
    std::memset(memory, 0x5A, size);
    return {static_cast<std::byte*>(memory), size};
}

void serve(int listener, const Store& store, bool spins) {
    std::vector<std::unique_ptr<Peer>> peers;
    std::vector<pollfd> entries;
    for (;;) {
        bool arrived = false;
        for (const auto& peer : peers) {
            arrived = peer->turn() || arrived;
        }
        std::erase_if(peers, [](const auto& peer) { return peer->ended(); });
        if (arrived) {
            continue;
        }
        entries.assign(1, {.fd = listener, .events = POLLIN, .revents = 0});
        for (const auto& peer : peers) {
            entries.push_back({.fd = peer->descriptor(), .events = POLLIN, .revents = 0});
        }
        // One that spins looks for new connections only while it has none: the generator makes all at once.
        if (!spins || peers.empty() || peers.front()->ended()) {
            ::poll(entries.data(), entries.size(), -1);
        }
        for (int socket = 0; (socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
            const int on = 1;
            ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            peers.push_back(std::make_unique<Peer>(socket, store));
        }
    }
}

}  // namespace
}  // namespace targe::bench

int main(int count, char** values) {
    try {
        targe::bench::Arguments arguments(count, values);
        const auto port = arguments.number<std::uint16_t>("port", 3260);
        const std::string path = arguments.text("file", "");
        const auto memory = arguments.number<std::size_t>("memory", 0);
        const bool spins = arguments.text("wait", "sleep") == "spin";
        arguments.finish();
        const targe::bench::Store store{.file = targe::bench::open_file(path),
                                        .memory = targe::bench::map_memory(memory)};
        const int listener = targe::bench::listen_on(port);
        std::printf("ready\n");
        std::fflush(stdout);
        targe::bench::serve(listener, store, spins);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bare: %s\n", error.what());
        return 1;
    }
}
