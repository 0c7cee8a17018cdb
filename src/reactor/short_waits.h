// A thread that closes what others have passed to it, and must not wait for that as long as they like.
#pragma once

#include <chrono>
#include <ctime>
#include <optional>

namespace targe::reactor {

/// The last one to close a descriptor waits in the kernel for what the descriptor is of: a TCP socket with
/// SO_LINGER for as long as whoever made it said. It need not have been received for that: it is enough to
/// close the Unix socket that a message is in flight on which it was passed along with (SCM_RIGHTS).
///
/// Of the thread that makes it. Between begin() and end() a signal (SIGURG, of no use elsewhere) comes every
/// kLongest, which ends such waits. Where no timer can be had they last.
class ShortWaits {
public:
    static constexpr std::chrono::milliseconds kLongest{100};

    ShortWaits();
    ShortWaits(const ShortWaits&) = delete;
    ShortWaits& operator=(const ShortWaits&) = delete;
    ~ShortWaits();

    void begin() { set(kLongest); }
    void end() { set({}); }

private:
    void set(std::chrono::milliseconds interval);

    std::optional<timer_t> timer_;
};

}  // namespace targe::reactor
