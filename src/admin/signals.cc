#include "admin/signals.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace targe::admin {

StopSignals::StopSignals() {
    sigemptyset(&stop_);
    sigaddset(&stop_, SIGTERM);
    sigaddset(&stop_, SIGINT);
    sigaddset(&stop_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &stop_, &before_);
    // A peer that has gone is an error of one write, not the end of the daemon.
    std::signal(SIGPIPE, SIG_IGN);
    // So is a file that may not grow further (RLIMIT_FSIZE): its initiator is told.
    std::signal(SIGXFSZ, SIG_IGN);
}

StopSignals::~StopSignals() {
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int StopSignals::wait() {
    int number = 0;
    while (sigwait(&stop_, &number) != 0) {
    }
    return number;
}

std::optional<int> StopSignals::wait_for(std::chrono::milliseconds timeout) {
    using std::chrono::steady_clock;
    const auto deadline = steady_clock::now() + timeout;
    for (;;) {
        const auto left = std::max(deadline - steady_clock::now(), steady_clock::duration::zero());
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
        const timespec wait{.tv_sec = static_cast<time_t>(ns / 1'000'000'000), .tv_nsec = ns % 1'000'000'000};
        const int number = sigtimedwait(&stop_, nullptr, &wait);
        if (number > 0) {
            return number;
        }
        if (errno != EINTR) {
            return std::nullopt;
        }
    }
}

}  // namespace targe::admin
