// Questions from a thread that is no reactor to a core, answered within a bound.
#pragma once

#include "admin/problem.h"
#include "base/core.h"

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
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

}  // namespace targe::daemon
