#include "sim/world.h"

#include <algorithm>
#include <utility>

namespace targe::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

World::World(std::uint64_t seed, std::uint32_t core_pause) : random_(seed), core_pause_(core_pause) {}

Duration World::between(Duration least, Duration most) {
    const auto range = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + Duration{static_cast<Duration::rep>(std::min(below(range), below(range)))};
}

void World::at(Time when, SimCore* core, std::function<void()> event) {
    queue_.emplace(Key{std::max(when, now_), next_number_++}, Event{core, std::move(event)});
}

bool World::step(Time end) {
    if (queue_.empty() || queue_.begin()->first.first > end) {
        return false;
    }
    const auto next = queue_.extract(queue_.begin());
    now_ = next.key().first;
    current_ = next.mapped().core;
    ++events_;
    next.mapped().run();
    current_ = nullptr;
    return true;
}

std::uint64_t SimCore::unix_ms() const {
    const auto since = std::chrono::duration_cast<milliseconds>(now().time_since_epoch());
    return static_cast<std::uint64_t>(since.count());
}

void SimCore::random(std::span<std::byte> out) {
    std::ranges::generate(out, [this] { return static_cast<std::byte>(world_.below(256)); });
}

void SimCore::post(base::Message& message) {
    const SimCore* const sender = world_.current();
    const std::size_t from = sender != nullptr ? sender->id_.value : latest_.size() - 1;
    const Duration most = world_.chance(world_.core_pause_) ? milliseconds{20} : microseconds{5};
    // The messages of one sender keep their order.
    Time& latest = latest_[from];
    latest = std::max(latest + nanoseconds{1}, world_.now() + world_.between(nanoseconds{200}, most));
    world_.at(latest, this, [&message] { message.run(); });
}

void SimCore::arm(base::Timer& timer, Time deadline) {
    disarm(timer);
    timer.deadline = std::max(deadline, world_.now());
    timer.slot = world_.next_number_++;
    world_.queue_.emplace(World::Key{timer.deadline, timer.slot}, World::Event{this, [&timer] {
                                                                                   timer.slot =
                                                                                       base::Timer::kNoSlot;
                                                                                   timer.expired();
                                                                               }});
}

void SimCore::disarm(base::Timer& timer) {
    if (timer.armed()) {
        world_.queue_.erase({timer.deadline, timer.slot});
        timer.slot = base::Timer::kNoSlot;
    }
}

}  // namespace targe::sim
