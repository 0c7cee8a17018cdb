// A TCP connection as a client makes it, with a bound for everything that waits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace targe::initiator {

/// Closes what it holds.
class Socket {
public:
    Socket() = default;
    explicit Socket(int descriptor) : descriptor_(descriptor) {}
    ~Socket();
    Socket(Socket&& other) noexcept;
    Socket& operator=(Socket&& other) noexcept;

    [[nodiscard]] int get() const { return descriptor_; }

private:
    int descriptor_ = -1;
};

/// A connected socket which does not wait, without Nagle's delay. Throws Failure.
[[nodiscard]] Socket connect_to(const std::string& host, std::uint16_t port, std::chrono::milliseconds limit);

/// Moves all of `bytes`, waiting up to `limit` in all. Throw Failure.
void send_all(const Socket& socket, std::span<const std::byte> bytes, std::chrono::milliseconds limit);
void receive_all(const Socket& socket, std::span<std::byte> bytes, std::chrono::milliseconds limit);

}  // namespace targe::initiator
