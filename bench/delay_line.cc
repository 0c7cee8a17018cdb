// delay_line --left-ns PATH --right-ns PATH [--name DEV] [--one-way-us N] [--megabits N] [--queue BYTES]
//
// A long wire between two network namespaces, where the kernel has no netem: a TUN device of the same name in
// each; what goes into one comes out of the other after `one-way-us`, no faster than `megabits` (each packet
// counted as the Ethernet frames of 1,500 bytes that it would be, with what lies between frames). A queue
// that is full drops what comes. Packets pass whole, as large as the kernel hands them over (offload), so
// that this program is not what limits them.
//
// Says "ready" once the devices are there; runs until it is killed.
#include "bench/arguments.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using targe::bench::Arguments;

/// Before each packet, [linux/virtio_net.h], which is no C++.
struct VirtioNetHeader {
    std::uint8_t flags;
    std::uint8_t gso_type;  ///< 0: one segment
    std::uint16_t header_size;
    std::uint16_t gso_size;  ///< payload of each segment
    std::uint16_t checksum_start;
    std::uint16_t checksum_offset;
};
constexpr std::size_t kLargestPacket = sizeof(VirtioNetHeader) + 65'536;
/// Preamble, header, checksum and gap of an Ethernet frame.
constexpr std::size_t kFrameOverhead = 38;
constexpr std::size_t kFramePayload = 1500;
constexpr std::size_t kIpAndTcpHeaders = 52;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

int open_tun(const std::string& network_namespace, const std::string& name) {
    const int target = open(network_namespace.c_str(), O_RDONLY | O_CLOEXEC);
    if (target < 0 || setns(target, CLONE_NEWNET) != 0) {
        fail("entering " + network_namespace);
    }
    close(target);
    const int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0) {
        fail("opening /dev/net/tun");
    }
    ifreq request{};
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    if (ioctl(tun, TUNSETIFF, &request) != 0) {
        fail("making " + name);
    }
    if (ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0) {
        fail("asking for offload");
    }
    return tun;
}

/// What the packet would be on a wire.
std::size_t wire_bytes(const std::vector<std::byte>& packet) {
    VirtioNetHeader header;
    std::memcpy(&header, packet.data(), sizeof header);
    const std::size_t size = packet.size() - sizeof header;
    if (header.gso_type == 0 || header.gso_size == 0) {
        return size + (size + kFramePayload - 1) / kFramePayload * kFrameOverhead;
    }
    const std::size_t payload = size - std::min(size, kIpAndTcpHeaders);
    const std::size_t frames = (payload + header.gso_size - 1) / header.gso_size;
    return payload + frames * (kIpAndTcpHeaders + kFrameOverhead);
}

/// One direction.
class Way {
public:
    Way(int from, int to, Clock::duration delay, double nanoseconds_per_byte, std::size_t queue)
        : from_(from), to_(to), delay_(delay), pace_(nanoseconds_per_byte), most_(queue) {}

    void take_in(Clock::time_point now) {
        for (int i = 0; i < 64; ++i) {
            std::vector<std::byte> packet(kLargestPacket);
            const ssize_t got = read(from_, packet.data(), packet.size());
            if (got <= static_cast<ssize_t>(sizeof(VirtioNetHeader))) {
                return;
            }
            packet.resize(static_cast<std::size_t>(got));
            const std::size_t size = wire_bytes(packet);
            // What has not left the queue for the wire yet.
            const auto backlog =
                static_cast<double>(std::max(Clock::duration{}, free_at_ - now).count()) / pace_;
            if (backlog + static_cast<double>(size) > static_cast<double>(most_)) {
                ++dropped_;
                continue;
            }
            free_at_ = std::max(free_at_, now) +
                       std::chrono::nanoseconds(static_cast<std::int64_t>(pace_ * static_cast<double>(size)));
            under_way_.push_back({free_at_ + delay_, std::move(packet)});
        }
    }
    void let_out(Clock::time_point now) {
        while (!under_way_.empty() && under_way_.front().due <= now) {
            const std::vector<std::byte>& packet = under_way_.front().bytes;
            if (write(to_, packet.data(), packet.size()) < 0) {
                ++dropped_;
            }
            under_way_.pop_front();
        }
    }
    [[nodiscard]] Clock::time_point next() const {
        return under_way_.empty() ? Clock::time_point::max() : under_way_.front().due;
    }
    [[nodiscard]] int from() const { return from_; }

private:
    struct Packet {
        Clock::time_point due;
        std::vector<std::byte> bytes;
    };
    int from_;
    int to_;
    Clock::duration delay_;
    double pace_;
    std::size_t most_;
    Clock::time_point free_at_{};
    std::deque<Packet> under_way_;
    std::uint64_t dropped_ = 0;
};

void run(Arguments arguments) {
    const std::string name = arguments.text("name", "wire0");
    const int left = open_tun(arguments.text("left-ns", ""), name);
    const int right = open_tun(arguments.text("right-ns", ""), name);
    const auto delay = std::chrono::microseconds(arguments.number("one-way-us", 5000));
    const double pace = 8000.0 / arguments.number("megabits", 1000.0);
    const auto queue = arguments.number<std::size_t>("queue", 2'500'000);
    arguments.finish();
    std::array ways{Way(left, right, delay, pace, queue), Way(right, left, delay, pace, queue)};
    std::puts("ready");
    std::fflush(stdout);
    for (;;) {
        const Clock::time_point now = Clock::now();
        for (Way& way : ways) {
            way.take_in(now);
            way.let_out(now);
        }
        const Clock::time_point until = std::min(ways[0].next(), ways[1].next());
        std::array<pollfd, 2> wait{{{ways[0].from(), POLLIN, 0}, {ways[1].from(), POLLIN, 0}}};
        const auto left_ns =
            until == Clock::time_point::max()
                ? std::chrono::nanoseconds(std::chrono::seconds{1})
                : std::max(std::chrono::nanoseconds{}, std::chrono::nanoseconds(until - Clock::now()));
        const timespec limit{.tv_sec = static_cast<time_t>(left_ns.count() / 1'000'000'000),
                             .tv_nsec = static_cast<long>(left_ns.count() % 1'000'000'000)};
        static_cast<void>(ppoll(wait.data(), wait.size(), &limit, nullptr));
    }
}

}  // namespace

int main(int count, char** values) {
    try {
        run(Arguments(count, values));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "delay_line: %s\n", error.what());
        return 1;
    }
}
