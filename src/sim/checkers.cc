#include "sim/checkers.h"

#include "sim/attention_checker.h"

#include <utility>

namespace targe::sim {

void add_checkers(Referee& referee, World& world, Site& site, const Plan& plan) {
    referee.add(make_medium_checker(world, plan));
    referee.add(make_end_checker(world, referee));
    referee.add(make_order_checker(world, referee));
    referee.add(make_counter_checker(world, referee));
    referee.add(make_durability_checker(world, referee, site, plan));
    auto attentions = std::make_unique<AttentionChecker>(world, plan);
    referee.add(make_reservation_checker(world, referee, *attentions, plan));
    referee.add(make_mode_checker(world, *attentions));
    referee.add(std::move(attentions));
}

}  // namespace targe::sim
