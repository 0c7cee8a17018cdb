// The block level of targe.h in C++20, with coroutines: a handler's methods may wait, and the next request
// begins meanwhile. Header only; the program is linked with libtarge.
#pragma once

#include "targe.h"

#include <array>
#include <cerrno>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace targe {

/// What a method of a BlockHandler is: a coroutine that begins at once and whose co_return, 0 or a negative
/// errno, ends the request. std::system_error ends it with its errno, any other exception with EIO.
struct Answer {
    struct promise_type {
        /// Every such method takes its request first.
        promise_type(auto& /*handler*/, targe_io& request, auto&... /*more*/) : io(request) {}

        Answer get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept {
            struct Complete {
                [[nodiscard]] bool await_ready() const noexcept { return false; }
                void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
                    targe_io& ended = self.promise().io;
                    const int with = self.promise().result;
                    self.destroy();
                    targe_block_complete(&ended, with);
                }
                void await_resume() const noexcept {}
            };
            return Complete{};
        }
        void return_value(int value) noexcept { result = value; }
        void unhandled_exception() noexcept {
            result = -EIO;
            try {
                throw;
            } catch (const std::system_error& error) {
                result = -error.code().value();
            } catch (...) {
            }
        }

        targe_io& io;
        int result = 0;
    };
};

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
    /// After targe_run(): nothing waits for them any more.
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

/// A disk. can() says which of the others there are; without writes it is read-only. All are called on the
/// thread of Attachment::run().
class BlockHandler {
public:
    struct Abilities {
        bool write = false;
        bool flush = false;
        bool unmap = false;
        bool write_zeroes = false;
        bool write_same = false;
        bool copy = false;
    };
    virtual ~BlockHandler() = default;
    [[nodiscard]] virtual Abilities can() const { return {}; }
    virtual Answer read(targe_io& io) = 0;
    virtual Answer write(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer flush(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer unmap(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer write_zeroes(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer write_same(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer copy(targe_io& /*io*/) { co_return -ENOTSUP; }
};

/// Attached from its beginning to its end. `how` names socket, size and so on; operations and context are
/// those of `handler`, which outlives this. Throws std::runtime_error with the reason when it cannot attach.
class Attachment {
public:
    Attachment(BlockHandler& handler, targe_attachment how, int timeout_ms) {
        const targe_block_ops ops = operations(handler.can());
        how.struct_size = sizeof how;
        how.level = TARGE_BLOCKS;
        how.context = &handler;
        how.block_ops = &ops;
        std::array<char, 256> error{};
        device_ = targe_attach(&how, timeout_ms, error.data(), error.size());
        if (device_ == nullptr) {
            throw std::runtime_error(error.data());
        }
    }
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;
    ~Attachment() { targe_detach(device_); }

    /// As targe_run(), targe_stop(); for the rest of targe.h there is get().
    int run() { return targe_run(device_); }
    void stop() { targe_stop(device_); }
    [[nodiscard]] targe_device* get() const { return device_; }

private:
    template <Answer (BlockHandler::*Method)(targe_io&)>
    static int call(void* context, targe_io* io) {
        (static_cast<BlockHandler*>(context)->*Method)(*io);
        return TARGE_LATER;
    }
    static targe_block_ops operations(const BlockHandler::Abilities& can) {
        targe_block_ops ops{};
        ops.struct_size = sizeof ops;
        ops.read = call<&BlockHandler::read>;
        ops.write = can.write ? call<&BlockHandler::write> : nullptr;
        ops.flush = can.flush ? call<&BlockHandler::flush> : nullptr;
        ops.unmap = can.unmap ? call<&BlockHandler::unmap> : nullptr;
        ops.write_zeroes = can.write_zeroes ? call<&BlockHandler::write_zeroes> : nullptr;
        ops.write_same = can.write_same ? call<&BlockHandler::write_same> : nullptr;
        ops.copy = can.copy ? call<&BlockHandler::copy> : nullptr;
        return ops;
    }

    targe_device* device_ = nullptr;
};

}  // namespace targe
