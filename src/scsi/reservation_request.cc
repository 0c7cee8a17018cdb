// The parameter list of PERSISTENT RESERVE OUT, [SPC-4 r37 6.16.3 and 6.16.4].
#include "scsi/cdb.h"
#include "scsi/persistent_reserve_out.h"

#include <utility>

namespace targe::scsi {
namespace {

/// [SPC-4 r37 6.16.3]
struct Basic {
    static constexpr std::size_t kSize = 24;
    static constexpr wire::Field kKey = wire::bytes(0, 7);
    static constexpr wire::Field kServiceActionKey = wire::bytes(8, 15);
    static constexpr wire::Field kSpecifyInitiators = wire::bit(20, 3);  ///< SPEC_I_PT
    static constexpr wire::Field kAllTargetPorts = wire::bit(20, 2);     ///< ALL_TG_PT
    static constexpr wire::Field kThroughPowerLoss = wire::bit(20, 0);   ///< APTPL
    static constexpr wire::Field kTransportIdsLength = wire::bytes(24, 27);
    static constexpr std::size_t kTransportIds = 28;
};

/// [SPC-4 r37 6.16.4]
struct Move {
    static constexpr std::size_t kSize = 24;
    static constexpr wire::Field kUnregister = wire::bit(17, 1);        ///< UNREG
    static constexpr wire::Field kThroughPowerLoss = wire::bit(17, 0);  ///< APTPL
    static constexpr wire::Field kTargetPort = wire::bytes(18, 19);
    static constexpr wire::Field kTransportIdLength = wire::bytes(20, 23);
};

Sense wrong_length() {
    return illegal_request(Asc::parameter_list_length_error);
}

/// The TransportIDs in `length` bytes of `list` from `at` on.
std::expected<std::vector<TransportId>, Sense> transport_ids(wire::Bytes list, std::size_t at,
                                                             std::uint64_t length) {
    if (length > list.size() - at) {
        return std::unexpected(wrong_length());
    }
    std::vector<TransportId> ids;
    const std::size_t end = at + static_cast<std::size_t>(length);
    while (at < end) {
        auto next = read_transport_id(list.subspan(at, end - at));
        if (!next) {
            return std::unexpected(invalid_parameter(at + next.error()));
        }
        ids.push_back(std::move(next->id));
        at += next->size;
    }
    return ids;
}

std::expected<ReservationRequest, Sense> read_basic(ReservationRequest request, wire::Bytes list) {
    request.through_power_loss = field_value(list, Basic::kThroughPowerLoss) != 0;
    request.all_target_ports = field_value(list, Basic::kAllTargetPorts) != 0;
    request.names_initiators = field_value(list, Basic::kSpecifyInitiators) != 0;
    if (!request.names_initiators) {
        return list.size() == Basic::kSize ? std::expected<ReservationRequest, Sense>{std::move(request)}
                                           : std::unexpected(wrong_length());
    }
    if (request.action != ReservationAction::register_key) {
        return std::unexpected(
            invalid_parameter(Basic::kSpecifyInitiators.byte, Basic::kSpecifyInitiators.msb));
    }
    if (list.size() < Basic::kTransportIds) {
        return std::unexpected(wrong_length());
    }
    auto ids = transport_ids(list, Basic::kTransportIds, field_value(list, Basic::kTransportIdsLength));
    if (!ids) {
        return std::unexpected(ids.error());
    }
    request.initiators = std::move(*ids);
    return request;
}

std::expected<ReservationRequest, Sense> read_move(ReservationRequest request, wire::Bytes list) {
    request.through_power_loss = field_value(list, Move::kThroughPowerLoss) != 0;
    request.unregister = field_value(list, Move::kUnregister) != 0;
    request.target_port = static_cast<std::uint16_t>(field_value(list, Move::kTargetPort));
    auto ids = transport_ids(list, Move::kSize, field_value(list, Move::kTransportIdLength));
    if (!ids) {
        return std::unexpected(ids.error());
    }
    if (ids->size() != 1) {
        return std::unexpected(invalid_parameter(Move::kTransportIdLength.byte));
    }
    request.initiators = std::move(*ids);
    return request;
}

}  // namespace

std::expected<ReservationRequest, Sense> reservation_request(
    std::span<const std::byte, PersistentReserveOutCdb::kSize> cdb, wire::Bytes list) {
    using L = PersistentReserveOutCdb;
    ReservationRequest request;
    request.action = static_cast<ReservationAction>(wire::get<L::kServiceAction>(cdb));
    request.scope = wire::get<L::kScope>(cdb);
    request.type = wire::get<L::kType>(cdb);
    const std::size_t length = wire::get<L::kParameterListLength>(cdb);
    if (length < Basic::kSize || list.size() < length) {
        return std::unexpected(wrong_length());
    }
    list = list.first(length);
    request.key = field_value(list, Basic::kKey);
    request.service_action_key = field_value(list, Basic::kServiceActionKey);
    return request.action == ReservationAction::register_and_move ? read_move(std::move(request), list)
                                                                  : read_basic(std::move(request), list);
}

}  // namespace targe::scsi
