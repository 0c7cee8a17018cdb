#include "bench/workload.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <stdexcept>

namespace targe::bench {

namespace {

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
    if (work.depth == 0 || work.depth > Session::kMaxTags || work.span_bytes < work.io_bytes) {
        throw std::runtime_error("a depth of 1 to 256, please, and a unit larger than one operation");
    }
    for (std::byte& byte : data_) {
        random_ = random_ * 6364136223846793005U + 1442695040888963407U;
        byte = static_cast<std::byte>(random_ >> 56U);
    }
    const std::uint64_t places = work.span_bytes / work.io_bytes;
    for (std::uint32_t i = 0; i < work.sessions; ++i) {
        SessionOptions own = options;
        own.isid = options.isid + i;
        Lane lane{.session = std::make_unique<Session>(own),
                  .started = std::vector<Nanoseconds>(work.depth),
                  .waiting = {},
                  .next = places / work.sessions * i};
        for (std::uint32_t tag = work.depth; tag-- > 0;) {
            lane.waiting.push_back(tag);
        }
        make_ready(*lane.session);
        lanes_.push_back(std::move(lane));
    }
}

// A new session is told of power-on and the like first: that is not what is measured.
void Workload::make_ready(Session& session) {
    for (int attempt = 0; attempt < 8; ++attempt) {
        session.test_unit_ready(0);
        session.flush();
        ended_.clear();
        while (ended_.empty()) {
            session.wait();
            session.receive(ended_);
        }
        if (ended_.front().good) {
            return;
        }
    }
    throw std::runtime_error("the unit does not become ready");
}

std::uint64_t Workload::next_place(Lane& lane) {
    const std::uint64_t places = work_.span_bytes / work_.io_bytes;
    if (work_.order == Order::sequential) {
        lane.next = lane.next + 1 < places ? lane.next + 1 : 0;
        return lane.next;
    }
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return random_ % places;
}

void Workload::issue(Lane& lane) {
    const std::uint32_t blocks = work_.io_bytes / work_.block_bytes;
    while (issuing_ && !lane.waiting.empty() && lane.session->window_open()) {
        const std::uint32_t tag = lane.waiting.back();
        lane.waiting.pop_back();
        const std::uint64_t lba = next_place(lane) * blocks;
        lane.started[tag] = now_ns();
        if (work_.direction == Direction::read) {
            lane.session->read(tag, lba, blocks, work_.io_bytes, nullptr);
        } else {
            lane.session->write(tag, lba, blocks, data_);
        }
    }
    lane.session->flush();
}

bool Workload::turn(Lane& lane, Measured& measured) {
    ended_.clear();
    const bool arrived = lane.session->receive(ended_);
    if (!ended_.empty()) {
        const std::uint64_t now = now_ns();
        measured.total += ended_.size();
        for (const Completion& completion : ended_) {
            lane.waiting.push_back(completion.tag);
            if (measuring_) {
                measured.latency_ns.add(now - lane.started[completion.tag]);
                measured.failed += completion.good ? 0 : 1;
            }
        }
    }
    if (arrived || lane.session->has_output()) {
        issue(lane);
    }
    return arrived;
}

void Workload::sleep() {
    std::vector<pollfd> entries;
    for (const Lane& lane : lanes_) {
        const auto events = static_cast<short>(POLLIN | (lane.session->has_output() ? POLLOUT : 0));
        entries.push_back({.fd = lane.session->descriptor(), .events = events, .revents = 0});
    }
    ::poll(entries.data(), entries.size(), 1000);
}

bool Workload::idle() const {
    return std::ranges::all_of(lanes_, [&](const Lane& lane) { return lane.waiting.size() == work_.depth; });
}

Measured Workload::run() {
    Measured measured;
    std::uint64_t begin = now_ns() + nanoseconds(work_.warm_up_seconds);
    std::uint64_t end = begin + nanoseconds(work_.seconds);
    const std::uint64_t patience = end + nanoseconds(30);
    for (Lane& lane : lanes_) {
        issue(lane);
    }
    while (issuing_ || !idle()) {
        bool arrived = false;
        for (Lane& lane : lanes_) {
            arrived = turn(lane, measured) || arrived;
        }
        const std::uint64_t now = now_ns();
        if (!measuring_ && issuing_ && now >= begin) {
            measuring_ = true;
            begin = now;
            end = begin + nanoseconds(work_.seconds);
        } else if (measuring_ && now >= end) {
            measuring_ = issuing_ = false;
            measured.seconds = static_cast<double>(now - begin) / 1e9;
        }
        if (now > patience) {
            throw std::runtime_error("the target does not answer");
        }
        if (!arrived && work_.waiting == Waiting::sleep) {
            sleep();
        }
    }
    return measured;
}

}  // namespace targe::bench
