#include "scsi/persistent_reserve_out.h"

#include "scsi/reservation_action_under_way.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace targe::scsi {
namespace detail {

std::optional<Outcome> ActionUnderWay::bad_scope_or_type() const {
    if (request_.scope != 0) {
        return invalid_field(PersistentReserveOutCdb::kScope);
    }
    if (!reservation_type(request_.type)) {
        return invalid_field(PersistentReserveOutCdb::kType);
    }
    return std::nullopt;
}

std::optional<Outcome> ActionUnderWay::cannot_keep(std::size_t byte) const {
    return request_.through_power_loss && !asker_.keeps
               ? std::optional<Outcome>{invalid_parameter(byte, kThroughPowerLossBit)}
               : std::nullopt;
}

std::vector<ItNexus> ActionUnderWay::others() const {
    std::vector<ItNexus> nexuses;
    for (const Registrant& each : made_.next.registrants) {
        if (!is_asker(each.nexus)) {
            nexuses.push_back(each.nexus);
        }
    }
    return nexuses;
}

void ActionUnderWay::tell(Asc condition, std::vector<ItNexus> nexuses) {
    if (!nexuses.empty()) {
        made_.notices.push_back({.condition = condition, .nexuses = std::move(nexuses)});
    }
}

void ActionUnderWay::put(const ItNexus& nexus, std::uint64_t key) {
    auto& all = made_.next.registrants;
    const auto at = std::ranges::find(all, nexus, &Registrant::nexus);
    if (at != all.end()) {
        at->key = key;
    } else {
        all.push_back({.nexus = nexus, .key = key});
    }
}

/// Without a holder there is no reservation, [SPC-4 r37 5.13.10].
void ActionUnderWay::forget(const ItNexus& nexus) {
    PersistentReservations& next = made_.next;
    std::erase_if(next.registrants, [&](const Registrant& each) { return each.nexus == nexus; });
    if (next.holder == nexus || next.registrants.empty()) {
        next.reserved.reset();
        next.holder.reset();
    }
}

void ActionUnderWay::establish(const ItNexus& holder) {
    made_.next.reserved = reservation_type(request_.type);
    made_.next.holder = is_all_registrants(*made_.next.reserved) ? std::nullopt : std::optional{holder};
}

/// [SPC-4 r37 5.13.9]
Result ActionUnderWay::reserve() {
    if (const auto refusal = bad_scope_or_type()) {
        return refused(*refusal);
    }
    if (!unit_.reserved) {
        establish(asker_.nexus);
        return std::move(made_);
    }
    const bool same = unit_.is_held_by(asker_.nexus) && unit_.reserved == reservation_type(request_.type);
    return same ? Result{std::move(made_)} : conflict();
}

/// [SPC-4 r37 5.13.11.2.2]
Result ActionUnderWay::release() {
    if (!unit_.is_held_by(asker_.nexus)) {
        return std::move(made_);
    }
    if (request_.scope != 0 || reservation_type(request_.type) != unit_.reserved) {
        return refused(illegal_request(Asc::invalid_release_of_persistent_reservation));
    }
    if (is_registrants_only(*unit_.reserved) || is_all_registrants(*unit_.reserved)) {
        tell(Asc::reservations_released, others());
    }
    made_.next.reserved.reset();
    made_.next.holder.reset();
    return std::move(made_);
}

/// [SPC-4 r37 5.13.11.2.7]
Result ActionUnderWay::clear() {
    tell(Asc::reservations_preempted, others());
    made_.next.registrants.clear();
    made_.next.reserved.reset();
    made_.next.holder.reset();
    return counted();
}

/// [SPC-4 r37 5.13.11.2.4], its table of preempting actions.
Result ActionUnderWay::preempt() {
    const std::uint64_t key = request_.service_action_key;
    if (unit_.reserved && is_all_registrants(*unit_.reserved)) {
        return key == 0 ? preempt_holder(true) : remove_matching();
    }
    if (!unit_.reserved) {
        return remove_matching();
    }
    if (key == 0) {
        return refused(invalid_parameter(kServiceActionKeyByte));
    }
    const Registrant* const holder = unit_.find(*unit_.holder);
    return holder != nullptr && holder->key == key ? preempt_holder(false) : remove_matching();
}

/// The reservation is replaced, and whoever asks stays registered.
Result ActionUnderWay::preempt_holder(bool all) {
    if (const auto refusal = bad_scope_or_type()) {
        return refused(*refusal);
    }
    std::vector<ItNexus> preempted;
    for (const Registrant& each : unit_.registrants) {
        if (!all && each.key != request_.service_action_key) {
            continue;
        }
        made_.aborted.push_back(each.nexus);
        if (!is_asker(each.nexus)) {
            preempted.push_back(each.nexus);
        }
    }
    for (const ItNexus& each : preempted) {
        forget(each);
    }
    establish(asker_.nexus);
    tell(Asc::registrations_preempted, std::move(preempted));
    if (made_.next.reserved != unit_.reserved) {
        tell(Asc::reservations_released, others());
    }
    return counted();
}

/// [SPC-4 r37 5.13.11.2.5]: whoever asks goes too, where the key is its own.
Result ActionUnderWay::remove_matching() {
    std::vector<ItNexus> preempted;
    for (const Registrant& each : unit_.registrants) {
        if (each.key != request_.service_action_key) {
            continue;
        }
        made_.aborted.push_back(each.nexus);
        forget(each.nexus);
        if (!is_asker(each.nexus)) {
            preempted.push_back(each.nexus);
        }
    }
    if (made_.aborted.empty()) {
        return conflict();
    }
    tell(Asc::registrations_preempted, std::move(preempted));
    return counted();
}

/// [SPC-4 r37 5.13.11.3]
Result ActionUnderWay::replace_lost() {
    if (!unit_.lost) {
        return refused(illegal_request(Asc::invalid_release_of_persistent_reservation));
    }
    if (request_.key != 0) {
        return refused(invalid_parameter(kKeyByte));
    }
    if (request_.service_action_key == 0) {
        return refused(invalid_parameter(kServiceActionKeyByte));
    }
    if (request_.all_target_ports) {
        return refused(invalid_parameter(kFlagsByte, 2));
    }
    if (const auto refusal = cannot_keep(kFlagsByte)) {
        return refused(*refusal);
    }
    if (const auto refusal = bad_scope_or_type()) {
        return refused(*refusal);
    }
    made_.next = {};
    made_.next.through_power_loss = request_.through_power_loss;
    put(asker_.nexus, request_.service_action_key);
    establish(asker_.nexus);
    return std::move(made_);
}

Result ActionUnderWay::perform() {
    const ReservationAction action = request_.action;
    if (action == ReservationAction::replace_lost_reservation) {
        return replace_lost();
    }
    const bool ignores_key = action == ReservationAction::register_and_ignore_existing_key;
    if (ignores_key || action == ReservationAction::register_key) {
        return change_registration(ignores_key);
    }
    // The key proves that whoever asks is registered, whatever else it asks.
    if (self() == nullptr || self()->key != request_.key) {
        return conflict();
    }
    switch (action) {
        case ReservationAction::reserve:
            return reserve();
        case ReservationAction::release:
            return release();
        case ReservationAction::clear:
            return clear();
        case ReservationAction::preempt:
        case ReservationAction::preempt_and_abort:
            return preempt();
        default:
            return move();
    }
}

}  // namespace detail

std::expected<ReservationChange, Outcome> persistent_reserve_out(const PersistentReservations& unit,
                                                                 const ReservationRequest& request,
                                                                 const ReservationAsker& asker) {
    if (unit.lost && request.action != ReservationAction::replace_lost_reservation) {
        return detail::refused(
            Sense{.key = SenseKey::data_protect, .asc = Asc::persistent_reservation_information_lost});
    }
    auto made = detail::ActionUnderWay(unit, request, asker).perform();
    if (made && request.action != ReservationAction::preempt_and_abort) {
        made->aborted.clear();
    }
    return made;
}

ReservationChange cleared(const PersistentReservations& unit) {
    ReservationChange made;
    made.next.generation = unit.generation + 1;
    std::vector<ItNexus> registered;
    for (const Registrant& each : unit.registrants) {
        registered.push_back(each.nexus);
    }
    if (!registered.empty()) {
        made.notices.push_back({.condition = Asc::reservations_preempted, .nexuses = std::move(registered)});
    }
    return made;
}

}  // namespace targe::scsi
