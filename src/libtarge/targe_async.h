// targe.h in C++20, with coroutines: what a handler does for a request may wait, and the next one begins
// meanwhile. Header only; the program is linked with libtarge.
//
// A disk derives from BlockHandler, a unit of any other type from CommandHandler, and an Attachment has
// targed use it:
//
//     class Zeroes final : public targe::BlockHandler {
//         targe::Answer read(targe_io& io) override {
//             co_await workers_;  // from here on on another thread
//             std::memset(io.data, 0, io.length);
//             co_return 0;
//         }
//         targe::Workers workers_{4};
//     };
#pragma once

#include "targe.h"
#include "targe_async_blocks.h"
#include "targe_async_commands.h"

#include <array>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace targe {

/// Threads for what blocks. `co_await workers` goes on on one of them.
class Workers {
public:
    explicit Workers(unsigned threads) {
        for (unsigned i = 0; i < threads; ++i) {
            threads_.emplace_back([this] { work(); });
        }
    }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    /// After the Attachment: nothing waits for them any more.
    ~Workers() {
        {
            const std::scoped_lock lock{mutex_};
            ends_ = true;
        }
        wanted_.notify_all();
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }

    auto operator co_await() {
        struct Awaiter {
            Workers& workers;
            [[nodiscard]] bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> self) { workers.add(self); }
            void await_resume() const noexcept {}
        };
        return Awaiter{*this};
    }

private:
    void add(std::coroutine_handle<> work) {
        {
            const std::scoped_lock lock{mutex_};
            waiting_.push_back(work);
        }
        wanted_.notify_one();
    }
    void work() {
        for (;;) {
            std::unique_lock lock{mutex_};
            wanted_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
            if (waiting_.empty()) {
                return;
            }
            const std::coroutine_handle<> next = waiting_.front();
            waiting_.pop_front();
            lock.unlock();
            next.resume();
        }
    }

    std::mutex mutex_;
    std::condition_variable wanted_;
    std::deque<std::coroutine_handle<>> waiting_;
    bool ends_ = false;
    std::vector<std::thread> threads_;
};

/// Attached from its beginning to its end. `how` names socket, size or type, and so on; level, operations and
/// context are those of `handler`, which outlives this. Throws std::runtime_error with the reason when it
/// cannot attach.
class Attachment {
public:
    Attachment(BlockHandler& handler, targe_attachment how, int timeout_ms) {
        const targe_block_ops ops = handler.operations();
        how.level = TARGE_BLOCKS;
        how.context = &handler;
        how.block_ops = &ops;
        attach(how, timeout_ms);
    }
    Attachment(CommandHandler& handler, targe_attachment how, int timeout_ms) {
        const targe_command_ops ops = handler.operations();
        how.level = TARGE_COMMANDS;
        how.context = &handler;
        how.command_ops = &ops;
        attach(how, timeout_ms);
    }
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;
    ~Attachment() { targe_detach(device_); }

    /// As targe_run(), targe_stop(); for the rest of targe.h there is get().
    int run() { return targe_run(device_); }
    void stop() { targe_stop(device_); }
    [[nodiscard]] targe_device* get() const { return device_; }

private:
    void attach(targe_attachment how, int timeout_ms) {
        how.struct_size = sizeof how;
        std::array<char, 256> error{};
        device_ = targe_attach(&how, timeout_ms, error.data(), error.size());
        if (device_ == nullptr) {
            throw std::runtime_error(error.data());
        }
    }

    targe_device* device_ = nullptr;
};

}  // namespace targe
