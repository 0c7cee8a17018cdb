// Reactors for tests, and questions to them.
#pragma once

#include "reactor/reactors.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <future>
#include <memory>
#include <utility>

namespace targe::reactor::testing {

inline std::unique_ptr<Reactors> start(std::size_t count) {
    auto made = Reactors::start({.count = count, .pin = false, .each = {}});
    if (!made) {
        ADD_FAILURE() << made.error().text;
        std::abort();
    }
    return std::move(*made);
}

/// Runs `work` on the core and waits for what it returns.
template <class Work>
auto on(base::Core& core, Work work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto result = task.get_future();
    base::post(core, [task = std::move(task)]() mutable { task(); });
    return result.get();
}

}  // namespace targe::reactor::testing
