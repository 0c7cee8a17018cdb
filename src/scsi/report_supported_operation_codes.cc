#include "scsi/report_supported_operation_codes.h"

#include <cstdint>
#include <limits>

namespace targe::scsi {
namespace {

using L = ReportSupportedOperationCodesCdb;

/// REPORTING OPTIONS field.
enum class Reporting : std::uint8_t {
    all_commands = 0b000,
    operation_code = 0b001,                     ///< one that has no service actions
    operation_code_and_service_action = 0b010,  ///< one that has
    either = 0b011,
};

/// SUPPORT field of the one_command parameter data.
enum class Support : std::uint8_t { not_supported = 0b001, as_in_the_standard = 0b011 };

enum class Timeouts : std::uint8_t { omitted, returned };

constexpr std::uint16_t kTimeoutsDescriptorLength = 0x0a;

void put_timeouts(const CommandTimeouts& timeouts, ParameterWriter& out) {
    out.u16(kTimeoutsDescriptorLength);
    out.zeroes(2);
    out.u32(timeouts.nominal_s);
    out.u32(timeouts.recommended_s);
}

/// Command descriptor, [SPC-4 r37 6.35.2].
void put_descriptor(const CommandInfo& command, Timeouts timeouts, ParameterWriter& out) {
    constexpr unsigned kTimeoutsPresent = 0x02;  // CTDP
    constexpr unsigned kServiceActionValid = 0x01;
    out.u8(command.opcode);
    out.zeroes(1);
    out.u16(command.service_action.value_or(0));
    out.zeroes(1);
    out.u8(static_cast<std::uint8_t>((timeouts == Timeouts::returned ? kTimeoutsPresent : 0U) |
                                     (command.service_action ? kServiceActionValid : 0U)));
    out.u16(static_cast<std::uint16_t>(command.cdb_length()));
    if (timeouts == Timeouts::returned) {
        put_timeouts(command.timeouts, out);
    }
}

void put_all(const UnitTraits& unit, Timeouts timeouts, ParameterWriter& out) {
    constexpr std::uint32_t kLengthField = 4;
    const std::size_t start = out.size();
    out.u32(0);
    for (const CommandInfo& command : command_table(unit.set)) {
        if (offered(command.available, unit)) {
            put_descriptor(command, timeouts, out);
        }
    }
    out.patch(start, static_cast<std::uint32_t>(out.size() - start) - kLengthField);
}

/// The operation code and the service action stand in the usage data as they do in the CDB.
void put_usage(const CommandInfo& command, ParameterWriter& out) {
    for (std::size_t i = 0; i < command.usage.size(); ++i) {
        auto used = std::to_integer<std::uint8_t>(command.usage[i]);
        if (i == 0) {
            used = command.opcode;
        } else if (i == kServiceAction.byte && command.service_action) {
            used = static_cast<std::uint8_t>((used & ~kServiceAction.mask()) | *command.service_action);
        }
        out.u8(used);
    }
}

/// One_command parameter data, [SPC-4 r37 6.35.3]. `command` is null for one that is not offered.
void put_one(const CommandInfo* command, Timeouts timeouts, ParameterWriter& out) {
    constexpr unsigned kTimeoutsPresent = 0x80;  // CTDP
    out.zeroes(1);
    if (command == nullptr) {
        out.u8(static_cast<std::uint8_t>(Support::not_supported));
        out.u16(0);
        return;
    }
    const bool with_timeouts = timeouts == Timeouts::returned;
    out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(Support::as_in_the_standard) |
                                     (with_timeouts ? kTimeoutsPresent : 0U)));
    out.u16(static_cast<std::uint16_t>(command->cdb_length()));
    put_usage(*command, out);
    if (with_timeouts) {
        put_timeouts(command->timeouts, out);
    }
}

const CommandInfo* requested(const UnitTraits& unit, std::uint8_t opcode, std::uint16_t service_action) {
    if (service_action > std::numeric_limits<std::uint8_t>::max()) {
        return nullptr;
    }
    if (has_service_actions(opcode, unit.set)) {
        return offered_command(unit, opcode, static_cast<std::uint8_t>(service_action));
    }
    // Without service actions only "none" can be asked for.
    return service_action == 0 ? offered_command(unit, opcode, std::nullopt) : nullptr;
}

}  // namespace

std::optional<Sense> report_supported_operation_codes(std::span<const std::byte, L::kSize> cdb,
                                                      const UnitTraits& unit, ParameterWriter& out) {
    const auto timeouts = wire::get<L::kReturnTimeouts>(cdb) != 0 ? Timeouts::returned : Timeouts::omitted;
    const std::uint8_t opcode = wire::get<L::kRequestedOpcode>(cdb);
    const std::uint16_t service_action = wire::get<L::kRequestedServiceAction>(cdb);
    switch (static_cast<Reporting>(wire::get<L::kReportingOptions>(cdb))) {
        case Reporting::all_commands:
            put_all(unit, timeouts, out);
            return std::nullopt;
        case Reporting::operation_code:
            if (has_service_actions(opcode, unit.set)) {
                return invalid_field(L::kReportingOptions);
            }
            put_one(offered_command(unit, opcode, std::nullopt), timeouts, out);
            return std::nullopt;
        case Reporting::operation_code_and_service_action:
            // An operation code that nobody knows is not supported, which is an answer.
            if (offered_command(unit, opcode, std::nullopt) != nullptr) {
                return invalid_field(L::kReportingOptions);
            }
            put_one(has_service_actions(opcode, unit.set) ? requested(unit, opcode, service_action) : nullptr,
                    timeouts, out);
            return std::nullopt;
        case Reporting::either:
            put_one(requested(unit, opcode, service_action), timeouts, out);
            return std::nullopt;
    }
    return invalid_field(L::kReportingOptions);
}

}  // namespace targe::scsi
