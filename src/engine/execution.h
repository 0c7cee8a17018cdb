// The coroutine that executes a command.
#pragma once

#include "base/arena.h"
#include "base/task.h"
#include "engine/command.h"
#include "engine/command_path.h"

#include <coroutine>
#include <cstddef>
#include <optional>
#include <utility>

namespace targe::engine {

/// Takes (base::CommandArena&, Command&), runs to its first wait when called, and returns how the command
/// ends. Its frame is freed before finish() is called: from there the command may already be another one.
struct Execution {
    struct promise_type {
        promise_type(base::CommandArena& /*arena*/, Command& served) : command_(served) {}

        static void* operator new(std::size_t n, base::CommandArena& arena, Command& /*command*/) {
            return base::detail::allocate_frame(n, arena);
        }
        static void operator delete(void* frame, std::size_t n) noexcept {
            base::detail::release_frame(frame, n);
        }

        struct Finish {
            [[nodiscard]] bool await_ready() const noexcept { return false; }
            [[gnu::noinline]] void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
                Command& served = self.promise().command_;
                const scsi::Outcome how = *self.promise().outcome_;
                self.destroy();
                finish(served, how);
            }
            void await_resume() const noexcept {}
        };

        Execution get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        Finish final_suspend() noexcept { return {}; }
        void return_value(const scsi::Outcome& how) { outcome_ = how; }
        [[noreturn]] void unhandled_exception() noexcept {
            base::assertion_failed("the execution of a command threw", __FILE__, __LINE__);
        }

    private:
        Command& command_;
        std::optional<scsi::Outcome> outcome_;
    };
};

}  // namespace targe::engine
