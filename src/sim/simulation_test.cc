// Some seconds of the simulator: the same seeds every time, and some that nobody has tried. `sim` runs more.
#include "base/log.h"
#include "sim/run.h"

#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <random>

namespace targe::sim {
namespace {

constexpr std::uint64_t kFixedSeeds = 1000;
constexpr std::uint64_t kFreshSeeds = 300;

void expect_promises_kept(std::uint64_t first, std::uint64_t count) {
    base::set_log_level(base::LogLevel::error);
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const Verdict verdict = simulate(seed);
        ASSERT_FALSE(verdict.violation)
            << "seed=" << seed << " checker=" << verdict.violation->checker << " " << verdict.violation->what;
    }
}

TEST(Simulation, KeepsEveryPromise) {
    expect_promises_kept(1, kFixedSeeds);
}

TEST(Simulation, KeepsEveryPromiseOfSeedsThatNobodyHasTried) {
    const std::uint64_t first = std::random_device{}();
    std::cout << "seed=" << first << '\n';
    expect_promises_kept(first, kFreshSeeds);
}

TEST(Simulation, TakesAConditionForOneOfAllThatMayHaveCausedIt) {
    // A nexus is reset whose login was told of by a task that is dropped.
    expect_promises_kept(3'922'669'043, 1);
}

TEST(Simulation, TakesBackForWhichOfTwoAnInitiatorWasTold) {
    // Of two resets under way one has told it; what it sends then is executed, so it was the one that had
    // ended.
    expect_promises_kept(3'034'772'590, 1);
}

TEST(Simulation, DoesTheSameAgainForTheSameSeed) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const Verdict once = simulate(seed);
        const Verdict again = simulate(seed);
        EXPECT_EQ(once.events, again.events) << "seed=" << seed;
        EXPECT_EQ(once.tasks, again.tasks);
    }
}

TEST(Simulation, MeetsWhatItIsMadeFor) {
    std::size_t tasks = 0;
    std::size_t kills = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        const Verdict verdict = simulate(seed);
        tasks += verdict.tasks;
        kills += verdict.kills;
    }
    EXPECT_GT(tasks, 10'000U);
    EXPECT_GT(kills, 20U);
}

}  // namespace
}  // namespace targe::sim
