// PERSISTENT RESERVE IN, [SPC-4 r37 6.15].
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/persistent_reservation.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>

namespace targe::scsi {

struct PersistentReserveInCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kServiceAction, kAllocationLength});
};

/// SERVICE ACTION of PERSISTENT RESERVE IN.
enum class ReservationReport : std::uint8_t {
    read_keys = 0x00,
    read_reservation = 0x01,
    report_capabilities = 0x02,
    read_full_status = 0x03,
};

void read_keys(const PersistentReservations& unit, ParameterWriter& out);
void read_reservation(const PersistentReservations& unit, ParameterWriter& out);
/// `keeps`: the unit can make registrations outlive a loss of power.
void report_capabilities(const PersistentReservations& unit, bool keeps, ParameterWriter& out);
/// A descriptor for each nexus, so ALL_TG_PT is never set.
void read_full_status(const PersistentReservations& unit, ParameterWriter& out);

}  // namespace targe::scsi
