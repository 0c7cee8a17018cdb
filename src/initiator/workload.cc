#include "initiator/workload.h"

#include "initiator/failure.h"
#include "initiator/sense_text.h"
#include "initiator/unit.h"

#include <time.h>

#include <algorithm>
#include <cstdio>

namespace targe::initiator {
namespace {

constexpr std::uint64_t kPatience = 30'000'000'000;  // ns
/// Looks without an answer between two at the clock, which costs as much as half of one.
constexpr unsigned kLooksPerClock = 16;
/// Failures without a single success, after which there will be none.
constexpr std::uint64_t kHopeless = 64;

std::uint64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t nanoseconds(double seconds) {
    return static_cast<std::uint64_t>(seconds * 1e9);
}

}  // namespace

Workload::Workload(const Work& work, const SessionOptions& options)
    : work_(work), data_(work.io_bytes), random_(work.seed | 1U) {
    if (work.depth == 0 || work.depth > kMaxDepth || work.sessions == 0 || work.sessions > kMaxSessions ||
        work.io_bytes == 0 || work.io_bytes > kMaxIoBytes || work.span_bytes < work.io_bytes) {
        throw Failure(
            "a depth of 1 to 1024, 1 to 1024 sessions, operations of up to 16 MiB, and a unit that is "
            "larger than one of them, please");
    }
    for (std::byte& byte : data_) {
        random_ = random_ * 6364136223846793005U + 1442695040888963407U;
        byte = static_cast<std::byte>(random_ >> 56U);
    }
    const std::uint64_t places = work.span_bytes / work.io_bytes;
    for (std::uint32_t i = 0; i < work.sessions; ++i) {
        SessionOptions own = options;
        own.isid = options.isid + i;
        own.tags = work.depth;
        Lane lane{.session = std::make_unique<Session>(own),
                  .tasks = std::vector<Task>(work.depth),
                  .waiting = {},
                  .next = places / work.sessions * i};
        for (std::uint32_t tag = work.depth; tag-- > 0;) {
            lane.waiting.push_back(tag);
        }
        make_ready(*lane.session);
        entries_.push_back({.fd = lane.session->descriptor(), .events = POLLIN, .revents = 0});
        lanes_.push_back(std::move(lane));
    }
}

std::uint64_t Workload::draw() {
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return random_;
}

std::uint64_t Workload::next_place(Lane& lane) {
    const std::uint64_t places = work_.span_bytes / work_.io_bytes;
    if (work_.order == Order::sequential) {
        lane.next = lane.next + 1 < places ? lane.next + 1 : 0;
        return lane.next;
    }
    return draw() % places;
}

void Workload::issue(Lane& lane) {
    const std::uint32_t blocks = work_.io_bytes / work_.block_bytes;
    const bool complete = lane.waiting.size() == work_.depth;
    Session& session = *lane.session;
    while (issuing_ && !lane.waiting.empty() && session.window_open() &&
           (work_.pace == Pace::steady || complete)) {
        const std::uint32_t tag = lane.waiting.back();
        lane.waiting.pop_back();
        issuing_ = ++issued_ != work_.operations;
        const std::uint64_t lba = next_place(lane) * blocks;
        const bool reads = work_.direction == Direction::read ||
                           (work_.direction == Direction::mix && draw() % 100 < work_.read_percent);
        // One look at the clock for all that came and all that leaves with it: building a request takes a
        // hundredth of its way.
        lane.tasks[tag] = {.started = now_, .reads = reads};
        if (reads) {
            session.read(tag, lba, blocks, work_.io_bytes, nullptr);
        } else {
            session.write(tag, lba, blocks, data_);
        }
    }
    measured_.deepest =
        std::max(measured_.deepest, work_.depth - static_cast<std::uint32_t>(lane.waiting.size()));
    session.flush();
}

void Workload::count(Lane& lane) {
    measured_.total += ended_.size();
    for (const Completion& completion : ended_) {
        lane.waiting.push_back(completion.tag);
        if (measuring_) {
            const Task& task = lane.tasks[completion.tag];
            measured_.latency_ns.add(now_ - task.started);
            (task.reads ? measured_.reads : measured_.writes) += completion.good ? 1 : 0;
        }
        if (completion.good) {
            ++ended_well_;
        } else {
            note_failure(lane);
        }
    }
}

void Workload::note_failure(Lane& lane) {
    if (measured_.failed++ == 0) {
        const Ending ending = lane.session->take_ending();
        measured_.first_failure = describe(ending);
        advice_ = advice_on(ending);
    }
    // Figures of refusals would be taken for those of the unit.
    if (measured_.failed == kHopeless && ended_well_ == 0 && advice_.for_good) {
        throw Failure("no operation ends well: " + measured_.first_failure, advice_.cause, advice_.cure);
    }
}

bool Workload::turn(Lane& lane) {
    ended_.clear();
    const bool arrived = lane.session->receive(ended_);
    if (arrived) {
        now_ = now_ns();
        answered_ = now_;
        count(lane);
    }
    if (arrived || lane.session->has_output()) {
        issue(lane);
    }
    return arrived;
}

/// Waits until there is something to do, and does it.
void Workload::sleep() {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        entries_[i].events = static_cast<short>(POLLIN | (lanes_[i].session->has_output() ? POLLOUT : 0));
    }
    if (::poll(entries_.data(), entries_.size(), 100) <= 0) {
        return;
    }
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        if (entries_[i].revents != 0) {
            turn(lanes_[i]);
        }
    }
}

