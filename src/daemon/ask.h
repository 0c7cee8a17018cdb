// Questions from a thread that is no reactor to a core, answered within a bound.
#pragma once

#include "admin/problem.h"
#include "base/core.h"

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

namespace targe::daemon {

/// A core that has not answered by then is stuck in a device; the administrator is told so.
inline constexpr std::chrono::seconds kAnswerLimit{5};

/// `what` could not be done in time.
[[nodiscard]] admin::Problem core_is_stuck(std::string_view what);

/// Runs `question(answer)` on `core`; `answer(value)` may be called there or on any core, now or later.
/// Nothing when that takes longer than kAnswerLimit: then the answer, when it comes, is dropped.
template <class Value, class Question>
std::optional<Value> ask_later(base::Core& core, Question question) {
    const auto promise = std::make_shared<std::promise<Value>>();
    auto future = promise->get_future();
    base::post(core, [promise, question = std::move(question)]() mutable {
        question([promise](Value value) { promise->set_value(std::move(value)); });
    });
    if (future.wait_for(kAnswerLimit) != std::future_status::ready) {
        return std::nullopt;
    }
    return future.get();
}

/// The same where the answer is known at once.
template <class Question>
auto ask(base::Core& core, Question question) {
    using Value = decltype(question());
    return ask_later<Value>(
        core, [question = std::move(question)](const auto& answer) mutable { answer(question()); });
}

/// Runs `work()`, which may wait in the kernel for ever, on a thread made for it. Nothing when that takes
/// longer than `limit`, or no thread can be had; what comes of it later is dropped.
template <class Work>
std::optional<std::invoke_result_t<Work>> ask_elsewhere(std::chrono::seconds limit, Work work) {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
    auto future = task.get_future();
    try {
        std::thread(std::move(task)).detach();
    } catch (const std::system_error&) {
        return std::nullopt;
    }
    if (future.wait_for(limit) != std::future_status::ready) {
        return std::nullopt;
    }
    return future.get();
}

}  // namespace targe::daemon
