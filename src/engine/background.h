// A coroutine that serves no command: resets, refreshes, farewells. Rare, so its frame is from the heap.
#pragma once

#include "base/assert.h"

#include <coroutine>

namespace targe::engine {

/// Belongs to nobody: it runs to its first wait when called, and frees its frame when it ends.
struct Background {
    struct promise_type {
        Background get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        [[noreturn]] void unhandled_exception() noexcept {
            base::assertion_failed("a background coroutine threw", __FILE__, __LINE__);
        }
    };
};

}  // namespace targe::engine
