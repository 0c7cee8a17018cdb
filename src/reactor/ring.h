// The kernel's ring, as the reactor uses it. Only for the reactor's own sources.
#pragma once

#include "base/core.h"
#include "reactor/fixed_buffers.h"

#include <liburing.h>

#include <expected>
#include <memory>
#include <optional>
#include <span>

namespace targe::reactor {

class Completion;

/// A completion taken out of the ring.
struct Completed {
    Completion* completion;  ///< null: nobody wants to know
    int result;
    unsigned flags;
};

/// Made by any thread; used by the one that called enter_thread(), as the kernel checks (single issuer).
class Ring final : public BufferRegistrar {
public:
    /// Or the errno of io_uring_setup().
    [[nodiscard]] static std::expected<std::unique_ptr<Ring>, int> create(unsigned entries);
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring();

    /// From here on the calling thread is the one that submits.
    void enter_thread();
    void leave_thread();

    /// An empty submission. When the queue is full what is in it goes to the kernel first.
    [[nodiscard]] io_uring_sqe& submission();
    /// Whether collect() would find something.
    [[nodiscard]] bool ready() const;
    [[nodiscard]] std::span<Completed> collect(std::span<Completed> into);
    /// Hands over what is prepared. Nothing happens when nothing is.
    void submit();
    /// Hands over what is prepared and waits for a completion, at most for `limit`.
    void submit_and_wait(std::optional<base::Duration> limit);
    [[nodiscard]] int set(unsigned slot, std::span<std::byte> memory) override;

private:
    Ring() = default;
    [[nodiscard]] bool work_pending() const;

    io_uring ring_{};
    bool made_ = false;
    bool has_slots_ = false;
};

}  // namespace targe::reactor
