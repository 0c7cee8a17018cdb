#include "device/write_back.h"

#include "device/io_error.h"
#include "reactor/io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace targe::device {

WriteBack::WriteBack(FlushedStore& store, int fd, Retry retry) : store_(store), fd_(fd), retry_(retry) {
    open_witness();
}

/// Without /proc, or another descriptor, what data are written through has to do.
void WriteBack::open_witness() {
    if (retry_ == Retry::possible) {
        return;
    }
    const std::string self = "/proc/self/fd/" + std::to_string(fd_);
    reactor::FileDescriptor opened{::open(self.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (witness_ && opened) {
        // Its number stays: somebody may sync by it just now.
        if (::dup3(opened.get(), witness_.get(), O_CLOEXEC) >= 0) {
            return;
        }
    } else if (!witness_) {
        witness_ = std::move(opened);
    }
}

void WriteBack::moved() {
    open_witness();
    if (owed_.exchange(false)) {
        lost_.store(true);
    }
}

bool WriteBack::Turn::await_suspend(std::coroutine_handle<> self) {
    self_ = self;
    core_ = reactor::Reactor::current();
    const std::scoped_lock lock{of_.mutex_};
    if (!of_.syncing_) {
        of_.syncing_ = leads = true;
        return false;
    }
    of_.waiting_.push_back(*this);
    return true;
}

base::Task<int> WriteBack::sync(base::CommandArena& arena) {
    Turn turn{*this};
    const bool leads = co_await turn;
    if (!leads) {
        co_return turn.result;
    }
    const int result = co_await sync_alone(arena);
    pass(turn, result);
    co_return result;
}

base::Task<int> WriteBack::sync_alone(base::CommandArena& arena) {
    const bool owed = owed_.exchange(false);
    int result = 0;
    do {
        result = co_await reactor::fdatasync(witness_ ? witness_.get() : fd_);
    } while (result == -EINTR);
    if (result == 0) {
        const bool there = co_await store_.still_there(arena);
        if (!there && owed) {
            owed_.store(true);
        }
        co_return there ? 0 : ESTALE;
    }
    const bool again =
        retry_ == Retry::possible || io_error_of(-result, Attempt::write) == IoError::no_resources;
    if (again && owed) {
        owed_.store(true);
    }
    // A write that is under way may have lost its data already, and is answered later.
    if (!again && (owed || owed_.load())) {
        lost_.store(true);
    }
    co_return -result;
}

void WriteBack::pass(Turn& leader, int result) {
    while (!leader.followers.empty()) {
        Turn& follower = leader.followers.pop_front();
        follower.result = result;
        follower.wake();
    }
    Turn* next = nullptr;
    {
        const std::scoped_lock lock{mutex_};
        if (waiting_.empty()) {
            syncing_ = false;
            return;
        }
        next = &waiting_.pop_front();
        while (!waiting_.empty()) {
            next->followers.push_back(waiting_.pop_front());
        }
    }
    next->leads = true;
    next->wake();
}

}  // namespace targe::device
