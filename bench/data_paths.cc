// data_paths [--folder DIR] [--rounds N] [--seconds S] [--target CPU] [--peer CPU]
// What moves data of a file that is in the page cache into a socket, and what that takes: one thread sends a
// header and data as an answer to READ, on one CPU, another drops them as they come. Prints a table of the
// first one's CPU time for each length and way, medians of rounds in which all of them take turns. The file
// is made in DIR, and goes.
#include "bench/arguments.h"
#include "reactor/file_descriptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace targe::bench {
namespace {

using reactor::FileDescriptor;

constexpr std::size_t kFile = std::size_t{256} << 20U;
constexpr std::size_t kHeader = 48;
constexpr std::size_t kMost = std::size_t{1} << 20U;
constexpr std::size_t kPage = 4096;

template <class Result>
Result check(Result result, const char* what) {
    if (result < 0) {
        throw std::runtime_error(std::string(what) + " failed");
    }
    return result;
}

void move_to(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(cpu), &one);
    ::sched_setaffinity(0, sizeof one, &one);
}

/// Both ends of a connection over loopback.
std::pair<FileDescriptor, FileDescriptor> connect_ends() {
    const FileDescriptor listener{check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    check(::bind(listener.get(), raw, size), "bind");
    check(::listen(listener.get(), 1), "listen");
    check(::getsockname(listener.get(), raw, &size), "getsockname");
    FileDescriptor ours{check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
    check(::connect(ours.get(), raw, size), "connect");
    FileDescriptor peers{check(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept")};
    const int on = 1;
    ::setsockopt(ours.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return {std::move(ours), std::move(peers)};
}

/// What sends one answer. Calls wait for room in the socket: the peer takes all that comes.
class Sender {
public:
    Sender(const std::string& folder, int socket) : socket_(socket), buffer_(kMost) {
        std::string path = folder + "/data-paths-XXXXXX";
        file_ = FileDescriptor{check(::mkstemp(path.data()), "mkstemp")};
        ::unlink(path.c_str());
        std::array<int, 2> ends{};
        check(::pipe2(ends.data(), O_CLOEXEC), "pipe");
        out_ = FileDescriptor{ends[0]};
        in_ = FileDescriptor{ends[1]};
        check(::fcntl(in_.get(), F_SETPIPE_SZ, static_cast<int>(kMost)), "F_SETPIPE_SZ");
    }

    /// The page cache anew, in writes of this length: it keeps data in pieces as they were written.
    void fill(std::size_t piece) {
        check(::ftruncate(file_.get(), 0), "ftruncate");
        std::ranges::fill(buffer_, std::byte{0x5A});
        for (std::size_t at = 0; at < kFile; at += piece) {
            check(::pwrite(file_.get(), buffer_.data(), piece, static_cast<off_t>(at)), "pwrite");
        }
        map_ = static_cast<std::byte*>(
            ::mmap(nullptr, kFile, PROT_READ, MAP_SHARED | MAP_POPULATE, file_.get(), 0));
        aside_ = static_cast<std::byte*>(::mmap(nullptr, kFile, PROT_READ, MAP_PRIVATE, file_.get(), 0));
        if (map_ == MAP_FAILED || aside_ == MAP_FAILED) {
            throw std::runtime_error("mmap failed");
        }
    }
    void empty() {
        ::munmap(map_, kFile);
        ::munmap(aside_, kFile);
    }

    void read_and_send(std::size_t at, std::size_t size) {
        check(::pread(file_.get(), buffer_.data(), size, static_cast<off_t>(at)), "pread");
        send_both(buffer_.data(), size);
    }
    void send_mapped(std::size_t at, std::size_t size) { send_both(map_ + at, size); }
    void send_file(std::size_t at, std::size_t size) {
        send_header();
        auto offset = static_cast<off_t>(at);
        for (std::size_t left = size; left > 0;) {
            left -=
                static_cast<std::size_t>(check(::sendfile(socket_, file_.get(), &offset, left), "sendfile"));
        }
    }
    /// As the file devices do it: only when all of it is in memory.
    void lend_pages(std::size_t at, std::size_t size) {
        std::array<unsigned char, kMost / kPage> resident{};
        check(::mincore(aside_ + at, size, resident.data()), "mincore");
        auto offset = static_cast<loff_t>(at);
        for (std::size_t left = size; left > 0;) {
            left -= static_cast<std::size_t>(
                check(::splice(file_.get(), &offset, in_.get(), nullptr, left, 0), "splice"));
        }
        send_header();
        for (std::size_t left = size; left > 0;) {
            left -= static_cast<std::size_t>(
                check(::splice(out_.get(), nullptr, socket_, nullptr, left, 0), "splice"));
        }
    }

private:
    void send_header() { check(::send(socket_, header_.data(), header_.size(), MSG_MORE), "send"); }
    void send_both(std::byte* data, std::size_t size) {
        std::array<iovec, 2> pieces{iovec{.iov_base = header_.data(), .iov_len = header_.size()},
                                    iovec{.iov_base = data, .iov_len = size}};
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = pieces.size();
        for (std::size_t left = header_.size() + size; left > 0;) {
            auto sent = static_cast<std::size_t>(check(::sendmsg(socket_, &message, 0), "sendmsg"));
            left -= sent;
            for (iovec& piece : pieces) {
                const std::size_t part = std::min(sent, piece.iov_len);
                piece.iov_base = static_cast<std::byte*>(piece.iov_base) + part;
                piece.iov_len -= part;
                sent -= part;
            }
        }
    }

    int socket_;
    FileDescriptor file_;
    FileDescriptor out_;
    FileDescriptor in_;
    std::array<std::byte, kHeader> header_{};
    std::vector<std::byte> buffer_;
    std::byte* map_ = nullptr;
    std::byte* aside_ = nullptr;
};

struct Way {
    const char* name;
    void (Sender::*send)(std::size_t at, std::size_t size);
};
constexpr std::array kWays{Way{.name = "read, send", .send = &Sender::read_and_send},
                           Way{.name = "send mapped", .send = &Sender::send_mapped},
                           Way{.name = "sendfile", .send = &Sender::send_file},
                           Way{.name = "lend pages", .send = &Sender::lend_pages}};

double cpu_seconds() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

double microseconds_each(const std::function<void(std::size_t)>& send, double seconds, std::size_t size) {
    const double begin = cpu_seconds();
    std::size_t count = 0;
    double taken = 0;
    do {
        for (int i = 0; i < 16; ++i, ++count) {
            send(count * size % kFile);
        }
        taken = cpu_seconds() - begin;
    } while (taken < seconds);
    return taken * 1e6 / static_cast<double>(count);
}

void measure(Sender& sender, std::size_t size, int rounds, double seconds) {
    sender.fill(size);
    std::array<std::vector<double>, kWays.size()> found;
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < kWays.size(); ++i) {
            const auto send = [&](std::size_t at) { (sender.*kWays.at(i).send)(at, size); };
            found.at(i).push_back(microseconds_each(send, seconds, size));
        }
    }
    sender.empty();
    std::printf("| %zu KiB |", size >> 10U);
    for (auto& way : found) {
        std::ranges::sort(way);
        std::printf(" %.2f |", way[way.size() / 2]);
    }
    std::printf("\n");
    std::fflush(stdout);
}

void run(Arguments& arguments) {
    const std::string folder = arguments.text("folder", "/var/tmp");
    const auto rounds = arguments.number("rounds", 7);
    const auto seconds = arguments.number("seconds", 0.1);
    const auto cpu = arguments.number("target", 0);
    const auto peer_cpu = arguments.number("peer", 1);
    arguments.finish();
    auto [ours, peers] = connect_ends();
    std::thread peer([socket = peers.get(), peer_cpu] {
        move_to(peer_cpu);
        while (::recv(socket, nullptr, kMost, MSG_TRUNC) > 0) {
        }
    });
    move_to(cpu);
    try {
        Sender sender(folder, ours.get());
        std::printf("| CPU us for each |");
        for (const Way& way : kWays) {
            std::printf(" %s |", way.name);
        }
        std::printf("\n|---|---|---|---|---|\n");
        for (std::size_t size = kPage; size <= kMost; size *= 4) {
            measure(sender, size, rounds, seconds);
        }
        ::shutdown(ours.get(), SHUT_WR);
        peer.join();
    } catch (...) {
        ::shutdown(ours.get(), SHUT_WR);
        peer.join();
        throw;
    }
}

}  // namespace
}  // namespace targe::bench

int main(int count, char** values) {
    try {
        targe::bench::Arguments arguments(count, values);
        targe::bench::run(arguments);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "data_paths: %s\n", error.what());
        return 1;
    }
}
