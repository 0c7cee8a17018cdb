#include "device/user_presence.h"

#include "base/log.h"
#include "device/user_queue.h"

#include <utility>

namespace targe::device {

UserPresence::Now UserPresence::look() const {
    const std::scoped_lock lock{mutex_};
    return now_;
}

void UserPresence::set(std::shared_ptr<UserAttachment> attachment) {
    const std::scoped_lock lock{mutex_};
    change(std::move(attachment));
}

void UserPresence::give_up(const std::shared_ptr<UserAttachment>& attachment, const std::string& device) {
    const std::scoped_lock lock{mutex_};
    if (now_.attachment != attachment) {
        return;  // another core came first
    }
    TARGE_LOG(
        warning, "device",
        "{}: the handler, process {}, is given up: {}. The unit is not ready until that process has let "
        "go of it, or ended, and a handler attaches",
        device, attachment->peer.pid, attachment->reason());
    change(nullptr);
}

void UserPresence::change(std::shared_ptr<UserAttachment> attachment) {
    if (!attachment && now_.attachment) {
        now_.away_since = reactor::RunningTime::now();
    }
    away_.store(!attachment, std::memory_order_relaxed);
    now_.attachment = std::move(attachment);
    tell_all();
}

void UserPresence::stop() {
    const std::scoped_lock lock{mutex_};
    now_.stopping = true;
    tell_all();
    queues_.clear();  // they may go before the handler does
}

void UserPresence::join(UserQueue& queue) {
    const std::scoped_lock lock{mutex_};
    if (!now_.stopping) {
        queues_.push_back(&queue);
    }
}

void UserPresence::tell_all() {
    for (UserQueue* const queue : queues_) {
        queue->tell();
    }
}

}  // namespace targe::device
