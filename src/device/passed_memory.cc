#include "device/passed_memory.h"

#include "device/user_socket.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <memory>

namespace targe::device {

namespace {

/// clone(2) without what a sanitizer makes of it, which takes the child for one with memory of its own.
extern "C" int clone_as_it_is(int (*child)(void*), void* stack_end, int flags, void* argument, ...) noexcept
    __asm__("__clone");

struct Look {
    int connection;
    bool found;
};

/// The child: it has the memory of the parent, whose thread waits until it lets go of that. It does so before
/// its descriptors are closed.
int look(void* at) {
    Look& task = *static_cast<Look*>(at);
    const auto kept = static_cast<unsigned>(task.connection);
    // Descriptors of its own from here on, and but this one: whatever it holds as long as it cannot end
    // would be missed.
    if (::close_range(kept + 1, ~0U, CLOSE_RANGE_UNSHARE) != 0 ||
        (kept > 0 && ::close_range(0, kept - 1, 0) != 0)) {
        return 1;
    }
    const int passed = receive_descriptor(task.connection, MSG_PEEK);  // not closed: that is for the end
    const int seals = ::fcntl(passed, F_GET_SEALS);
    task.found = seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
    return 0;
}

/// What a signal does to memory that both have is not for the child to do.
class NoSignals {
public:
    NoSignals() {
        sigset_t all{};
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    NoSignals(const NoSignals&) = delete;
    NoSignals& operator=(const NoSignals&) = delete;
    ~NoSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

}  // namespace

bool PassedMemory::comes_next_on(int connection) {
    constexpr std::size_t kStack = std::size_t{64} << 10U;
    bury();
    if (lookers_.size() >= kMostLookers) {
        return false;
    }
    struct alignas(64) Stack {
        std::array<std::byte, kStack> bytes;
    };
    const auto stack = std::make_unique<Stack>();
    Look task{.connection = connection, .found = false};
    const NoSignals quiet;
    const int child =
        clone_as_it_is(&look, stack.get() + 1, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &task);
    if (child > 0) {
        lookers_.push_back(child);
        bury();
    }
    return child > 0 && task.found;
}

void PassedMemory::bury() {
    std::erase_if(lookers_, [](pid_t looker) { return ::waitpid(looker, nullptr, WNOHANG) != 0; });
}

}  // namespace targe::device
