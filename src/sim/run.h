// One simulated run, from its seed to a verdict.
#pragma once

#include "sim/checker.h"
#include "sim/fault_model.h"
#include "sim/initiator.h"
#include "sim/process.h"
#include "sim/referee.h"
#include "sim/world.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace targe::sim {

/// What a run came to. Two runs of a seed come to the same.
struct Verdict {
    std::uint64_t seed = 0;
    std::optional<Violation> violation;
    std::uint64_t events = 0;
    std::size_t tasks = 0;
    std::size_t kills = 0;
};

enum class Verbosity : std::uint8_t { quiet, verbose };

class Run {
public:
    Run(std::uint64_t seed, Verbosity verbosity);
    ~Run();

    [[nodiscard]] Verdict go();

private:
    void start_process();
    void step();
    void kill();
    void administrate();
    void wait(Duration duration);
    /// Until `holds`, or `limit` has passed, or a promise was broken.
    bool wait_until(const std::function<bool()>& holds, Duration limit);
    void wind_up();
    void read_everything();
    [[nodiscard]] bool broken() const { return referee_.violation().has_value(); }
    void expect(bool holds, const char* what);

    std::uint64_t seed_;
    Plan plan_;
    World world_;
    Referee referee_;
    Site site_;
    Surroundings around_;
    std::vector<std::unique_ptr<Process>> processes_;  ///< the last one lives
    std::vector<std::unique_ptr<Initiator>> initiators_;
    bool administrating_ = false;
};

[[nodiscard]] Verdict simulate(std::uint64_t seed, Verbosity verbosity = Verbosity::quiet);

}  // namespace targe::sim
