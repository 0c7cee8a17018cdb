// A handler that does to targed whatever a seed says, over and over: evil_handler SOCKET SEED
// blocks|commands|disk. It ends when it is killed, or by itself, as it happens.
#include "device/evil_handler.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/un.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <string_view>

namespace targe::device::testing {
namespace {

using Dice = std::mt19937_64;

enum class Level : std::uint8_t { blocks, tape, disk };

std::uint8_t type_of(Level level) {
    return level == Level::tape ? 0x01 : 0x00;
}

/// A second mapping of what evil handlers share with targed, which outlives their attachments.
class Zombie {
public:
    Zombie(const EvilHandler& evil, std::uint64_t seed) : dice_(seed), control_(evil.control_bytes()) {
        const std::span<std::byte> region = evil.region();
        void* const again = ::mremap(region.data(), 0, region.size(), MREMAP_MAYMOVE);
        if (again != MAP_FAILED) {
            memory_ = {static_cast<std::byte*>(again), region.size()};
        }
        std::ranges::transform(evil.ends(), ends_.begin(), ::dup);
        thread_ = std::jthread([this](const std::stop_token& stop) { haunt(stop); });
    }
    Zombie(const Zombie&) = delete;
    Zombie& operator=(const Zombie&) = delete;
    ~Zombie() {
        thread_.request_stop();
        thread_.join();
        if (!memory_.empty()) {
            ::munmap(memory_.data(), memory_.size());
        }
        std::ranges::for_each(ends_, ::close);
    }

private:
    /// Data may change at any time without anybody noticing; the rest mostly ends the attachment.
    void haunt(const std::stop_token& stop) {
        while (!stop.stop_requested() && !memory_.empty()) {
            std::this_thread::sleep_for(std::chrono::microseconds{dice_() % 2000});
            if (dice_() % 64 == 0) {
                flicker();
            } else if (dice_() % 256 == 0) {
                change_its_mind();
            } else {
                write(control_ + dice_() % (memory_.size() - control_));
            }
        }
    }
    void write(std::size_t at) {
        std::atomic_ref(memory_[at]).store(static_cast<std::byte>(dice_()), std::memory_order_relaxed);
    }
    /// A word that is one thing when targed looks at it, and another when it looks again.
    void flicker() {
        constexpr unsigned kTimes = 5000;
        // Counters are at the beginning of a queue, completions at its end, slots between them.
        const std::size_t queue = dice_() % (control_ / TARGE_QUEUE_STRIDE) * TARGE_QUEUE_STRIDE;
        const std::size_t within = dice_() % 3 == 0   ? dice_() % offsetof(targe_queue, slots)
                                   : dice_() % 2 == 0 ? dice_() % sizeof(targe_queue)
                                                      : offsetof(targe_queue, completions) +
                                                            dice_() % sizeof(targe_queue::completions);
        auto& word = *reinterpret_cast<std::uint32_t*>(
            &memory_[queue + within / sizeof(std::uint32_t) * sizeof(std::uint32_t)]);
        const std::atomic_ref shared(word);
        const std::uint32_t before = shared.load(std::memory_order_relaxed);
        const auto other = static_cast<std::uint32_t>(dice_());
        for (unsigned i = 0; i < kTimes; ++i) {
            shared.store(i % 2 == 0 ? other : before, std::memory_order_relaxed);
        }
    }

    /// Whether a call on what both sides have may wait.
    void change_its_mind() {
        constexpr unsigned kTimes = 5000;
        for (unsigned i = 0; i < kTimes; ++i) {
            for (const int end : ends_) {
                ::fcntl(end, F_SETFL, i % 2 == 0 ? O_NONBLOCK : 0);
            }
        }
    }

