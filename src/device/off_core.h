// System calls that may block and that no ring offers.
#pragma once

#include "base/task.h"
#include "reactor/file_descriptor.h"
#include "reactor/io.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::device {

/// Runs `work()` on a thread made for it, and goes on, on this reactor, when it has ended. For what is rare:
/// opening, looking, discarding. The reactor sees an operation of its ring meanwhile, so an orderly stop
/// waits for it. Or the errno that kept it from running at all.
///
/// `work` is no coroutine: what it refers to lives in the frame that awaits this.
template <class Work>
base::Task<int> run_off_core(base::CommandArena& /*arena*/, Work work) {
    struct Job {
        Work work;
        reactor::FileDescriptor done;
        static void* run(void* self) {
            auto* const job = static_cast<Job*>(self);
            job->work();
            // Fails only if the descriptor were gone, which its owner waits to prevent.
            static_cast<void>(::eventfd_write(job->done.get(), 1));
            return nullptr;
        }
    };
    Job job{std::move(work), reactor::FileDescriptor{::eventfd(0, EFD_CLOEXEC)}};
    if (!job.done) {
        co_return errno;
    }
    pthread_t thread{};
    const int failed = ::pthread_create(&thread, nullptr, &Job::run, &job);
    if (failed != 0) {
        co_return failed;
    }
    alignas(std::uint64_t) std::array<std::byte, sizeof(std::uint64_t)> count{};
    static_cast<void>(co_await reactor::read(job.done.get(), count, 0));
    // It has nothing left to do, so this does not wait; afterwards all that it wrote is seen here.
    ::pthread_join(thread, nullptr);
    co_return 0;
}

}  // namespace targe::device
