// Memory for what initiators send before its turn, of all connections together.
#pragma once

#include <atomic>
#include <cstddef>

namespace targe::iscsi {

/// Counts; the memory itself is whoever's it is. From any thread.
class HeldMemory {
public:
    explicit HeldMemory(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

    /// False, and nothing is counted, when there would be more than there may be.
    [[nodiscard]] bool take(std::size_t bytes) {
        std::size_t used = used_.load(std::memory_order_relaxed);
        do {
            if (bytes > limit_bytes_ - used) {
                return false;
            }
        } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
        return true;
    }
    void give_back(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
    [[nodiscard]] std::size_t used() const { return used_.load(std::memory_order_relaxed); }

private:
    std::size_t limit_bytes_;
    std::atomic<std::size_t> used_ = 0;
};

}  // namespace targe::iscsi
