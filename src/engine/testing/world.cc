#include "engine/testing/world.h"

#include <algorithm>
#include <new>
#include <utility>

namespace targe::engine::testing {

HeapPool::~HeapPool() {
    TARGE_ASSERT(stats_.bytes_on_loan == 0);
    for (auto& [capacity, list] : free_) {
        for (std::byte* const data : list) {
            ::operator delete(data, std::align_val_t{4096});
        }
    }
}

std::optional<base::Buffer> HeapPool::take(std::size_t size) {
    std::size_t capacity = 4096;
    while (capacity < size) {
        capacity *= 2;
    }
    if (stats_.bytes_on_loan + capacity > stats_.limit_bytes) {
        ++stats_.refused;
        return std::nullopt;
    }
    stats_.bytes_on_loan += capacity;
    std::vector<std::byte*>& list = free_[capacity];
    if (list.empty()) {
        ++stats_.misses;
        auto* const data = static_cast<std::byte*>(::operator new(capacity, std::align_val_t{4096}));
        std::fill_n(data, capacity, std::byte{0xdb});  // old content shows when it is sent
        return base::Buffer{*this, data, size, capacity};
    }
    ++stats_.hits;
    std::byte* const data = list.back();
    list.pop_back();
    return base::Buffer{*this, data, size, capacity};
}

void HeapPool::give_back(std::byte* data, std::size_t capacity) noexcept {
    stats_.bytes_on_loan -= capacity;
    free_[capacity].push_back(data);
}

base::Time FakeCore::now() const {
    return world_.now();
}

base::Time FakeCore::clock() const {
    TARGE_ASSERT(&world_.current() == this);  // as where each core is a thread
    return now();
}

void FakeCore::random(std::span<std::byte> out) {
    for (std::byte& each : out) {
        each = static_cast<std::byte>(world_.below(256));
    }
}

std::uint64_t FakeCore::unix_ms() const {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch());
    return static_cast<std::uint64_t>(since.count());
}

void FakeCore::post(base::Message& message) {
    inbox_[world_.current_].push_back(&message);
}

void FakeCore::arm(base::Timer& timer, base::Time deadline) {
    timer.deadline = deadline;
    if (!timer.armed()) {
        timer.slot = 0;
        timers_.push_back(&timer);
    }
}

void FakeCore::disarm(base::Timer& timer) {
    if (timer.armed()) {
        timer.slot = base::Timer::kNoSlot;
        std::erase(timers_, &timer);
    }
}

World::World(std::size_t cores, std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < cores; ++i) {
        cores_.push_back(std::make_unique<FakeCore>(*this, base::CoreId{static_cast<std::uint16_t>(i)}));
        cores_.back()->inbox_.resize(cores);
        all_.push_back(cores_.back().get());
    }
}

void World::later(base::Core& core, std::function<void()> event) {
    events_.push_back({core.id().value, std::move(event)});
}

void World::as(const base::Core& core, const std::function<void()>& work) {
    const std::size_t before = std::exchange(current_, core.id().value);
    work();
    current_ = before;
}

bool World::deliver(std::size_t choice) {
    for (const auto& core : cores_) {
        for (auto& queue : core->inbox_) {
            if (queue.empty()) {
                continue;
            }
            if (choice-- == 0) {
                base::Message* const message = queue.front();
                queue.pop_front();
                current_ = core->id().value;
                message->run();
                return true;
            }
        }
    }
    return false;
}

bool World::step() {
    std::size_t queues = 0;
    for (const auto& core : cores_) {
        queues += static_cast<std::size_t>(
            std::ranges::count_if(core->inbox_, [](const auto& queue) { return !queue.empty(); }));
    }
    if (queues + events_.size() == 0) {
        return false;
    }
    const std::size_t choice = below(queues + events_.size());
    if (choice < queues) {
        return deliver(choice);
    }
    const auto at = events_.begin() + static_cast<std::ptrdiff_t>(choice - queues);
    const Event event = std::move(*at);
    events_.erase(at);
    current_ = event.core;
    event.what();
    return true;
}

void World::run() {
    while (step()) {
    }
    current_ = 0;
}

base::Timer* World::take_due() {
    for (const auto& core : cores_) {
        for (base::Timer* const timer : core->timers_) {
            if (timer->deadline <= now_) {
                core->disarm(*timer);
                current_ = core->id().value;
                return timer;
            }
        }
    }
    return nullptr;
}

void World::advance(base::Duration duration) {
    run();
    now_ += duration;
    while (base::Timer* const timer = take_due()) {
        timer->expired();
        run();
    }
}

}  // namespace targe::engine::testing
