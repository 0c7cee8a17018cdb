#include "scsi/persistent_reserve_in.h"

#include <utility>

namespace targe::scsi {
namespace {

constexpr std::size_t kKeyBytes = 8;
constexpr std::size_t kReservationBytes = 16;
constexpr std::size_t kFullStatusBytes = 24;  ///< of a descriptor, without its TransportID

}  // namespace

void read_keys(const PersistentReservations& unit, ParameterWriter& out) {
    out.u32(unit.generation);
    out.u32(static_cast<std::uint32_t>(unit.registrants.size() * kKeyBytes));
    for (const Registrant& each : unit.registrants) {
        out.u64(each.key);
    }
}

void read_reservation(const PersistentReservations& unit, ParameterWriter& out) {
    out.u32(unit.generation);
    if (!unit.reserved) {
        out.u32(0);
        return;
    }
    const Registrant* const holder = unit.holder ? unit.find(*unit.holder) : nullptr;
    out.u32(kReservationBytes);
    out.u64(holder != nullptr ? holder->key : 0);  // zero: all registrants hold it
    out.zeroes(5);
    out.u8(std::to_underlying(*unit.reserved));  // SCOPE is 0h, LU_SCOPE
    out.zeroes(2);
}

void report_capabilities(const PersistentReservations& unit, bool keeps, ParameterWriter& out) {
    constexpr unsigned kReplaceLost = 0x80;
    constexpr unsigned kCompatibleReservationHandling = 0x10;
    constexpr unsigned kSpecifyInitiatorPorts = 0x08;
    constexpr unsigned kAllTargetPorts = 0x04;
    constexpr unsigned kTypeMaskValid = 0x80;
    constexpr unsigned kAllowCommands = 0x40;  // 100b: what SPC-4 lets through, RECEIVE COPY RESULTS too
    constexpr std::uint16_t kAllTypes = 0xea01;
    out.u16(8);
    out.u8(static_cast<std::uint8_t>(kReplaceLost | kCompatibleReservationHandling | kSpecifyInitiatorPorts |
                                     kAllTargetPorts | (keeps ? 1U : 0U)));
    out.u8(static_cast<std::uint8_t>(kTypeMaskValid | kAllowCommands | (unit.through_power_loss ? 1U : 0U)));
    out.u16(kAllTypes);
    out.zeroes(2);
}

void read_full_status(const PersistentReservations& unit, ParameterWriter& out) {
    std::size_t length = 0;
    for (const Registrant& each : unit.registrants) {
        length += kFullStatusBytes + transport_id_size(each.nexus.initiator);
    }
    out.u32(unit.generation);
    out.u32(static_cast<std::uint32_t>(length));
    for (const Registrant& each : unit.registrants) {
        const bool holds = unit.is_held_by(each.nexus);
        out.u64(each.key);
        out.zeroes(4);
        out.u8(holds ? 1 : 0);  // R_HOLDER
        out.u8(holds ? std::to_underlying(*unit.reserved) : 0);
        out.zeroes(4);
        out.u16(each.nexus.target_port);
        out.u32(static_cast<std::uint32_t>(transport_id_size(each.nexus.initiator)));
        write_transport_id(each.nexus.initiator, out);
    }
}

}  // namespace targe::scsi
