// Registering, unregistering and moving: REGISTER and its kin.
#include "scsi/reservation_action_under_way.h"

#include <algorithm>
#include <utility>

namespace targe::scsi::detail {

/// As if the request had come through each port alone: REGISTER is told the key that is registered.
std::optional<Outcome> ActionUnderWay::key_conflict() const {
    for (const std::uint16_t port : ports()) {
        const Registrant* const registered =
            unit_.find({.target_port = port, .initiator = asker_.nexus.initiator});
        if (request_.key != (registered != nullptr ? registered->key : 0)) {
            return Status::reservation_conflict;
        }
    }
    return std::nullopt;
}

/// [SPC-4 r37 5.13.7]
Result ActionUnderWay::change_registration(bool ignore_existing) {
    if (!ignore_existing) {
        if (const auto refusal = key_conflict()) {
            return refused(*refusal);
        }
    }
    if (const auto refusal = cannot_keep(kFlagsByte)) {
        return refused(*refusal);
    }
    std::vector<ItNexus> own;
    for (const std::uint16_t port : ports()) {
        own.push_back({.target_port = port, .initiator = asker_.nexus.initiator});
    }
    const bool none_registered =
        std::ranges::none_of(own, [&](const ItNexus& each) { return unit_.find(each) != nullptr; });
    if (none_registered && request_.service_action_key == 0) {
        return std::move(made_);  // nothing is done, and nothing counted
    }
    if (!none_registered && request_.names_initiators) {
        return refused(invalid_parameter(kFlagsByte, kSpecifyInitiatorsBit));
    }
    made_.next.through_power_loss = request_.through_power_loss;
    return request_.service_action_key == 0 ? unregister_all(own) : register_all(std::move(own));
}

/// The nexuses of the TransportIDs: every port of a node that is named without an ISID, [SPC-4 r37 7.6.4.6].
std::vector<ItNexus> ActionUnderWay::named() const {
    std::vector<ItNexus> nexuses;
    const auto add = [&](const InitiatorPort& initiator) {
        for (const std::uint16_t port : ports()) {
            const ItNexus nexus{.target_port = port, .initiator = initiator};
            if (!is_asker(nexus) && std::ranges::find(nexuses, nexus) == nexuses.end()) {
                nexuses.push_back(nexus);
            }
        }
    };
    for (const TransportId& id : request_.initiators) {
        if (id.isid) {
            add({.isid = *id.isid, .name = id.name});
            continue;
        }
        for (const InitiatorPort& known : asker_.known) {
            if (known.name == id.name) {
                add(known);
            }
        }
    }
    return nexuses;
}

Result ActionUnderWay::register_all(std::vector<ItNexus> nexuses) {
    for (ItNexus& each : named()) {
        if (unit_.find(each) != nullptr) {
            return refused(invalid_parameter(kTransportIdsByte));
        }
        nexuses.push_back(std::move(each));
    }
    for (const ItNexus& each : nexuses) {
        put(each, request_.service_action_key);
    }
    if (made_.next.registrants.size() > kMaxRegistrants) {
        return refused(illegal_request(Asc::insufficient_registration_resources));
    }
    return counted();
}

/// [SPC-4 r37 5.13.11.2.3]
Result ActionUnderWay::unregister_all(const std::vector<ItNexus>& nexuses) {
    for (const ItNexus& each : nexuses) {
        forget(each);
    }
    const bool released = unit_.reserved && !made_.next.reserved;
    if (released && is_registrants_only(*unit_.reserved)) {
        tell(Asc::reservations_released, others());
    }
    return counted();
}

/// [SPC-4 r37 5.13.8]. A nexus is named by its port: a TransportID of a whole node is refused.
Result ActionUnderWay::move() {
    if (!unit_.reserved) {
        return refused(invalid_field(PersistentReserveOutCdb::kServiceAction));
    }
    if (is_all_registrants(*unit_.reserved) || !unit_.is_held_by(asker_.nexus)) {
        return conflict();
    }
    if (request_.service_action_key == 0) {
        return refused(invalid_parameter(kServiceActionKeyByte));
    }
    if (const auto refusal = cannot_keep(kMoveFlagsByte)) {
        return refused(*refusal);
    }
    if (std::ranges::find(asker_.target_ports, request_.target_port) == asker_.target_ports.end()) {
        return refused(invalid_parameter(kMoveTargetPortByte));
    }
    const TransportId& id = request_.initiators.front();
    if (!id.isid) {
        return refused(invalid_parameter(kMoveTransportIdByte));
    }
    const ItNexus to{.target_port = request_.target_port, .initiator = {.isid = *id.isid, .name = id.name}};
    if (to.initiator == asker_.nexus.initiator) {
        return refused(invalid_parameter(kMoveTransportIdByte));
    }
    made_.next.through_power_loss = request_.through_power_loss;
    put(to, request_.service_action_key);
    if (made_.next.registrants.size() > kMaxRegistrants) {
        return refused(illegal_request(Asc::insufficient_registration_resources));
    }
    made_.next.holder = to;
    if (request_.unregister) {
        forget(asker_.nexus);
    }
    return counted();
}

}  // namespace targe::scsi::detail
