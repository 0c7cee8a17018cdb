#include "device/off_core_threads.h"

#include "reactor/io.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

namespace targe::device {

struct OffCoreThreads::Shared {
    std::mutex mutex;  // of what follows
    std::condition_variable more;
    std::deque<Job*> jobs;
    std::size_t threads = 0;
    std::size_t idle = 0;
    bool over = false;
};

OffCoreThreads::OffCoreThreads() : shared_(std::make_shared<Shared>()) {}

OffCoreThreads::~OffCoreThreads() {
    const std::scoped_lock lock{shared_->mutex};
    shared_->over = true;
    shared_->more.notify_all();
}

namespace {

/// 0 or an errno. The thread ends by itself.
int start_thread(void* (*body)(void*), void* argument) {
    pthread_attr_t attributes{};
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread{};
    const int error = ::pthread_create(&thread, &attributes, body, argument);
    ::pthread_attr_destroy(&attributes);
    return error;
}

}  // namespace

void* OffCoreThreads::serve(void* shared) {
    const std::unique_ptr<std::shared_ptr<Shared>> owned{static_cast<std::shared_ptr<Shared>*>(shared)};
    Shared& mine = **owned;
    std::unique_lock lock{mine.mutex};
    for (;;) {
        ++mine.idle;
        mine.more.wait_for(lock, kIdle, [&mine] { return mine.over || !mine.jobs.empty(); });
        --mine.idle;
        if (mine.jobs.empty()) {
            --mine.threads;
            return nullptr;
        }
        Job& job = *mine.jobs.front();
        mine.jobs.pop_front();
        lock.unlock();
        job.run();
        lock.lock();
        // Whoever waits has the mutex after this, and so sees all that was done, and closes this no sooner.
        static_cast<void>(::eventfd_write(job.done_.get(), 1));
    }
}

base::Task<int> OffCoreThreads::run(base::CommandArena& /*arena*/, Job& job) {
    job.done_ = reactor::FileDescriptor{::eventfd(0, EFD_CLOEXEC)};
    if (!job.done_) {
        co_return errno;
    }
    {
        const std::scoped_lock lock{shared_->mutex};
        shared_->jobs.push_back(&job);
        if (shared_->jobs.size() > shared_->idle && shared_->threads < kMost) {
            auto owned = std::make_unique<std::shared_ptr<Shared>>(shared_);
            const int error = start_thread(&OffCoreThreads::serve, owned.get());
            if (error == 0) {
                static_cast<void>(owned.release());  // the thread's
                ++shared_->threads;
            } else if (shared_->threads == 0) {
                shared_->jobs.pop_back();
                co_return error;
            }
        }
        shared_->more.notify_one();
    }
    alignas(std::uint64_t) std::array<std::byte, sizeof(std::uint64_t)> count{};
    static_cast<void>(co_await reactor::read(job.done_.get(), count, 0));
    const std::scoped_lock lock{shared_->mutex};
    co_return 0;
}

}  // namespace targe::device
