#include "device/user_leavings.h"

#include <sys/eventfd.h>

#include <utility>

namespace targe::device {

std::shared_ptr<UserLeavings> UserLeavings::create() {
    reactor::FileDescriptor bell{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    return bell ? std::shared_ptr<UserLeavings>(new UserLeavings(std::move(bell))) : nullptr;
}

std::shared_ptr<UserAttachment> UserLeavings::make_attachment() {
    return {new UserAttachment, [to = shared_from_this()](UserAttachment* left) {
                to->take(std::unique_ptr<UserAttachment>(left));
            }};
}

void UserLeavings::take(std::unique_ptr<UserAttachment> left) {
    const std::scoped_lock lock{mutex_};
    if (!closed_) {
        left_.push_back(std::move(left));
        ::eventfd_write(bell_.get(), 1);
    }
}

void UserLeavings::clear() {
    eventfd_t count = 0;
    ::eventfd_read(bell_.get(), &count);
    std::vector<std::unique_ptr<UserAttachment>> left;  // they go without the lock, which cores wait for
    const std::scoped_lock lock{mutex_};
    left.swap(left_);
}

void UserLeavings::close() {
    {
        const std::scoped_lock lock{mutex_};
        closed_ = true;
    }
    clear();
}

}  // namespace targe::device
