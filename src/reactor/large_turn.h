// Large pieces of work take turns with each other, so that small ones wait for one of them at most.
#pragma once

#include "reactor/reactor.h"

#include <coroutine>
#include <cstddef>

namespace targe::reactor {

/// As much as a coroutine does between two turns: a copy of so much takes some ten microseconds.
constexpr std::size_t kLargePiece = std::size_t{64} << 10U;

/// `co_await LargeTurn()`, before each piece: where others wait the coroutine goes on in a later turn, in
/// which no other coroutine does so and no stream receives much. Where nobody does, and on threads that are
/// no reactor's, it goes on at once.
class LargeTurn final : public base::ListHook<class LargeTurnTag> {
public:
    LargeTurn() : reactor_(Reactor::current()) {}
    [[nodiscard]] bool await_ready() const noexcept {
        return reactor_ == nullptr || !reactor_->others_wait();
    }
    void await_suspend(std::coroutine_handle<> self) noexcept {
        self_ = self;
        reactor_->add_large(*this);
    }
    void await_resume() const noexcept {}

private:
    friend class Reactor;

    Reactor* reactor_;
    std::coroutine_handle<> self_;
};

/// Whether work of `bytes` should be cut in pieces, each after a LargeTurn.
[[nodiscard]] inline bool takes_turns(std::size_t bytes) {
    return bytes > kLargePiece && Reactor::current() != nullptr && Reactor::current()->others_wait();
}

}  // namespace targe::reactor
