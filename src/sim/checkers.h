// All checkers there are.
#pragma once

#include "sim/checker.h"
#include "sim/fault_model.h"
#include "sim/process.h"
#include "sim/referee.h"

#include <memory>

namespace targe::sim {

class AttentionChecker;

void add_checkers(Referee& referee, World& world, Site& site, const Plan& plan);

// Each in a file of its own.
[[nodiscard]] std::unique_ptr<Checker> make_medium_checker(World& world, const Plan& plan);
[[nodiscard]] std::unique_ptr<Checker> make_end_checker(World& world, Referee& referee);
[[nodiscard]] std::unique_ptr<Checker> make_order_checker(World& world, Referee& referee);
[[nodiscard]] std::unique_ptr<Checker> make_counter_checker(World& world, Referee& referee);
[[nodiscard]] std::unique_ptr<Checker> make_durability_checker(World& world, Referee& referee, Site& site,
                                                               const Plan& plan);
[[nodiscard]] std::unique_ptr<Checker> make_reservation_checker(World& world, Referee& referee,
                                                                AttentionChecker& attentions,
                                                                const Plan& plan);
[[nodiscard]] std::unique_ptr<Checker> make_mode_checker(World& world, AttentionChecker& attentions);

}  // namespace targe::sim
