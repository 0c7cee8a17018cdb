// What the load generator does to a unit, and what it measures.
#pragma once

#include "bench/histogram.h"
#include "bench/session.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace targe::bench {

enum class Direction : std::uint8_t { read, write };
enum class Order : std::uint8_t { random, sequential };
/// What the generator does while nothing has arrived.
enum class Waiting : std::uint8_t { spin, sleep };

struct Work {
    Direction direction = Direction::read;
    Order order = Order::random;
    Waiting waiting = Waiting::sleep;
    std::uint32_t sessions = 1;
    std::uint32_t depth = 1;  ///< of each session
    std::uint32_t block_bytes = 512;
    std::uint32_t io_bytes = 512;
    std::uint64_t span_bytes = 0;  ///< of the unit, from its beginning
    double seconds = 1;
    double warm_up_seconds = 0.2;
    std::uint64_t seed = 1;
};

struct Measured {
    Histogram latency_ns;
    std::uint64_t failed = 0;
    std::uint64_t total = 0;  ///< operations, those of the warm-up and the end included
    double seconds = 0;
};

/// One thread drives all sessions. Throws std::runtime_error as Session does.
class Workload {
public:
    Workload(const Work& work, const SessionOptions& options);
    Measured run();

private:
    using Nanoseconds = std::uint64_t;
    struct Lane {
        std::unique_ptr<Session> session;
        std::vector<Nanoseconds> started;    // by tag
        std::vector<std::uint32_t> waiting;  // tags that may be sent
        std::uint64_t next = 0;              // in units of io_bytes
    };

    void make_ready(Session& session);
    void issue(Lane& lane);
    bool turn(Lane& lane, Measured& measured);
    std::uint64_t next_place(Lane& lane);
    void sleep();
    [[nodiscard]] bool idle() const;

    Work work_;
    std::vector<Lane> lanes_;
    std::vector<std::byte> data_;
    std::vector<Completion> ended_;
    std::uint64_t random_;
    bool issuing_ = true;
    bool measuring_ = false;
};

}  // namespace targe::bench
