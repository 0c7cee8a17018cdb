// A TCP connection between an initiator and a target that are both simulated.
#pragma once

#include "sim/fault_model.h"
#include "sim/world.h"
#include "transport/stream.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace targe::sim {

class LinkStream;

/// The initiator's end. Calls come from the world, outside of any core.
class LinkUser {
public:
    /// The target has sent these bytes: from now on it stands by them, whether they arrive or not.
    virtual void emitted(std::span<const std::byte> bytes) = 0;
    /// So many bytes, of all that were emitted, have arrived by now.
    virtual void arrived(std::uint64_t total) = 0;
    /// The target has taken in so many bytes, of all that were sent.
    virtual void consumed(std::uint64_t total) = 0;
    /// Nothing more goes through. Both ends will hear of it, or one does already.
    virtual void broken() = 0;
    /// The connection is no more. The last call.
    virtual void lost() = 0;

protected:
    ~LinkUser() = default;
};

/// Shared by its ends; each lets go in its own time.
class Link : public std::enable_shared_from_this<Link> {
public:
    Link(World& world, const FaultModel& faults, LinkUser& initiator);

    // The initiator's.
    void send(std::span<const std::byte> bytes);
    /// Ends it at once; lost() is not called. The target hears of it in its own time.
    void drop();
    [[nodiscard]] std::uint64_t sent() const { return to_target_.total; }

    // The target's.
    /// On `core`: what IscsiConnection::accept() is given.
    [[nodiscard]] std::unique_ptr<transport::Stream> open(SimCore& core, transport::StreamUser& user);
    /// Nobody has taken it on, or the process is dead.
    void refuse();
    /// The process is dead: what it goes on sending goes nowhere, and its end learns of nothing more.
    void cut_off();

private:
    friend class LinkStream;
    static constexpr std::uint64_t kNever = ~std::uint64_t{0};
    /// One direction.
    struct Way {
        std::uint64_t total = 0;    ///< given to the network
        std::uint64_t arrived = 0;  ///< of them
        std::uint64_t breaks_at = kNever;
        Time latest{};  ///< of what arrives
    };
    [[nodiscard]] Time next_arrival(Way& way);
    void target_sent(std::span<const std::byte> bytes);
    void target_closed(bool reset);
    [[nodiscard]] Duration delay_of_bad_news();
    void broken();
    void initiator_hears_broken();
    void tell_initiator_lost(Duration delay);
    void tell_target(int error, Duration delay);
    void tell_target_writable();

    World& world_;
    FaultModel faults_;
    LinkUser* initiator_;  ///< null: it has let go
    LinkStream* target_ = nullptr;
    Way to_target_;
    Way to_initiator_;
    std::deque<std::byte> input_;  ///< sent to the target and not taken in
    std::uint64_t consumed_ = 0;
    std::uint64_t window_;  ///< bytes to the initiator that may be under way
    bool dead_ = false;     ///< nothing moves any more
    bool muted_ = false;    ///< whatever the target's end sends does not count
};

}  // namespace targe::sim
