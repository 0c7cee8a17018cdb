#include "sim/link.h"

#include "sim/link_stream.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace targe::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::uint64_t kSmallWindow = 200;
constexpr std::uint64_t kWindow = std::uint64_t{256} << 10U;

}  // namespace

Link::Link(World& world, const FaultModel& faults, LinkUser& initiator)
    : world_(world), faults_(faults), initiator_(&initiator), window_(kWindow) {
    if (world.chance(faults.small_window)) {
        window_ = kSmallWindow + world.below(4000);
    }
    if (world.chance(faults.wire_break)) {
        Way& way = world.below(2) == 0 ? to_target_ : to_initiator_;
        way.breaks_at = world.below(world.below(2) == 0 ? 2'000 : 60'000);
    }
}

/// In order, whatever the delay of each piece.
Time Link::next_arrival(Way& way) {
    way.latest = std::max(way.latest + std::chrono::nanoseconds{1},
                          world_.now() + world_.between(microseconds{5}, microseconds{500}));
    return way.latest;
}

void Link::send(std::span<const std::byte> bytes) {
    input_.insert(input_.end(), bytes.begin(), bytes.end());
    const std::uint64_t begin = std::exchange(to_target_.total, to_target_.total + bytes.size());
    const std::uint64_t cut = begin + world_.below(bytes.size()) + 1;
    for (const std::uint64_t end : {cut, begin + bytes.size()}) {
        world_.at(next_arrival(to_target_), target_ != nullptr ? &target_->core() : nullptr,
                  [self = shared_from_this(), end] {
                      if (self->dead_) {
                          return;
                      }
                      self->to_target_.arrived = std::min(end, self->to_target_.breaks_at);
                      if (self->target_ != nullptr) {
                          self->target_->readable();
                      }
                      if (end >= self->to_target_.breaks_at) {
                          self->broken();
                      }
                  });
    }
}

void Link::target_sent(std::span<const std::byte> bytes) {
    to_initiator_.total += bytes.size();
    if (initiator_ != nullptr && !muted_) {
        initiator_->emitted(bytes);
    }
    world_.at(next_arrival(to_initiator_), nullptr, [self = shared_from_this(), end = to_initiator_.total] {
        if (self->dead_) {
            return;
        }
        self->to_initiator_.arrived = std::min(end, self->to_initiator_.breaks_at);
        if (self->initiator_ != nullptr) {
            self->initiator_->arrived(self->to_initiator_.arrived);
        }
        if (self->target_ != nullptr) {
            self->tell_target_writable();
        }
        if (end >= self->to_initiator_.breaks_at) {
            self->broken();
        }
    });
}

void Link::tell_target_writable() {
    SimCore& core = target_->core();
    world_.after({}, &core, [self = shared_from_this(), &core] {
        if (self->target_ == nullptr) {
            return;
        }
        if (&self->target_->core() != &core) {
            self->tell_target_writable();  // it has moved meanwhile
            return;
        }
        self->target_->writable();
    });
}

/// At once, or long after the initiator is back.
Duration Link::delay_of_bad_news() {
    return world_.below(2) == 0 ? world_.between(microseconds{1}, milliseconds{1})
                                : world_.between(microseconds{1}, seconds{4});
}

void Link::broken() {
    if (std::exchange(dead_, true)) {
        return;
    }
    initiator_hears_broken();
    tell_initiator_lost(world_.between(microseconds{1}, milliseconds{50}));
    if (!world_.chance(faults_.wire_silence)) {
        tell_target(ECONNRESET, delay_of_bad_news());
    }
}

void Link::initiator_hears_broken() {
    if (initiator_ != nullptr) {
        initiator_->broken();
    }
}

void Link::drop() {
    initiator_hears_broken();
    initiator_ = nullptr;
    if (!std::exchange(dead_, true) && !world_.chance(faults_.wire_silence)) {
        // Reset, or closed in order.
        tell_target(world_.below(2) == 0 ? ECONNRESET : 0, delay_of_bad_news());
    }
}

void Link::refuse() {
    dead_ = true;
    target_ = nullptr;
    tell_initiator_lost(world_.between(microseconds{1}, milliseconds{10}));
}

void Link::cut_off() {
    dead_ = true;
    tell_initiator_lost(world_.between(microseconds{1}, milliseconds{10}));
    tell_target(ECONNRESET, {});
    muted_ = true;
}

/// What is under way to the initiator comes before the end.
void Link::target_closed(bool reset) {
    target_ = nullptr;
    initiator_hears_broken();
    const Duration least = reset ? Duration{} : std::max(Duration{}, to_initiator_.latest - world_.now());
    tell_initiator_lost(least + world_.between(microseconds{1}, milliseconds{1}));
}

void Link::tell_initiator_lost(Duration delay) {
    world_.after(delay, nullptr, [self = shared_from_this()] {
        self->dead_ = true;
        if (LinkUser* const initiator = std::exchange(self->initiator_, nullptr)) {
            initiator->lost();
        }
    });
}

void Link::tell_target(int error, Duration delay) {
    if (target_ == nullptr) {
        return;
    }
    SimCore& core = target_->core();
    world_.after(delay, &core, [self = shared_from_this(), error, &core] {
        if (self->target_ == nullptr) {
            return;
        }
        if (&self->target_->core() != &core) {
            self->tell_target(error, {});  // it has moved meanwhile
            return;
        }
        self->target_->reset(error);
    });
}

std::unique_ptr<transport::Stream> Link::open(SimCore& core, transport::StreamUser& user) {
    auto stream = std::make_unique<LinkStream>(shared_from_this(), core, user);
    target_ = stream.get();
    return stream;
}

}  // namespace targe::sim
