#include "reactor/reactor.h"

#include "reactor/buffer_cache.h"
#include "reactor/page_pipes.h"
#include "reactor/plug.h"
#include "reactor/ring.h"
#include "reactor/running_time.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace targe::reactor {

namespace {

thread_local Reactor* this_reactor = nullptr;

/// Completions that are resumed in one turn; the others wait for the next, so that messages and timers get
/// theirs.
constexpr std::size_t kCompletionsPerTurn = 256;
/// How many turns without work pass before the CPU is offered to whoever else wants it. The peer may be on
/// the same one.
constexpr unsigned kTurnsBetweenYields = 8;

}  // namespace

/// A read of an eventfd that stays in the ring while the reactor sleeps: others write to it to wake us.
class Reactor::WakeUp final : public Completion {
public:
    explicit WakeUp(int fd) : fd_(fd) {}
    ~WakeUp() { ::close(fd_); }

    void arm(Ring& ring) {
        if (!armed_) {
            io_uring_sqe& sqe = ring.submission();
            io_uring_prep_read(&sqe, fd_, &count_, sizeof count_, 0);
            io_uring_sqe_set_data(&sqe, static_cast<Completion*>(this));
            armed_ = true;
        }
    }
    /// From any thread.
    void wake() {
        calls_.fetch_add(1, std::memory_order_relaxed);
        const std::uint64_t one = 1;
        const ssize_t written = ::write(fd_, &one, sizeof one);
        // It could only be refused after 2^64 calls without a read.
        TARGE_ASSERT(written == sizeof one);
    }
    void completed(int /*result*/, unsigned /*flags*/) override { armed_ = false; }
    [[nodiscard]] bool armed() const { return armed_; }
    [[nodiscard]] std::uint64_t calls() const { return calls_.load(std::memory_order_relaxed); }

private:
    int fd_;
    bool armed_ = false;
    std::uint64_t count_ = 0;
    std::atomic<std::uint64_t> calls_ = 0;
};

std::expected<std::unique_ptr<Reactor>, SetupError> Reactor::create(base::CoreId id,
                                                                    const ReactorOptions& options) {
    auto ring = Ring::create(options.ring_entries);
    if (!ring) {
        return std::unexpected(explain_ring_failure(ring.error(), host_facts()));
    }
    const int event = eventfd(0, EFD_CLOEXEC);
    if (event < 0) {
        return std::unexpected(explain_ring_failure(errno, host_facts()));
    }
    std::unique_ptr<Reactor> made(new Reactor(id, options, std::move(*ring)));
    made->wake_up_ = std::make_unique<WakeUp>(event);
    return made;
}

Reactor::Reactor(base::CoreId id, const ReactorOptions& options, std::unique_ptr<Ring> ring)
    : id_(id),
      options_(options),
      now_(RunningTime::now()),
      ring_(std::move(ring)),
      buffers_(std::make_unique<BufferCache>(*this, options.buffer_limit_bytes, *ring_)),
      page_pipes_(std::make_unique<PagePipes>()),
      plug_(std::make_unique<Plug>(*this)),
      spin_bound_(options.longest_spin),
      worked_at_(now_) {}

Reactor::~Reactor() {
    TARGE_ASSERT(this_reactor != this);
}

Reactor* Reactor::current() {
    return this_reactor;
}

base::BufferPool& Reactor::buffers() {
    return *buffers_;
}

