#include "daemon/spare_memory.h"

#include <malloc.h>

#include <utility>

namespace targe::daemon {

void give_back_heap() {
#ifdef __GLIBC__
    static_cast<void>(malloc_trim(0));
#endif
}

SpareMemory::SpareMemory(std::function<void()> give_back, std::chrono::milliseconds quiet)
    : give_back_(std::move(give_back)),
      quiet_(quiet),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SpareMemory::~SpareMemory() = default;

void SpareMemory::something_ended() {
    const std::lock_guard lock(mutex_);
    if (++ends_ == 1) {
        ended_.notify_one();
    }
}

void SpareMemory::run(const std::stop_token& stop) {
    constexpr int kMostWaits = 10;
    std::unique_lock lock(mutex_);
    while (ended_.wait(lock, stop, [this] { return ends_ > 0; })) {
        std::uint64_t seen = 0;
        for (int waits = 0; waits < kMostWaits && seen != ends_ && !stop.stop_requested(); ++waits) {
            seen = ends_;
            ended_.wait_for(lock, stop, quiet_, [] { return false; });
        }
        if (stop.stop_requested()) {
            return;
        }
        ends_ = 0;
        lock.unlock();
        give_back_();
        lock.lock();
    }
}

}  // namespace targe::daemon
