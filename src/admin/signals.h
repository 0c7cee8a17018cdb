// Signals as something to wait for, in one place, instead of something that happens anywhere.
#pragma once

#include <chrono>
#include <csignal>
#include <optional>

namespace targe::admin {

/// Blocks SIGTERM, SIGINT and SIGHUP in this thread and every thread it starts from now on, and ignores
/// SIGPIPE and SIGXFSZ. Made in main() before there are other threads; undone when it ends.
class StopSignals {
public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    /// Waits for one of them, and says which.
    int wait();
    /// The same, or nothing once `timeout` has passed.
    std::optional<int> wait_for(std::chrono::milliseconds timeout);

private:
    sigset_t stop_{};
    sigset_t before_{};
};

}  // namespace targe::admin
