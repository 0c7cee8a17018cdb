#include "sim/initiator.h"

#include "sim/commands.h"
#include "sim/process.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace targe::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kPatience = seconds{20};
constexpr std::size_t kMostOutstanding = 24;
constexpr std::uint32_t kMostBlocks = 8;

/// Chosen by weight.
template <class What, std::size_t N>
What draw(World& world, const std::array<std::pair<What, unsigned>, N>& weights) {
    unsigned sum = 0;
    for (const auto& [what, weight] : weights) {
        sum += weight;
    }
    std::uint64_t lot = world.below(sum);
    for (const auto& [what, weight] : weights) {
        if (lot < weight) {
            return what;
        }
        lot -= weight;
    }
    __builtin_unreachable();
}

constexpr auto kOrdinary = std::to_array<std::pair<Kind, unsigned>>({
    {Kind::read, 24},
    {Kind::write, 30},
    {Kind::compare_and_write, 16},
    {Kind::write_same, 4},
    {Kind::unmap, 3},
    {Kind::synchronize_cache, 5},
    {Kind::test_unit_ready, 6},
    {Kind::inquiry, 1},
    {Kind::request_sense, 1},
    {Kind::report_luns, 1},
    {Kind::read_capacity, 1},
    {Kind::mode_sense, 1},
});

constexpr auto kFunctions = std::to_array<std::pair<iscsi::TaskFunction, unsigned>>({
    {iscsi::TaskFunction::abort_task, 8},
    {iscsi::TaskFunction::abort_task_set, 4},
    {iscsi::TaskFunction::clear_task_set, 2},
    {iscsi::TaskFunction::logical_unit_reset, 5},
    {iscsi::TaskFunction::target_warm_reset, 2},
    {iscsi::TaskFunction::target_cold_reset, 1},
    {iscsi::TaskFunction::i_t_nexus_reset, 2},
    {iscsi::TaskFunction::query_task, 1},
    {iscsi::TaskFunction::query_task_set, 1},
    {iscsi::TaskFunction::query_async_event, 1},
});

}  // namespace

Initiator::Initiator(Surroundings& around, InitiatorIndex index)
    : around_(around), index_(index), key_(0x100 + index) {}

void Initiator::connect() {
    coming_back_ = false;
    if (session_) {
        return;
    }
    World& world = around_.world;
    SessionSettings settings{.initiator = index_,
                             .number = ++around_.sessions,
                             .initiator_name = "iqn.2026-11.sim:" + std::to_string(index_),
                             .target_name = kTarget,
                             .initiator_session_id = 0x8000'0000'0000 + index_,
                             .initial_r2t = world.below(2) == 0,
                             .immediate_data = world.below(3) != 0,
                             .max_burst = static_cast<std::uint32_t>(1024U << world.below(3)),
                             .first_burst = static_cast<std::uint32_t>(512U << world.below(2)),
                             .max_receive = static_cast<std::uint32_t>(512U << world.below(4))};
    session_ = std::make_unique<Session>(world, around_.referee, *this, std::move(settings));
    session_->log_in(around_.connect(*session_));
    // A login that nobody answers is given up.
    world.after(seconds{20}, nullptr, [this, number = session_->number()] {
        if (session_ && session_->number() == number && session_->is_new()) {
            session_->drop();
            session_over();
        }
    });
}

void Initiator::come_back(Duration after) {
    if (!std::exchange(coming_back_, true)) {
        around_.world.after(after, nullptr, [this] { connect(); });
    }
}

void Initiator::session_over() {
    for (Task* const task : session_->waiting()) {
        task->heard = true;
        give_up(*task);
    }
    session_.reset();
    if (!stays_away_) {
        come_back(around_.world.between(microseconds{50},
                                        around_.world.below(2) == 0 ? milliseconds{2} : seconds{3}));
    }
}

void Initiator::log_out() {
    stays_away_ = true;
    session_->log_out();
}

Task& Initiator::new_task(Kind kind, std::uint16_t lun) {
    Task& task = around_.referee.new_task();
    task.initiator = index_;
    task.kind = kind;
    task.lun = lun;
    task.shared_set = around_.plan.shared && lun == 0;
    return task;
}

void Initiator::submit(Task& task) {
    prepare(task);
    session_->send(task);
    watch(task);
}

bool Initiator::ask(Kind kind, std::uint16_t lun, std::uint64_t lba, std::uint32_t blocks) {
    if (!session_ || !session_->may_send()) {
        return false;
    }
    Task& task = new_task(kind, lun);
    task.lba = lba;
    task.blocks = blocks;
    submit(task);
    return true;
}

void Initiator::watch(Task& task) {
    around_.world.after(kPatience, nullptr, [this, &task] { lose_patience(task); });
}

/// Its device may hang. The function that ends it may have to wait as long.
void Initiator::lose_patience(Task& task) {
    if (task.heard || !session_ || session_->number() != task.session) {
        return;
    }
    if (session_->is_up()) {
        Function& function = around_.referee.new_function();
        function.initiator = index_;
        function.lun = task.lun;
        function.function = iscsi::TaskFunction::abort_task;
        function.task = &task;
        session_->send(function);
    }
    watch(task);
}

void Initiator::give_up(const Task& task) {
    if (around_.changes_reservation == &task) {
        around_.changes_reservation = nullptr;
    }
    if (around_.changes_modes == &task) {
        around_.changes_modes = nullptr;
    }
}