void Workload::turn_all() {
    if (work_.waiting == Waiting::sleep) {
        sleep();
        now_ = now_ns();
        return;
    }
    for (unsigned look = 0; look < kLooksPerClock; ++look) {
        bool arrived = false;
        for (Lane& lane : lanes_) {
            arrived = turn(lane) || arrived;
        }
        if (arrived) {
            return;
        }
    }
    now_ = now_ns();
}

bool Workload::idle() const {
    return std::ranges::all_of(lanes_, [&](const Lane& lane) { return lane.waiting.size() == work_.depth; });
}

/// From the warm-up to the measurement, and from there to the end.
void Workload::advance() {
    if (stop_ && issuing_) {
        issuing_ = false;
        measured_.interrupted = true;
        if (measuring_) {
            measuring_ = false;
            measured_.seconds = static_cast<double>(now_ - begin_) / 1e9;
        }
    }
    if (!measuring_ && issuing_ && now_ >= begin_) {
        measuring_ = true;
        begin_ = now_;
        end_ = begin_ + nanoseconds(work_.seconds);
    } else if (measuring_ && work_.operations == 0 && now_ >= end_) {
        measuring_ = issuing_ = false;
        measured_.seconds = static_cast<double>(now_ - begin_) / 1e9;
    }
    if (now_ > answered_ + kPatience) {
        throw Failure("the target has not answered for 30 seconds", "it hangs, or its disk does",
                      "look at the target's log");
    }
}

Measured Workload::drive() {
    now_ = answered_ = now_ns();
    begin_ = now_ + nanoseconds(work_.warm_up_seconds);
    if (work_.operations > 0) {
        measuring_ = true;
        begin_ = now_;
    }
    for (Lane& lane : lanes_) {
        issue(lane);
    }
    while (issuing_ || !idle()) {
        turn_all();
        advance();
    }
    if (measuring_) {
        measured_.seconds = static_cast<double>(now_ - begin_) / 1e9;
    }
    for (Lane& lane : lanes_) {
        lane.session->log_out();
    }
    return measured_;
}

Measured Workload::run() {
    const Nanoseconds start = now_ns();
    try {
        return drive();
    } catch (const Failure& failure) {
        std::array<char, 64> when{};
        std::snprintf(when.data(), when.size(), ", after %llu operations in %.1f s",
                      static_cast<unsigned long long>(measured_.total),
                      static_cast<double>(now_ns() - start) / 1e9);
        throw Failure(failure.what() + std::string(when.data()), failure.cause(), failure.cure());
    }
}

}  // namespace targe::initiator
