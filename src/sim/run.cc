#include "sim/run.h"

#include "sim/checkers.h"

#include <algorithm>
#include <utility>

namespace targe::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Run::Run(std::uint64_t seed, Verbosity verbosity)
    : seed_(seed),
      plan_(plan_of(seed)),
      world_(seed, plan_.faults.core_pause),
      referee_(world_),
      around_{.world = world_, .referee = referee_, .plan = plan_, .connect = [this](LinkUser& user) {
                  auto link = std::make_shared<Link>(world_, plan_.faults, user);
                  processes_.back()->connect(link);
                  return link;
              }} {
    if (verbosity == Verbosity::verbose) {
        referee_.print_notes();
    }
    add_checkers(referee_, world_, site_, plan_);
    start_process();
    for (std::size_t i = 0; i < plan_.initiators; ++i) {
        initiators_.push_back(std::make_unique<Initiator>(around_, i));
    }
}

Run::~Run() = default;

void Run::start_process() {
    processes_.push_back(std::make_unique<Process>(world_, site_, referee_, plan_));
}

Verdict Run::go() {
    for (const auto& initiator : initiators_) {
        world_.after(world_.between({}, milliseconds{5}), nullptr, [&each = *initiator] { each.connect(); });
    }
    wait(milliseconds{2});
    for (std::size_t i = 0; i < plan_.steps && !broken(); ++i) {
        step();
        // Mostly the next thing begins while the last is under way; now and then all is quiet in between.
        wait(world_.below(12) == 0 ? world_.between(milliseconds{1}, milliseconds{20})
                                   : world_.between({}, microseconds{150}));
    }
    if (!broken()) {
        wind_up();
    }
    return {.seed = seed_,
            .violation = referee_.violation(),
            .events = world_.events(),
            .tasks = referee_.tasks().size(),
            .kills = processes_.size() - 1};
}

void Run::step() {
    if (world_.chance(plan_.faults.kill)) {
        kill();
    } else if (plan_.administrates && world_.below(40) == 0) {
        administrate();
    } else if (world_.below(100) < plan_.moves) {
        processes_.back()->move_session();
    } else {
        initiators_[world_.below(initiators_.size())]->act();
    }
}

void Run::kill() {
    const bool power = world_.chance(plan_.faults.power_cut);
    processes_.back()->kill();
    if (power) {
        for (Medium& medium : site_.media) {
            medium.cut_power(world_);
        }
    }
    administrating_ = false;
    around_.changes_reservation = around_.changes_modes = nullptr;
    referee_.killed(power);
    start_process();
}

void Run::administrate() {
    if (std::exchange(administrating_, true)) {
        return;
    }
    const auto done = [this, process = processes_.size()](void (Referee::*tell)()) {
        if (process == processes_.size()) {
            administrating_ = false;
            (referee_.*tell)();
        }
    };
    if (world_.below(2) == 0) {
        referee_.resizing();
        processes_.back()->resize(0, site_.blocks[0] == kBlocks ? kMoreBlocks : kBlocks,
                                  [done] { done(&Referee::resized); });
    } else {
        referee_.remapping();
        processes_.back()->remap([done] { done(&Referee::remapped); });
    }
}

void Run::wait(Duration duration) {
    wait_until([] { return false; }, duration);
}

bool Run::wait_until(const std::function<bool()>& holds, Duration limit) {
    const Time end = world_.now() + limit;
    while (!broken()) {
        if (holds()) {
            return true;
        }
        if (!world_.step(end)) {
            world_.skip_to(end);
            return holds();
        }
    }
    return false;
}

void Run::expect(bool holds, const char* what) {
    if (!holds && !broken()) {
        referee_.fail("liveness", what);
    }
}

/// Nothing more goes wrong: everything that was begun has to end.
void Run::wind_up() {
    plan_.faults = {};
    processes_.back()->heal();
    for (const auto& initiator : initiators_) {
        initiator->calm_down();
    }
    const auto all_idle = [this] {
        return !administrating_ &&
               std::ranges::all_of(initiators_, [](const auto& each) { return each->is_idle(); });
    };
    expect(wait_until(all_idle, minutes{10}), "something never ends");
    read_everything();
    if (!broken()) {
        referee_.finished();
    }
    for (const auto& initiator : initiators_) {
        if (!broken()) {
            initiator->log_out();
        }
    }
    const auto all_away = [this] {
        return std::ranges::all_of(initiators_, [](const auto& each) { return each->is_away(); });
    };
    expect(wait_until(all_away, minutes{2}), "a logout never ends");
    const auto all_quiet = [this] {
        return std::ranges::all_of(processes_, [](const auto& each) { return each->quiet(); });
    };
    expect(wait_until(all_quiet, minutes{10}), "a connection is never forgotten");
    wait(minutes{10});
}

void Run::read_everything() {
    const auto quiet = [this] {
        return std::ranges::all_of(initiators_, [](const auto& each) { return each->is_idle(); });
    };
    for (const auto& initiator : initiators_) {
        for (std::uint16_t lun = 0; lun < kUnits && !broken(); ++lun) {
            // As many as it may have to be told of before it is given data.
            for (int i = 0; i < 8; ++i) {
                initiator->ask(Kind::test_unit_ready, lun);
                expect(wait_until(quiet, minutes{5}), "TEST UNIT READY never ends");
            }
            initiator->ask(Kind::mode_sense, lun);
            initiator->ask(Kind::read, lun, 0, kBlocks);
            expect(wait_until(quiet, minutes{5}), "the last READ never ends");
        }
    }
}

Verdict simulate(std::uint64_t seed, Verbosity verbosity) {
    auto run = std::make_unique<Run>(seed, verbosity);
    Verdict verdict = run->go();
    if (verdict.violation) {
        // In the middle of things: what is under way cannot be taken apart. It is left where it is.
        static_cast<void>(run.release());
    }
    return verdict;
}

}  // namespace targe::sim
