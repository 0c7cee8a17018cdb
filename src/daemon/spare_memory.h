// Memory that the heap keeps although nothing uses it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace targe::daemon {

/// The heap's spare pages, back to the system. Holds up whoever wants memory meanwhile: milliseconds a
/// hundred megabytes.
void give_back_heap();

/// Gives them back when something large has ended and nothing else has for a while, so that one who comes
/// back at once finds them, and none is held up who is at work. Sleeps until then.
class SpareMemory {
public:
    /// `give_back` is called on a thread of its own: `quiet` after the last end at the earliest, twice that
    /// at the latest, and ten times that after the first, should there be no quiet.
    explicit SpareMemory(std::function<void()> give_back = give_back_heap,
                         std::chrono::milliseconds quiet = std::chrono::seconds{5});
    SpareMemory(const SpareMemory&) = delete;
    SpareMemory& operator=(const SpareMemory&) = delete;
    ~SpareMemory();

    /// From any thread.
    void something_ended();

private:
    void run(const std::stop_token& stop);

    std::function<void()> give_back_;
    std::chrono::milliseconds quiet_;
    std::mutex mutex_;
    std::condition_variable_any ended_;
    std::uint64_t ends_ = 0;  ///< that nothing was given back for yet
    std::jthread thread_;     ///< last: what it uses is there before it, and ends after it
};

}  // namespace targe::daemon
