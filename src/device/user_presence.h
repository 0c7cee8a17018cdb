// Whether a handler is attached: what the cores must know of it, and how they hear that it has changed.
#pragma once

#include "base/core.h"
#include "device/user_attachment.h"
#include "device/user_settings.h"
#include "reactor/running_time.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace targe::device {

class UserQueue;

/// From any thread.
class UserPresence {
public:
    struct Now {
        std::shared_ptr<UserAttachment> attachment;  ///< null: away
        base::Time away_since;
        bool stopping;
    };

    [[nodiscard]] Now look() const;
    /// Every queue is told; null: the handler is away.
    void set(std::shared_ptr<UserAttachment> attachment);
    /// It was given up, see there: the handler counts as away, though it is not gone.
    void give_up(const std::shared_ptr<UserAttachment>& attachment, const std::string& device);
    /// The daemon ends: nothing waits for a handler any more.
    void stop();
    [[nodiscard]] bool away() const { return away_.load(std::memory_order_relaxed); }

    /// A queue that wants to be told.
    void join(UserQueue& queue);

private:
    void change(std::shared_ptr<UserAttachment> attachment);
    void tell_all();

    mutable std::mutex mutex_;
    Now now_{.attachment = {}, .away_since = reactor::RunningTime::now(), .stopping = false};
    std::atomic<bool> away_ = true;
    std::vector<UserQueue*> queues_;
};

}  // namespace targe::device
