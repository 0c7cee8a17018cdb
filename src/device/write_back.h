// Flushes of one store, whichever core asks for them.
#pragma once

#include "base/core.h"
#include "base/intrusive_list.h"
#include "base/task.h"
#include "reactor/file_descriptor.h"

#include <atomic>
#include <coroutine>
#include <mutex>

namespace targe::device {

struct WaitingFlushes;

/// Whose flushes they are.
class FlushedStore {
public:
    /// Whether what was written can still be found: a deleted file keeps it, too, and only until it is
    /// closed.
    virtual base::Task<bool> still_there(base::CommandArena& arena) = 0;

protected:
    ~FlushedStore() = default;
};

/// What the kernel has accepted and not yet brought to the store.
///
/// The kernel tells of a write-back that failed once for each opening of a file, and takes those pages for
/// clean from then on: the next fdatasync() ends well though the data are gone. So there is one at a time
/// here, by an opening that nothing else uses, on behalf of all who wait for it; and what it says is
/// remembered.
class WriteBack {
public:
    /// Whether data that failed to be written can be written by another try: without the page cache they are
    /// where they were, in the store's own cache.
    enum class Retry : bool { in_vain, possible };

    /// `fd` is what data are written through; both outlive this object.
    WriteBack(FlushedStore& store, int fd, Retry retry);
    WriteBack(const WriteBack&) = delete;
    WriteBack& operator=(const WriteBack&) = delete;
    ~WriteBack() = default;

    /// As long as a write that need not be durable is under way. It is owed before it begins, because its
    /// pages may be written back, and be lost, while it is answered later; and again when it ends, because
    /// whoever has synced meanwhile has not synced all of it. From any core, and cheap.
    class Owing {
    public:
        explicit Owing(WriteBack& to) : to_(to) { to_.owe(); }
        ~Owing() { to_.owe(); }
        Owing(const Owing&) = delete;
        Owing& operator=(const Owing&) = delete;

    private:
        WriteBack& to_;
    };
    /// All that was written before is in the store: 0, or an errno; ESTALE, the store is not there any more.
    /// On a reactor.
    base::Task<int> sync(base::CommandArena& arena);
    /// Whether something that was owed can never be brought there.
    [[nodiscard]] bool lost() const { return lost_.load(std::memory_order_acquire); }
    /// Somebody who knows what he does goes on with what is there. False: nothing was lost.
    bool forgive() { return lost_.exchange(false); }
    /// `fd` is another store now: what was owed to the old one is lost.
    void moved();

private:
    /// Whoever comes while another syncs waits for the next time. One who waited does that for the others.
    class Turn final : public base::ListHook<WaitingFlushes>, public base::Message {
    public:
        explicit Turn(WriteBack& of) : of_(of) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> self);
        /// True: it is this one that syncs, and then passes the turn on. False: `result` is there.
        [[nodiscard]] bool await_resume() const noexcept { return leads; }
        void run() override { self_.resume(); }
        void wake() { core_->post(*this); }

        bool leads = false;
        int result = 0;
        base::IntrusiveList<Turn, WaitingFlushes> followers;

    private:
        WriteBack& of_;
        base::Core* core_ = nullptr;
        std::coroutine_handle<> self_;
    };

    void owe() {
        if (!owed_.load(std::memory_order_acquire)) {
            owed_.store(true, std::memory_order_release);
        }
    }
    void open_witness();
    base::Task<int> sync_alone(base::CommandArena& arena);
    void pass(Turn& leader, int result);

    FlushedStore& store_;
    const int fd_;
    const Retry retry_;
    reactor::FileDescriptor witness_;  ///< only syncs: a durable write that fails leaves it its own error
    std::atomic<bool> owed_ = false;
    std::atomic<bool> lost_ = false;
    std::mutex mutex_;  ///< of what follows; held for moments
    bool syncing_ = false;
    base::IntrusiveList<Turn, WaitingFlushes> waiting_;
};

}  // namespace targe::device