void Reactor::random(std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        TARGE_ASSERT(got > 0);  // fails only for a bad address, once the system is up
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

std::uint64_t Reactor::unix_ms() const {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

void Reactor::post(base::Message& message) {
    if (this_reactor == this) {
        local_.push_back(message);
    } else if (inbox_.put(message)) {
        wake_up_->wake();
    }
}

void Reactor::arm(base::Timer& timer, base::Time deadline) {
    timers_.arm(timer, deadline);
}

void Reactor::disarm(base::Timer& timer) {
    timers_.disarm(timer);
}

io_uring_sqe& Reactor::prepare(Completion& completion) {
    TARGE_ASSERT(this_reactor == this);
    io_uring_sqe& sqe = ring_->submission();
    // io_uring_prep_*() leaves the user data alone.
    io_uring_sqe_set_data(&sqe, &completion);
    ++operations_;
    return sqe;
}

void Reactor::cancel(Completion& completion) {
    TARGE_ASSERT(this_reactor == this);
    io_uring_sqe& sqe = ring_->submission();
    io_uring_prep_cancel(&sqe, &completion, 0);
    // The operation's own completion tells all there is to know.
    io_uring_sqe_set_data(&sqe, nullptr);
}

void Reactor::at_turn_end(TurnEnd& hook) {
    if (!hook.linked()) {
        turn_ends_.push_back(hook);
    }
}

void Reactor::add_poller(Poller& poller) {
    if (!poller.linked()) {
        pollers_.push_front(poller);
    }
}

void Reactor::run() {
    TARGE_ASSERT(this_reactor == nullptr);
    this_reactor = this;
    ring_->enter_thread();
    RunningTime::instance().begin(base::Clock::now());
    worked_at_ = RunningTime::now();
    while (!finished()) {
        turn();
    }
    buffers_->release_cached();
    if (wake_up_->armed()) {
        wake_up_->wake();
        while (wake_up_->armed()) {
            ring_->submit_and_wait(std::nullopt);
            run_completions();
        }
    }
    ring_->leave_thread();
    this_reactor = nullptr;
}

void Reactor::stop(base::Duration drain_limit) {
    stop_after_.store(std::max(drain_limit, base::Duration{}).count());
    if (inbox_.knock()) {
        wake_up_->wake();
    }
}

bool Reactor::finished() {
    const base::Duration::rep limit = stop_after_.load(std::memory_order_relaxed);
    if (limit == kRunning) {
        return false;
    }
    if (!drain_until_) {
        drain_until_ = RunningTime::now() + base::Duration(limit);
    }
    return leaks().empty() || RunningTime::now() >= *drain_until_;
}

void Reactor::turn() {
    ++stats_.turns;
    now_ = RunningTime::now();
    looks_left_ = 0;
    // Pollers go before completions: a stream that the ring has just woken has already been read.
    bool arrived = run_messages();
    arrived = run_pollers() || arrived;
    arrived = run_completions() || arrived;
    const bool expired = run_timers();
    run_turn_ends();
    if (arrived) {
        spin_bound_.found_work(now_ - worked_at_, slept_);
    }
    if (arrived || expired) {
        worked_at_ = RunningTime::now();
        stats_.worked += worked_at_ - now_;
        empty_turns_ = 0;
    }
    slept_ = false;
    wait();
}

bool Reactor::run_messages() {
    inbox_.take_into(local_);
    // What these post to this core runs in the next turn: a chain of messages must not hold up the rest.
    MessageList present = std::exchange(local_, {});
    const bool any = !present.empty();
    while (!present.empty()) {
        ++stats_.messages;
        present.pop_front().run();
    }
    return any;
}

bool Reactor::run_timers() {
    bool any = false;
    while (base::Timer* const timer = timers_.take_expired(now_)) {
        any = true;
        timer->expired();
    }
    return any;
}

bool Reactor::run_completions() {
    if (!ring_->ready()) {
        return false;
    }
    // All are taken out before any is told: what they start may complete at once, and must not come in
    // between, nor nest.
    std::array<Completed, kCompletionsPerTurn> batch;
    bool any = false;
    for (const Completed& one : ring_->collect(batch)) {
        if (one.completion == nullptr) {
            continue;
        }
        any = true;
        ++stats_.completions;
        const bool ours = one.completion == wake_up_.get();
        if (!ours && (one.flags & Completion::kMore) == 0) {
            --operations_;
        }
        one.completion->completed(one.result, one.flags);
    }
    return any;
}

/// Between two turns: goes on at once while there is work or while more is expected soon, sleeps otherwise.
void Reactor::wait() {
    if (plug_->take_ends_at_once()) {
        ring_->submit();
    }
    if (!local_.empty() || !turn_ends_.empty() || !large_.empty() || ring_->ready() || !inbox_.empty()) {
        ring_->submit();
        return;
    }
    if (may_spin()) {
        ring_->submit();
        if (++empty_turns_ % kTurnsBetweenYields == 0) {
            yield();
        }
        return;
    }
    sleep();
}

bool Reactor::may_spin() const {
    // A disk is waited for asleep: what works for it, a thread of the kernel's, may need this very CPU.
    return plug_->in_flight() == 0 && now_ - worked_at_ < spin_bound_.value() &&
           cpu_demand_.leaves_room(now_);
}

void Reactor::yield() {
    const base::Time before = RunningTime::now();
    sched_yield();
    const base::Time after = RunningTime::now();
    cpu_demand_.yielded(after - before, after);
}

void Reactor::sleep() {
    while (!pollers_.empty()) {
        pollers_.pop_front().park();
    }
    wake_up_->arm(*ring_);
    if (!inbox_.fall_asleep()) {
        ring_->submit();
        return;
    }
    // Whoever stops the reactor knocks after it has said so: it sees us asleep, or we see it here.
    if (stop_after_.load() != kRunning && !drain_until_) {
        inbox_.awake();
        return;
    }
    std::optional<base::Time> until = timers_.next_deadline();
    if (drain_until_ && (!until || *drain_until_ < *until)) {
        until = drain_until_;
    }
    std::optional<base::Duration> limit;
    if (until) {
        limit = *until - RunningTime::now();
    }
    if (looks_for_all_) {
        limit = std::min(limit.value_or(RunningTime::kBetweenLooks), RunningTime::kBetweenLooks);
    }
    ++stats_.sleeps;
    slept_ = true;
    ring_->submit_and_wait(limit);
    inbox_.awake();
}

std::vector<std::string> Reactor::leaks() const {
    std::vector<std::string> held;
    if (operations_ != 0) {
        held.push_back(fmt::format("{} operations in flight", operations_));
    }
    const std::size_t timers = timers_.size() - (buffers_->trimming() ? 1 : 0);
    if (timers != 0) {
        held.push_back(fmt::format("{} timers armed", timers));
    }
    if (buffers_->loans() != 0) {
        held.push_back(
            fmt::format("{} buffers on loan, {} bytes", buffers_->loans(), buffers_->stats().bytes_on_loan));
    }
    if (page_pipes_->loans() != 0) {
        held.push_back(fmt::format("{} pipes on loan", page_pipes_->loans()));
    }
    if (!local_.empty() || !inbox_.empty()) {
        held.emplace_back("messages not run");
    }
    if (!large_.empty()) {
        held.emplace_back("large pieces of work not done");
    }
    if (!turn_ends_.empty() || !pollers_.empty()) {
        held.emplace_back("streams with work to do");
    }
    return held;
}

ReactorStats Reactor::stats() const {
    ReactorStats stats = stats_;
    stats.wake_ups_sent = wake_up_->calls();
    return stats;
}

}  // namespace targe::reactor
