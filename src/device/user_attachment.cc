#include "device/user_attachment.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace targe::device {

base::Time UserAttachment::heard_last() const {
    base::Time last{};
    for (const Heard& queue : heard) {
        last = std::max(last, queue.at.load(std::memory_order_relaxed));
    }
    return last;
}

void UserAttachment::give_up(std::string why) {
    const std::scoped_lock lock{mutex_};
    if (given_up_.load(std::memory_order_relaxed)) {
        return;
    }
    reason_ = std::move(why);
    given_up_.store(true, std::memory_order_release);
    ::shutdown(connection.get(), SHUT_WR);
}

std::string UserAttachment::reason() const {
    const std::scoped_lock lock{mutex_};
    return reason_;
}

}  // namespace targe::device