    Dice dice_;
    std::size_t control_;
    std::array<int, 2> ends_{};
    std::span<std::byte> memory_;
    std::jthread thread_;
};

int serve_later(void* /*context*/, targe_io* /*io*/) {
    return TARGE_LATER;
}

/// Of everything, so that everything is asked for. None of them is called.
constexpr targe_block_ops kBlocks{
    .struct_size = sizeof(targe_block_ops),
    .reserved = 0,
    .read = serve_later,
    .write = serve_later,
    .flush = serve_later,
    .unmap = serve_later,
    .write_zeroes = serve_later,
    .block_status = [](void*, targe_io*, targe_extent*) { return int{TARGE_LATER}; },
    .write_same = serve_later,
    .copy = serve_later,
    .reservations_changed = [](void*, const targe_reservations*) {},
    .batch_ended = nullptr,
};
constexpr targe_command_ops kCommands{
    .struct_size = sizeof(targe_command_ops),
    .reserved = 0,
    .execute = [](void*, targe_command*) { return int{TARGE_LATER}; },
    .session_attach = [](void*, const targe_session*) { return 0; },
    .session_detach = [](void*, std::uint64_t) {},
    .task_management = [](void*, const targe_task_management*) {},
    .reservations_changed = [](void*, const targe_reservations*) {},
    .delivered = [](void*, std::uint64_t, std::uint64_t, int) {},
    .batch_ended = nullptr,
    .goes_on = 1,
    .remaps = 1,
};

targe_device* attach(const std::string& socket, Level level, Dice& dice) {
    constexpr int kLimitMs = 1000;
    targe_attachment how{};
    how.struct_size = sizeof how;
    how.level = level == Level::blocks ? TARGE_BLOCKS : TARGE_COMMANDS;
    how.socket = socket.c_str();
    how.name = "evil";
    how.depth = dice() % 4 == 0 ? static_cast<std::uint32_t>(dice() % 8 + 1) : 0;
    how.block_ops = &kBlocks;
    how.command_ops = &kCommands;
    how.peripheral_type = type_of(level);
    return targe_attach(&how, kLimitMs, nullptr, 0);
}

/// One word a line of what came of it, for whoever counts.
void say(const char* what) {
    std::cout << what << '\n' << std::flush;
}

/// Says hello as another version would, or nobody, and is gone soon.
void greet_badly(const std::string& socket, Level level, Dice& dice) {
    struct {
        targe_hello hello;
        std::array<targe_rule, 4> rules;
    } greeting{};
    std::array<std::byte, sizeof greeting> bytes{};
    for (std::byte& each : bytes) {
        each = static_cast<std::byte>(dice());
    }
    std::memcpy(&greeting, bytes.data(), bytes.size());
    targe_hello& hello = greeting.hello;
    hello.magic = dice() % 4 == 0 ? hello.magic : TARGE_MAGIC;
    hello.protocol = dice() % 4 == 0 ? TARGE_PROTOCOL + 1 : TARGE_PROTOCOL;
    if (dice() % 2 == 0) {  // as far as it must be to be let in
        hello.level = level == Level::blocks ? TARGE_BLOCKS : TARGE_COMMANDS;
        hello.peripheral_type = type_of(level);
        hello.block_size = 0;
        hello.size = 0;
        hello.vpd_page_count = 0;
        std::ranges::fill(hello.vendor, '\0');
        std::ranges::fill(hello.product, '\0');
        std::ranges::fill(hello.revision, '\0');
    }
    const std::array<std::size_t, 3> sizes{sizeof hello, sizeof greeting, dice() % sizeof greeting + 1};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof address.sun_path - 1);
    const int connection = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        ::send(connection, &greeting, sizes.at(dice() % sizes.size()), MSG_NOSIGNAL);
        say("greeted");
        std::this_thread::sleep_for(std::chrono::milliseconds{dice() % 20});
    }
    ::close(connection);
}

bool is_shut_out(const EvilHandler& evil, int wait_ms) {
    pollfd wanted{.fd = evil.connection(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&wanted, 1, wait_ms) > 0;
}

/// Up to as many as there is room for.
std::span<const std::byte> some_bytes(std::span<std::byte> room, Dice& dice) {
    for (std::byte& each : room) {
        each = static_cast<std::byte>(dice());
    }
    return room.first(dice() % room.size());
}

/// From attaching to being shut out, or having enough.
void live(EvilHandler& evil, Dice& dice) {
    std::array<std::byte, 64> bytes{};
    for (std::uint64_t turns = dice() % 400; turns > 0; --turns) {
        if (dice() % 4 == 0) {
            evil.remap(some_bytes(bytes, dice));
        }
        evil.serve();
        if (dice() % 16 == 0) {
            evil.act(some_bytes(bytes, dice));
        }
        if (is_shut_out(evil, static_cast<int>(dice() % 2))) {
            return say("shut-out");
        }
    }
    switch (dice() % 8) {
        case 0:
            say("ends");
            std::_Exit(0);
        case 1:
            say("stops");
            ::raise(SIGSTOP);  // until it is killed
            return;
        case 2:
            say("hangs");
            is_shut_out(evil, -1);
            return;
        default:
            return say("lets-go");  // whatever it has in hand
    }
}

int run(const std::string& socket, std::uint64_t seed, Level level) {
    Dice dice(seed);
    for (;;) {
        if (dice() % 8 == 0) {
            greet_badly(socket, level, dice);
        }
        targe_device* const device = attach(socket, level, dice);
        if (device == nullptr) {
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
            continue;
        }
        say("attached");
        std::optional<EvilHandler> evil(device);
        const Zombie zombie(*evil, dice());
        live(*evil, dice);
        if (evil->saw_generated()) {
            say("remaps");
        }
        evil.reset();
        std::this_thread::sleep_for(std::chrono::milliseconds{dice() % 20});
    }
}

}  // namespace
}  // namespace targe::device::testing

int main(int argc, char** argv) {
    const std::span arguments(argv, static_cast<std::size_t>(argc));
    constexpr std::size_t kArguments = 4;
    if (arguments.size() != kArguments) {
        std::cerr << "usage: evil_handler SOCKET SEED blocks|commands|disk\n";
        return 2;
    }
    using targe::device::testing::Level;
    const std::string_view level = arguments[3];
    return targe::device::testing::run(arguments[1], std::strtoull(arguments[2], nullptr, 0),
                                       level == "commands" ? Level::tape
                                       : level == "disk"   ? Level::disk
                                                           : Level::blocks);
}
