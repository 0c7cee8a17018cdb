#include "vtl/command.h"

#include "scsi/report_supported_operation_codes.h"
#include "vtl/unit_cdbs.h"

#include <bit>

namespace targe::vtl {
namespace {

using scsi::kServiceAction;

bool opcode_has_service_actions(std::span<const CommandShape> rows, std::uint8_t opcode) {
    return std::ranges::any_of(rows, [&](const CommandShape& row) {
        return row.opcode == opcode && row.service_action.has_value();
    });
}

bool opcode_is_known(std::span<const CommandShape> rows, std::uint8_t opcode) {
    return std::ranges::any_of(rows, [&](const CommandShape& row) { return row.opcode == opcode; });
}

/// Bits of byte `at` that a CDB may set: what the row uses, NACA, and the LUN of old.
std::byte allowed_bits(const CommandShape& row, std::size_t at, LunBits lun) {
    std::byte bits = row.usage[at];
    if (at + 1 == row.usage.size()) {
        bits |= std::byte{scsi::kNaca};
    }
    if (at == 1 && lun == LunBits::ignored && (bits & std::byte{0xe0}) == std::byte{0}) {
        bits |= std::byte{0xe0};
    }
    return bits;
}

std::optional<Sense> reserved_bit_set(const CommandShape& row, wire::Bytes cdb, LunBits lun) {
    for (std::size_t i = 0; i < row.usage.size(); ++i) {
        const std::byte reserved = cdb[i] & ~allowed_bits(row, i, lun);
        if (reserved != std::byte{0}) {
            const int bit = std::bit_width(std::to_integer<std::uint8_t>(reserved)) - 1;
            return invalid_field(
                {.byte = static_cast<std::uint16_t>(i), .msb = static_cast<std::uint8_t>(bit), .width = 1});
        }
    }
    return std::nullopt;
}

void put_usage(const CommandShape& row, scsi::ParameterWriter& out) {
    for (std::size_t i = 0; i < row.usage.size(); ++i) {
        auto used = std::to_integer<std::uint8_t>(allowed_bits(row, i, LunBits::refused));
        if (i == 0) {
            used = row.opcode;
        } else if (i == kServiceAction.byte && row.service_action) {
            used = static_cast<std::uint8_t>((used & ~kServiceAction.mask()) | *row.service_action);
        }
        out.u8(used);
    }
}

void put_timeouts(scsi::ParameterWriter& out) {
    out.u16(0x0a);
    out.zeroes(2);
    out.u32(0);  // nominal and recommended time: not said
    out.u32(0);
}

void put_all(std::span<const CommandShape> rows, bool timeouts, scsi::ParameterWriter& out) {
    out.u32(static_cast<std::uint32_t>(rows.size() * (timeouts ? 20 : 8)));
    for (const CommandShape& row : rows) {
        out.u8(row.opcode);
        out.u8(0);
        out.u16(row.service_action.value_or(0));
        out.u8(0);
        out.u8(static_cast<std::uint8_t>((timeouts ? 2U : 0U) | (row.service_action ? 1U : 0U)));
        out.u16(static_cast<std::uint16_t>(row.usage.size()));
        if (timeouts) {
            put_timeouts(out);
        }
    }
}

void put_one(const CommandShape* row, bool timeouts, scsi::ParameterWriter& out) {
    constexpr std::uint8_t kNotSupported = 1;
    constexpr std::uint8_t kAsInTheStandard = 3;
    out.u8(0);
    if (row == nullptr) {
        out.u8(kNotSupported);
        out.u16(0);
        return;
    }
    out.u8(static_cast<std::uint8_t>(kAsInTheStandard | (timeouts ? 0x80U : 0U)));
    out.u16(static_cast<std::uint16_t>(row->usage.size()));
    put_usage(*row, out);
    if (timeouts) {
        put_timeouts(out);
    }
}

}  // namespace

Found find_command(std::span<const CommandShape> rows, wire::Bytes cdb, LunBits lun) {
    const std::uint8_t opcode = cdb.empty() ? 0xff : std::to_integer<std::uint8_t>(cdb[0]);
    const std::uint8_t action = cdb.size() < 2 ? 0 : std::to_integer<std::uint8_t>(cdb[1] & std::byte{0x1f});
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const CommandShape& row = rows[i];
        if (row.opcode == opcode && row.service_action.value_or(action) == action) {
            if (cdb.size() < row.usage.size()) {
                return {.row = i, .refused = refusal(scsi::Asc::invalid_command_operation_code)};
            }
            return {.row = i, .refused = reserved_bit_set(row, cdb, lun)};
        }
    }
    return {.row = 0,
            .refused = opcode_is_known(rows, opcode) ? invalid_field(kServiceAction)
                                                     : refusal(scsi::Asc::invalid_command_operation_code)};
}

std::optional<Sense> report_operation_codes(std::span<const CommandShape> rows, Call& call) {
    using L = scsi::ReportSupportedOperationCodesCdb;
    const bool timeouts = call.flag(L::kReturnTimeouts);
    const auto opcode = static_cast<std::uint8_t>(call.get(L::kRequestedOpcode));
    const std::uint64_t action = call.get(L::kRequestedServiceAction);
    const std::uint64_t option = call.get(L::kReportingOptions);
    const bool with_actions = opcode_has_service_actions(rows, opcode);
    if (option > 3 || (option == 1 && with_actions) ||
        (option == 2 && !with_actions && opcode_is_known(rows, opcode))) {
        return invalid_field(L::kReportingOptions);
    }
    call.reply(call.get(L::kAllocationLength), [&](scsi::ParameterWriter& out) {
        if (option == 0) {
            put_all(rows, timeouts, out);
            return;
        }
        const auto found = std::ranges::find_if(rows, [&](const CommandShape& row) {
            return row.opcode == opcode &&
                   (row.service_action ? *row.service_action == action : (option == 1 || action == 0));
        });
        put_one(found == rows.end() ? nullptr : &*found, timeouts, out);
    });
    return std::nullopt;
}

std::optional<Sense> send_diagnostic(const Call& call) {
    using L = SendDiagnosticCdb;
    constexpr std::uint64_t kMostSelfTest = 6;
    if (call.get(L::kSelfTestCode) > kMostSelfTest ||
        (call.flag(L::kSelfTest) && call.get(L::kSelfTestCode) != 0)) {
        return invalid_field(L::kSelfTestCode);
    }
    return call.get(L::kParameterListLength) != 0 ? std::optional{invalid_field(L::kParameterListLength)}
                                                  : std::nullopt;
}

std::optional<Sense> prevent_allow(const Call& call, std::set<std::uint64_t>& preventing) {
    const std::uint64_t prevent = call.get(PreventAllowCdb::kPrevent);
    if (prevent > 1) {
        return invalid_field(PreventAllowCdb::kPrevent);
    }
    if (prevent == 1) {
        preventing.insert(call.in().session);
    } else {
        preventing.erase(call.in().session);
    }
    return std::nullopt;
}

}  // namespace targe::vtl
