#include "reactor/short_waits.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace targe::reactor {

namespace {

/// What the C library's header has no name for in every version.
pid_t& thread_of(sigevent& event) {
    return event._sigev_un._tid;
}

}  // namespace

ShortWaits::ShortWaits() {
    // One that is ignored would end nothing. signal() has calls begun anew that have done nothing yet.
    static const auto before = std::signal(SIGURG, [](int) {});
    static_cast<void>(before);
    sigset_t urgent{};
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    ::pthread_sigmask(SIG_UNBLOCK, &urgent, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGURG;
    thread_of(event) = static_cast<pid_t>(::syscall(SYS_gettid));
    timer_t made{};
    if (::timer_create(CLOCK_MONOTONIC, &event, &made) == 0) {
        timer_ = made;
    }
}

ShortWaits::~ShortWaits() {
    if (timer_) {
        ::timer_delete(*timer_);
    }
}

void ShortWaits::set(std::chrono::milliseconds interval) {
    const timespec each{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(interval).count()};
    const itimerspec when{.it_interval = each, .it_value = each};
    if (timer_) {
        ::timer_settime(*timer_, 0, &when, nullptr);
    }
}

}  // namespace targe::reactor
