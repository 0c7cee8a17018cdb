// Work that may wait in the kernel for ever, in steps that somebody watches.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

namespace targe::daemon {

/// What is being done just now, as the work says and the one who watches reads it.
class Steps {
public:
    struct Seen {
        std::uint64_t number = 0;
        std::string what;
    };

    void next(std::string what) {
        const std::lock_guard lock(mutex_);
        seen_ = {.number = seen_.number + 1, .what = std::move(what)};
    }
    [[nodiscard]] Seen seen() const {
        const std::lock_guard lock(mutex_);
        return seen_;
    }

private:
    mutable std::mutex mutex_;
    Seen seen_;
};

struct WatchLimits {
    std::chrono::milliseconds slow;   ///< somebody is told of a step that takes longer
    std::chrono::milliseconds stuck;  ///< nobody waits for one that takes longer
};

/// What a step was that took too long.
struct Stuck {
    std::string what;
};

/// Runs `work(steps)` on a thread made for it, or here if none can be had. `slow(what)` is called once for
/// each step that takes longer than that, on this thread. What comes of work that is stuck is dropped.
template <class Work>
std::expected<std::invoke_result_t<Work, Steps&>, Stuck> run_watched(
    WatchLimits limits, const std::function<void(const std::string&)>& slow, Work work) {
    struct Shared {
        explicit Shared(Work to_do) : work(std::move(to_do)) {}
        void run() {
            auto done = work(steps);
            const std::lock_guard lock(mutex);
            result.emplace(std::move(done));
            ended.notify_all();
        }
        Work work;
        Steps steps;
        std::mutex mutex;
        std::condition_variable ended;
        std::optional<std::invoke_result_t<Work, Steps&>> result;
    };
    const auto shared = std::make_shared<Shared>(std::move(work));
    try {
        std::thread([shared] { shared->run(); }).detach();
    } catch (const std::system_error&) {
        shared->run();
    }
    Steps::Seen step;
    auto since = std::chrono::steady_clock::now();
    bool told = false;
    std::unique_lock lock(shared->mutex);
    while (!shared->result) {
        shared->ended.wait_for(lock, limits.slow);
        const auto now = std::chrono::steady_clock::now();
        if (Steps::Seen seen = shared->steps.seen(); seen.number != step.number) {
            step = std::move(seen);
            since = now;
            told = false;
        } else if (!shared->result && now >= since + limits.stuck) {
            return std::unexpected(Stuck{std::move(step.what)});
        } else if (!shared->result && !told && now >= since + limits.slow) {
            slow(step.what);
            told = true;
        }
    }
    return std::move(*shared->result);
}

}  // namespace targe::daemon
