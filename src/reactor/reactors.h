// All reactors of the process, each on its own thread.
#pragma once

#include "base/core.h"
#include "reactor/reactor.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace targe::reactor {

struct ReactorsOptions {
    std::size_t count = 0;  ///< 0: one for each CPU that the process may use
    bool pin = true;        ///< each to one CPU, when there are as many
    ReactorOptions each;    ///< `cpu` is set by the pool
};

/// The CPUs that this process may use, from sched_getaffinity().
[[nodiscard]] std::vector<unsigned> usable_cpus();

/// Started whole or not at all. stop() before the end; the end does it otherwise.
class Reactors {
public:
    [[nodiscard]] static std::expected<std::unique_ptr<Reactors>, SetupError> start(
        const ReactorsOptions& options);
    Reactors(const Reactors&) = delete;
    Reactors& operator=(const Reactors&) = delete;
    ~Reactors();

    [[nodiscard]] std::size_t size() const { return reactors_.size(); }
    [[nodiscard]] Reactor& operator[](std::size_t index) { return *reactors_[index]; }
    [[nodiscard]] base::Cores cores() const { return cores_; }

    /// Every reactor finishes what it has in hand, and what others hand it meanwhile, for at most
    /// `drain_limit`; then their threads end. Who uses them has closed its listeners and streams before.
    void stop(base::Duration drain_limit = std::chrono::seconds{5});
    /// What was still held when they ended, one line each, with the reactor's number. Only after stop().
    [[nodiscard]] std::vector<std::string> leaks() const;

private:
    /// How one of them is found: whether nothing is left for it to do, and what it has run so far.
    struct Found {
        bool at_rest = false;
        std::uint64_t messages = 0;
    };

    Reactors() = default;
    /// Of each. Empty when one of them does not say by `until`.
    [[nodiscard]] std::vector<Found> look(base::Time until) const;
    void await_rest(base::Time until) const;

    std::vector<std::unique_ptr<Reactor>> reactors_;
    std::vector<base::Core*> cores_;
    std::vector<std::thread> threads_;
};

}  // namespace targe::reactor
