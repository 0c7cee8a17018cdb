// A lazily started coroutine whose frame lives in the arena of the command it serves.
#pragma once

#include "base/arena.h"
#include "base/assert.h"

#include <coroutine>
#include <cstddef>
#include <optional>
#include <utility>

namespace targe::base {

namespace detail {

/// Frames carry their arena in front of them, because operator delete is told only the address and the size.
struct FrameHeader {
    CommandArena* arena;
    std::size_t padding;
};
static_assert(sizeof(FrameHeader) == CommandArena::kAlignment);

inline void* allocate_frame(std::size_t size, CommandArena& arena) {
    auto* const header = static_cast<FrameHeader*>(arena.allocate(size + sizeof(FrameHeader)));
    header->arena = &arena;
    return header + 1;
}
inline void release_frame(void* frame, std::size_t size) noexcept {
    auto* const header = static_cast<FrameHeader*>(frame) - 1;
    header->arena->release(header, size + sizeof(FrameHeader));
}

/// At the end of a task: goes on with whoever awaits it, without growing the stack.
struct ResumeWaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
        return self.promise().waiter;
    }
    void await_resume() const noexcept {}
};

/// What every promise here shares: where the frame comes from, who is resumed at the end, no exceptions.
struct PromiseBase {
    std::coroutine_handle<> waiter = std::noop_coroutine();

    // Every coroutine names its arena, first or (in a member function) second.
    // One that does not has no usable operator new and does not compile.
    static void* operator new(std::size_t n, CommandArena& arena, auto&&...) {
        return allocate_frame(n, arena);
    }
    static void* operator new(std::size_t n, auto&, CommandArena& arena, auto&&...) {
        return allocate_frame(n, arena);
    }
    static void operator delete(void* frame, std::size_t n) noexcept { release_frame(frame, n); }

    std::suspend_always initial_suspend() noexcept { return {}; }
    ResumeWaiter final_suspend() noexcept { return {}; }
    [[noreturn]] void unhandled_exception() noexcept { assertion_failed("a task threw", __FILE__, __LINE__); }
};

template <class T>
struct Promise : PromiseBase {
    std::optional<T> result;
    template <class U>
    void return_value(U&& value) {
        result.emplace(std::forward<U>(value));
    }
    T take() { return *std::move(result); }
};
template <>
struct Promise<void> : PromiseBase {
    void return_void() noexcept {}
    void take() noexcept {}
};

}  // namespace detail

/// Owns a coroutine that has not ended. Awaiting it starts it; the awaiting coroutine goes on when it ends.
/// A task that was started must have ended before its Task object goes: nothing here destroys a frame that a
/// kernel or another core still points into.
template <class T>
class [[nodiscard]] Task {
public:
    struct promise_type : detail::Promise<T> {
        Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    };

    Task(Task&& other) noexcept : self_(std::exchange(other.self_, {})) {}
    Task& operator=(Task&&) = delete;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task() {
        if (self_) {
            self_.destroy();
        }
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
        self_.promise().waiter = waiter;
        return self_;
    }
    T await_resume() { return self_.promise().take(); }

    /// Runs to the first point where it must wait. For whoever is not a coroutine; see done().
    void start() { self_.resume(); }
    [[nodiscard]] bool done() const { return self_.done(); }
    /// The value of a task that is done().
    T result() { return self_.promise().take(); }

private:
    explicit Task(std::coroutine_handle<promise_type> self) : self_(self) {}
    std::coroutine_handle<promise_type> self_;
};

/// A coroutine that belongs to nobody: it runs to its first wait when called and frees its frame when it
/// ends. Whoever starts one must have another way to know that it ended.
struct Detached {
    struct promise_type {
        static void* operator new(std::size_t n, CommandArena& arena, auto&&...) {
            return detail::allocate_frame(n, arena);
        }
        static void* operator new(std::size_t n, auto&, CommandArena& arena, auto&&...) {
            return detail::allocate_frame(n, arena);
        }
        static void operator delete(void* frame, std::size_t n) noexcept { detail::release_frame(frame, n); }
        Detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        [[noreturn]] void unhandled_exception() noexcept {
            assertion_failed("a task threw", __FILE__, __LINE__);
        }
    };
};

}  // namespace targe::base
