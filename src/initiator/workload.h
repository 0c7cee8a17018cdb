// What a load does to a unit, and what is measured of it.
#pragma once

#include "initiator/histogram.h"
#include "initiator/sense_text.h"
#include "initiator/session.h"

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace targe::initiator {

enum class Direction : std::uint8_t { read, write, mix };
enum class Order : std::uint8_t { random, sequential };
/// What the initiator does while nothing has arrived.
enum class Waiting : std::uint8_t { spin, sleep };
/// When a new request follows.
enum class Pace : std::uint8_t {
    steady,    ///< at once when one has been answered
    in_steps,  ///< when all that were sent have been answered: batches of the same size on every machine
};

struct Work {
    Direction direction = Direction::read;
    unsigned read_percent = 50;  ///< of a mix
    Order order = Order::random;
    Waiting waiting = Waiting::sleep;
    Pace pace = Pace::steady;
    std::uint32_t sessions = 1;
    std::uint32_t depth = 1;  ///< of each session
    std::uint32_t block_bytes = 512;
    std::uint32_t io_bytes = 512;  ///< whole blocks
    std::uint64_t span_bytes = 0;  ///< of the unit, from its beginning
    double seconds = 1;
    std::uint64_t operations = 0;  ///< of all sessions; not 0: ends after so many, all of which count
    double warm_up_seconds = 0.2;
    std::uint64_t seed = 1;
};

inline constexpr std::uint32_t kMaxSessions = 1024;
inline constexpr std::uint32_t kMaxDepth = 1024;
inline constexpr std::uint32_t kMaxIoBytes = std::uint32_t{16} << 20U;

struct Measured {
    Histogram latency_ns;
    std::uint64_t reads = 0;  ///< with `writes`, those in the histogram that ended well
    std::uint64_t writes = 0;
    std::uint64_t failed = 0;   ///< of all operations
    std::string first_failure;  ///< in words
    std::uint64_t total = 0;    ///< operations, those of the warm-up and the end included
    double seconds = 0;
    std::uint32_t deepest = 0;  ///< most in flight of a session; fewer than the depth: the target's window
    bool interrupted = false;   ///< stop() was called: `seconds` are fewer than were asked for
};

/// One thread drives all sessions. Throws Failure as Session does, and where the target does not answer for
/// half a minute, or ends the first 64 operations so that others would end no better. `work` must have whole
/// blocks, and fit the limits above and the unit.
class Workload {
public:
    /// Logs in, and makes the unit ready.
    Workload(const Work& work, const SessionOptions& options);
    Measured run();
    /// Ends run() soon, with what was measured until then: no more is issued, what is in flight is awaited,
    /// and sessions log out. From any thread, or a signal handler.
    void stop() { stop_ = true; }

private:
    using Nanoseconds = std::uint64_t;
    struct Task {
        Nanoseconds started = 0;
        bool reads = true;
    };
    struct Lane {
        std::unique_ptr<Session> session;
        std::vector<Task> tasks;             // by tag
        std::vector<std::uint32_t> waiting;  // tags that may be sent
        std::uint64_t next = 0;              // in units of io_bytes
    };

    Measured drive();
    void turn_all();
    bool turn(Lane& lane);
    void issue(Lane& lane);
    void count(Lane& lane);
    void note_failure(Lane& lane);
    void advance();
    void sleep();
    std::uint64_t draw();
    std::uint64_t next_place(Lane& lane);
    [[nodiscard]] bool idle() const;

    Work work_;
    std::vector<Lane> lanes_;
    std::vector<pollfd> entries_;  // of lanes_
    std::vector<std::byte> data_;
    std::vector<Completion> ended_;
    std::uint64_t random_;
    Measured measured_;
    std::uint64_t ended_well_ = 0;  // of all operations
    Advice advice_;                 // on the first that did not
    Nanoseconds now_ = 0;
    Nanoseconds begin_ = 0;
    Nanoseconds end_ = 0;
    Nanoseconds answered_ = 0;  ///< when anything was
    std::uint64_t issued_ = 0;
    bool issuing_ = true;
    bool measuring_ = false;
    std::atomic<bool> stop_{false};
    static_assert(std::atomic<bool>::is_always_lock_free);  // as a signal handler needs it
};

}  // namespace targe::initiator
