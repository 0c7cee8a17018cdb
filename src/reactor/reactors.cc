#include "reactor/reactors.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <system_error>
#include <utility>

namespace targe::reactor {

namespace {

/// However late it is: what takes nothing but turns gets some, on a machine that stood still, too.
constexpr unsigned kLeastLooks = 16;
constexpr std::chrono::seconds kLeastAnswer{1};
constexpr std::chrono::milliseconds kBetweenLooks{1};

/// What a thread of a reactor is, seen from outside: its name in top, its CPU, no signals.
void prepare_thread(base::CoreId id, std::optional<unsigned> cpu) {
    const std::string name = fmt::format("reactor/{}", id.value);
    pthread_setname_np(pthread_self(), name.c_str());
    if (cpu) {
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(*cpu, &only);
        // A CPU that went away since it was listed is no reason not to run.
        static_cast<void>(pthread_setaffinity_np(pthread_self(), sizeof only, &only));
    }
}

/// Signals are for the thread that started the reactors: theirs would be interrupted in the middle of a turn.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

}  // namespace

std::vector<unsigned> usable_cpus() {
    std::vector<unsigned> cpus;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(cpu, &set)) {
                cpus.push_back(cpu);
            }
        }
    }
    if (cpus.empty()) {
        // More CPUs than the set holds. One reactor, on any of them, still works.
        cpus.push_back(0);
    }
    return cpus;
}

std::expected<std::unique_ptr<Reactors>, SetupError> Reactors::start(const ReactorsOptions& options) {
    const std::vector<unsigned> cpus = usable_cpus();
    const std::size_t count = options.count == 0 ? cpus.size() : options.count;
    std::unique_ptr<Reactors> made(new Reactors);
    for (std::size_t i = 0; i < count; ++i) {
        ReactorOptions each = options.each;
        each.cpu.reset();
        if (options.pin && count <= cpus.size() && cpus.size() > 1) {
            each.cpu = cpus[i];
        }
        auto reactor = Reactor::create(base::CoreId(static_cast<std::uint16_t>(i)), each);
        if (!reactor) {
            return std::unexpected(std::move(reactor.error()));
        }
        made->cores_.push_back(reactor->get());
        made->reactors_.push_back(std::move(*reactor));
    }
    const SignalsBlocked blocked;
    try {
        for (const auto& reactor : made->reactors_) {
            made->threads_.emplace_back([&reactor = *reactor] {
                prepare_thread(reactor.id(), reactor.options().cpu);
                reactor.run();
            });
        }
    } catch (const std::system_error& error) {
        // Only those that run can be asked to end.
        made->cores_.resize(made->threads_.size());
        made->reactors_.resize(made->threads_.size());
        return std::unexpected(explain_thread_failure(error.code().value()));
    }
    return made;
}

std::vector<Reactors::Found> Reactors::look(base::Time until) const {
    struct Look {
        explicit Look(std::size_t count) : found(count), left(count) {}
        std::vector<Found> found;
        std::atomic<std::size_t> left;
        std::promise<void> all;
    };
    const auto look = std::make_shared<Look>(reactors_.size());
    for (std::size_t i = 0; i < reactors_.size(); ++i) {
        Reactor& reactor = *reactors_[i];
        base::post(reactor, [look, i, &reactor] {
            look->found[i] = {.at_rest = reactor.leaks().empty(), .messages = reactor.stats().messages};
            if (look->left.fetch_sub(1) == 1) {
                look->all.set_value();
            }
        });
    }
    return look->all.get_future().wait_until(until) == std::future_status::ready ? look->found
                                                                                 : std::vector<Found>{};
}

/// One that has nothing left may be handed something by another that has, so none ends before all are at
/// rest. They are when each one is twice in a row, and has run nothing between but the question: a message
/// that was under way when all had been asked once has been run before its core is asked again.
void Reactors::await_rest(base::Time until) const {
    std::vector<Found> before;
    for (unsigned looks = 0; looks < kLeastLooks || base::Clock::now() < until; ++looks) {
        std::vector<Found> found = look(std::max(until, base::Clock::now() + kLeastAnswer));
        if (found.empty()) {
            return;
        }
        const bool at_rest = std::ranges::all_of(found, &Found::at_rest);
        if (at_rest && std::ranges::equal(before, found, [](const Found& earlier, const Found& later) {
                return earlier.at_rest && later.messages == earlier.messages + 1;
            })) {
            return;
        }
        before = std::move(found);
        if (!at_rest) {
            std::this_thread::sleep_for(kBetweenLooks);
        }
    }
}

void Reactors::stop(base::Duration drain_limit) {
    const base::Time until = base::Clock::now() + drain_limit;
    if (!threads_.empty()) {
        await_rest(until);
    }
    for (const auto& reactor : reactors_) {
        reactor->stop(until - base::Clock::now());
    }
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
}

Reactors::~Reactors() {
    stop();
    for (auto& reactor : reactors_) {
        if (!reactor->leaks().empty()) {
            // The kernel, or a coroutine that never ended, may still point into it.
            [[maybe_unused]] const Reactor* const abandoned = reactor.release();
        }
    }
}

std::vector<std::string> Reactors::leaks() const {
    std::vector<std::string> all;
    for (const auto& reactor : reactors_) {
        for (const std::string& line : reactor->leaks()) {
            all.push_back(fmt::format("reactor {}: {}", reactor->id().value, line));
        }
    }
    return all;
}

}  // namespace targe::reactor