void Initiator::ended(Task& task) {
    give_up(task);
    if (task.kind == Kind::read && task.good()) {
        for (std::uint64_t i = 0; i < task.blocks; ++i) {
            seen_[{task.lun, task.lba + i}] = word(task.in, i * kWordsPerBlock);
        }
    }
    if (task.kind == Kind::compare_and_write && task.good()) {
        seen_[{task.lun, task.lba}] = task.stamp(0);
    }
    // Whoever misses looks, and soon tries again.
    if (task.kind == Kind::compare_and_write && !task.good() && !calm_ && session_ && session_->may_send() &&
        session_->outstanding() < kMostOutstanding) {
        ask(Kind::read, task.lun, task.lba, 1);
    }
}

void Initiator::ended(Function& /*function*/) {}

void Initiator::act() {
    if (!session_ || !session_->is_up()) {
        return;
    }
    World& world = around_.world;
    const Plan& plan = around_.plan;
    const std::uint64_t lot = world.below(100);
    if (plan.reconnects && lot < 2) {
        if (world.below(3) == 0) {
            session_->log_out();
        } else {
            session_->drop();
            session_over();
        }
    } else if (plan.manages && lot < 9) {
        manage();
    } else if (!session_->may_send() || session_->outstanding() >= kMostOutstanding) {
        return;
    } else if (plan.reserves && lot < 22) {
        reservation();
    } else if (plan.selects && lot < 26 && around_.changes_modes == nullptr) {
        Task& task = new_task(Kind::mode_select, static_cast<std::uint16_t>(world.below(kUnits)));
        task.mode_value = static_cast<std::uint8_t>(world.below(4));
        task.saves = world.below(2) == 0;
        around_.changes_modes = &task;
        submit(task);
    } else {
        ordinary();
    }
}

void Initiator::place(Task& task, bool counters) {
    World& world = around_.world;
    const std::uint64_t first = counters ? 0 : kCounters;
    const std::uint64_t range = counters ? kCounters : world.below(3) == 0 ? kBlocks - kCounters : 6;
    task.lba = first + world.below(range);
    const std::uint64_t most =
        std::min<std::uint64_t>(kMostBlocks, (counters ? kCounters : kBlocks) - task.lba);
    task.blocks = static_cast<std::uint32_t>(1 + world.below(most));
}

void Initiator::ordinary() {
    World& world = around_.world;
    Task& task = new_task(draw(world, kOrdinary), world.below(4) == 0 ? 1 : 0);
    if (world.below(100) < around_.plan.ordered) {
        task.attribute =
            world.below(4) == 0 ? iscsi::TaskAttribute::head_of_queue : iscsi::TaskAttribute::ordered;
    }
    task.immediate = world.below(40) == 0;
    // The others have no FUA bit.
    task.fua = world.below(4) == 0 && (task.kind == Kind::write || task.kind == Kind::compare_and_write);
    if (task.kind == Kind::read) {
        place(task, world.below(3) == 0);
    } else if (task.kind == Kind::compare_and_write) {
        place(task, world.below(3) != 0);
        task.blocks = 1;
        task.compared = seen_[{task.lun, task.lba}];
    } else if (task.writes()) {
        place(task, false);
    }
    submit(task);
}

void Initiator::reservation() {
    World& world = around_.world;
    if (world.below(4) == 0 && around_.plan.persistent) {
        Task& task = new_task(Kind::persistent_reserve_in, 0);
        task.reservation.action = static_cast<std::uint8_t>(world.below(2));
        submit(task);
        return;
    }
    if (around_.changes_reservation != nullptr) {
        ordinary();
        return;
    }
    Task& task = new_task(Kind::persistent_reserve_out, 0);
    if (around_.plan.persistent) {
        persistent(task);
    } else {
        task.kind = world.below(2) == 0 ? Kind::reserve : Kind::release;
    }
    around_.changes_reservation = &task;
    submit(task);
}

void Initiator::persistent(Task& task) {
    World& world = around_.world;
    constexpr std::array<std::uint8_t, 6> kTypes{1, 3, 5, 6, 7, 8};
    constexpr auto kActions = std::to_array<std::pair<std::uint8_t, unsigned>>(
        {{0, 2}, {1, 6}, {2, 3}, {3, 1}, {4, 3}, {5, 4}, {6, 6}});
    ReservationAsk& ask = task.reservation;
    ask.action = draw(world, kActions);
    ask.type = kTypes.at(world.below(kTypes.size()));
    ask.key = world.below(12) == 0 ? 0 : key_;
    const bool registers = ask.action == 0 || ask.action == 6;
    if (registers) {
        ask.key = world.below(2) == 0 ? 0 : ask.key;
        ask.action_key = world.below(5) == 0 ? 0 : key_;
        ask.aptpl = world.below(2) == 0;
    } else if (ask.action == 4 || ask.action == 5) {
        // A victim, or nobody.
        ask.action_key = 0x100 + world.below(around_.plan.initiators);
    }
}

void Initiator::manage() {
    World& world = around_.world;
    Function& function = around_.referee.new_function();
    function.initiator = index_;
    function.lun = world.below(4) == 0 ? 1 : 0;
    function.function = draw(world, kFunctions);
    if (function.function == iscsi::TaskFunction::abort_task ||
        function.function == iscsi::TaskFunction::query_task) {
        const std::vector<Task*> waiting = session_->waiting();
        if (waiting.empty()) {
            function.function = iscsi::TaskFunction::abort_task_set;
        } else {
            function.task = waiting[world.below(waiting.size())];
            function.lun = function.task->lun;
        }
    }
    function.shared_set = around_.plan.shared && function.lun == 0;
    session_->send(function);
}

}  // namespace targe::sim
