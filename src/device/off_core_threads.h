// Calls on a file whose server may not answer, on threads of that file's own.
#pragma once

#include "base/task.h"
#include "reactor/file_descriptor.h"

#include <chrono>
#include <cstddef>
#include <memory>

namespace targe::device {

/// For writes of such a file. The ring would give them to threads of the kernel, which write each file one
/// write after another and may know files by six bits: while one waits for its server, every 64th other file
/// could not be written either (ADR 0045). Threads are made when they are needed, and end when nothing was to
/// be done for a while.
class OffCoreThreads {
public:
    /// Calls that are made at a time; others wait their turn.
    static constexpr std::size_t kMost = 4;
    static constexpr std::chrono::seconds kIdle{5};

    class Job {
    public:
        Job() = default;
        Job(const Job&) = delete;
        Job& operator=(const Job&) = delete;

    protected:
        ~Job() = default;

    private:
        friend OffCoreThreads;
        virtual void run() = 0;
        reactor::FileDescriptor done_;
    };

    OffCoreThreads();
    ~OffCoreThreads();
    OffCoreThreads(const OffCoreThreads&) = delete;
    OffCoreThreads& operator=(const OffCoreThreads&) = delete;

    /// Has the job run, and goes on, on this reactor, when it has: 0, or the errno that kept it from running.
    /// The reactor sees an operation of its ring meanwhile, so an orderly stop waits for it.
    [[nodiscard]] base::Task<int> run(base::CommandArena& arena, Job& job);

private:
    struct Shared;
    static void* serve(void* shared);

    const std::shared_ptr<Shared> shared_;  ///< with the threads, which may end later
};

}  // namespace targe::device
