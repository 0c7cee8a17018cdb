// Attachments that nobody needs any more, on their way to the thread that can afford to end them.
#pragma once

#include "device/user_attachment.h"
#include "reactor/file_descriptor.h"

#include <memory>
#include <mutex>
#include <vector>

namespace targe::device {

/// The end of an attachment takes long: memory of a handler that is gone goes page by page with the last one
/// that has it mapped, an eighth of a second for each GiB. A core that lets go of it last only says so here.
class UserLeavings : public std::enable_shared_from_this<UserLeavings> {
public:
    /// Null: there is no descriptor to be had.
    [[nodiscard]] static std::shared_ptr<UserLeavings> create();

    /// An attachment that comes back here when all have let go of it. From any thread.
    [[nodiscard]] std::shared_ptr<UserAttachment> make_attachment();
    /// Can be read once there is something to be ended.
    [[nodiscard]] int descriptor() const { return bell_.get(); }
    /// Ends what has come back.
    void clear();
    /// The last clear(): from now on whoever lets go of one last ends it.
    void close();

private:
    explicit UserLeavings(reactor::FileDescriptor bell) : bell_(std::move(bell)) {}
    void take(std::unique_ptr<UserAttachment> left);

    reactor::FileDescriptor bell_;
    std::mutex mutex_;
    bool closed_ = false;
    std::vector<std::unique_ptr<UserAttachment>> left_;
};

}  // namespace targe::device
