// A value that many look at and one replaces.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace targe::daemon {

/// Looked at and replaced from any thread. Who has looked at it keeps what was there.
template <class T>
class Current {
public:
    explicit Current(std::shared_ptr<const T> first = {}) : value_(std::move(first)) {}

    [[nodiscard]] std::shared_ptr<const T> get() const {
        const std::lock_guard lock(mutex_);
        return value_;
    }
    void set(std::shared_ptr<const T> value) {
        {
            const std::lock_guard lock(mutex_);
            value_.swap(value);
        }
        // The one before ends here, without the lock.
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
};

}  // namespace targe::daemon
