// Which medium is open, for work that must not go on with another one.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace targe::device {

/// Counts the media that a store has had, and keeps the one that is open in its place for as long as somebody
/// works on it who must not work on another. From any thread.
class OpenMedium {
public:
    /// How long another one waits until nobody has this one pinned; an administrator waits for it.
    static constexpr std::chrono::seconds kLongestWait{3};

    [[nodiscard]] std::uint64_t number() const { return number_.load(); }
    /// It was away, or comes back: whether it is still the same cannot be told here.
    void may_have_changed() { number_.fetch_add(1); }

    /// True: it is the one of that number, and stays so until unpin(). At once.
    [[nodiscard]] bool pin(std::uint64_t number) {
        pins_.fetch_add(1);
        if (!exchanging_.load() && number_.load() == number) {
            return true;
        }
        unpin();
        return false;
    }
    void unpin() { pins_.fetch_sub(1); }

    /// Calls `put()`, which puts another one in its place and says whether it did, while nobody has it
    /// pinned. False: somebody has for `longest`, or put() said so. One at a time, on a thread that may wait.
    template <class Put>
    [[nodiscard]] bool exchange(Put put, std::chrono::milliseconds longest = kLongestWait) {
        constexpr std::chrono::milliseconds kBetweenLooks{1};
        exchanging_.store(true);
        const auto until = std::chrono::steady_clock::now() + longest;
        while (pins_.load() != 0 && std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(kBetweenLooks);
        }
        const bool done = pins_.load() == 0 && put();
        if (done) {
            may_have_changed();
        }
        exchanging_.store(false);
        return done;
    }

private:
    std::atomic<std::uint64_t> number_ = 0;
    std::atomic<std::uint32_t> pins_ = 0;
    std::atomic<bool> exchanging_ = false;
};

}  // namespace targe::device
