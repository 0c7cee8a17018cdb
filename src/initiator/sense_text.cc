#include "initiator/sense_text.h"

#include <algorithm>
#include <array>

namespace targe::initiator {
namespace {

struct Name {
    std::uint16_t code;
    std::string_view text;
};

// In the order of their numbers, as the T10 code list has them.
constexpr Name kCodes[] = {
    {0x0000, "no additional sense information"},
    {0x0016, "operation in progress"},
    {0x0400, "not ready, cause not reportable"},
    {0x0401, "becoming ready"},
    {0x0402, "not ready, must be started"},
    {0x0403, "not ready, manual intervention required"},
    {0x0404, "not ready, format in progress"},
    {0x0407, "not ready, operation in progress"},
    {0x0409, "not ready, self-test in progress"},
    {0x040A, "not accessible, asymmetric access state transition"},
    {0x040B, "not accessible, target port in standby state"},
    {0x040C, "not accessible, target port in unavailable state"},
    {0x0412, "not ready, offline"},
    {0x0414, "not ready, space allocation in progress"},
    {0x041B, "not ready, sanitize in progress"},
    {0x0800, "communication failure with the unit"},
    {0x0801, "communication time-out with the unit"},
    {0x0C00, "write error"},
    {0x0C02, "write error, reallocation failed"},
    {0x0C0C, "write error, unexpected unsolicited data"},
    {0x0C0D, "write error, not enough unsolicited data"},
    {0x1001, "block guard check failed"},
    {0x1100, "unrecovered read error"},
    {0x1400, "recorded entity not found"},
    {0x1700, "recovered data"},
    {0x1A00, "parameter list length error"},
    {0x1D00, "miscompare during verify operation"},
    {0x2000, "invalid command operation code"},
    {0x2002, "access denied, no access rights"},
    {0x2100, "logical block address out of range"},
    {0x2400, "invalid field in CDB"},
    {0x2500, "logical unit not supported"},
    {0x2600, "invalid field in parameter list"},
    {0x2700, "write protected"},
    {0x2701, "hardware write protected"},
    {0x2702, "logical unit software write protected"},
    {0x2707, "space allocation failed, write protect"},
    {0x2800, "medium may have changed"},
    {0x2900, "power on, reset or bus device reset occurred"},
    {0x2901, "power on occurred"},
    {0x2902, "bus reset occurred"},
    {0x2903, "bus device reset function occurred"},
    {0x2904, "device internal reset"},
    {0x2907, "I_T nexus loss occurred"},
    {0x2A01, "mode parameters changed"},
    {0x2A02, "log parameters changed"},
    {0x2A03, "reservations preempted"},
    {0x2A04, "reservations released"},
    {0x2A05, "registrations preempted"},
    {0x2A06, "asymmetric access state changed"},
    {0x2A09, "capacity data has changed"},
    {0x2C00, "command sequence error"},
    {0x2F00, "commands cleared by another initiator"},
    {0x3100, "medium format corrupted"},
    {0x3101, "format command failed"},
    {0x3807, "thin provisioning soft threshold reached"},
    {0x3A00, "medium not present"},
    {0x3A01, "medium not present, tray closed"},
    {0x3A02, "medium not present, tray open"},
    {0x3E01, "logical unit failure"},
    {0x3F03, "inquiry data has changed"},
    {0x3F0E, "reported LUNs data has changed"},
    {0x4000, "diagnostic failure"},
    {0x4400, "internal target failure"},
    {0x4700, "parity error"},
    {0x4705, "protocol service CRC error"},
    {0x4B00, "data phase error"},
    {0x4E00, "overlapped commands attempted"},
    {0x5300, "medium load or eject failed"},
    {0x5500, "system resource failure"},
    {0x5503, "insufficient resources"},
    {0x5DFF, "failure prediction threshold exceeded (false)"},
    {0x6700, "configuration failure"},
};
static_assert(std::ranges::is_sorted(kCodes, {}, &Name::code));

constexpr std::array<std::string_view, 16> kKeys = {
    "NO SENSE",       "RECOVERED ERROR", "NOT READY",      "MEDIUM ERROR",
    "HARDWARE ERROR", "ILLEGAL REQUEST", "UNIT ATTENTION", "DATA PROTECT",
    "BLANK CHECK",    "vendor specific", "COPY ABORTED",   "ABORTED COMMAND",
    "reserved",       "VOLUME OVERFLOW", "MISCOMPARE",     "COMPLETED",
};

constexpr Name kStatuses[] = {
    {0x00, "GOOD"},       {0x02, "CHECK CONDITION"},      {0x04, "CONDITION MET"},
    {0x08, "BUSY"},       {0x18, "RESERVATION CONFLICT"}, {0x28, "TASK SET FULL"},
    {0x30, "ACA ACTIVE"}, {0x40, "TASK ABORTED"},
};

constexpr std::string_view kDigits = "0123456789ABCDEF";

std::string hex(std::uint8_t value) {
    return {kDigits[value >> 4U], kDigits[value & 0xFU]};
}

template <std::size_t Size>
std::string_view name_of(const Name (&names)[Size], std::uint16_t code) {
    const auto* const found = std::ranges::find(names, code, &Name::code);
    return found == std::end(names) ? std::string_view{} : found->text;
}

}  // namespace

std::optional<SenseFields> read_sense(std::span<const std::byte> sense) {
    const unsigned format = sense.empty() ? 0 : get8(sense, 0) & 0x7FU;
    if ((format == 0x70 || format == 0x71) && sense.size() >= 14) {
        return SenseFields{.key = static_cast<std::uint8_t>(get8(sense, 2) & 0xFU),
                           .code = static_cast<std::uint16_t>(get8(sense, 12) << 8U | get8(sense, 13))};
    }
    if ((format == 0x72 || format == 0x73) && sense.size() >= 4) {
        return SenseFields{.key = static_cast<std::uint8_t>(get8(sense, 1) & 0xFU),
                           .code = static_cast<std::uint16_t>(get8(sense, 2) << 8U | get8(sense, 3))};
    }
    return std::nullopt;
}

std::string_view sense_key_name(std::uint8_t key) {
    return kKeys[key & 0xFU];
}

std::string_view sense_code_name(std::uint16_t code) {
    return name_of(kCodes, code);
}

std::string_view status_name(std::uint8_t status) {
    return name_of(kStatuses, status);
}

Advice advice_on(const Ending& ending) {
    constexpr std::uint8_t kReservationConflict = 0x18;
    constexpr std::uint16_t kSpaceAllocationFailed = 0x2707;
    constexpr std::uint8_t kMediumNotPresent = 0x3A;
    if (ending.status == kReservationConflict) {
        return {.cause = "another initiator has reserved the unit",
                .cure = "targe reservation list, where the target is targed, says which",
                .for_good = true};
    }
    const auto sense = read_sense(ending.sense);
    if (!sense) {
        return {.cause = {}, .cure = "look at the target's log"};
    }
    switch (sense->key) {
        case 0x02:
            if (sense->code >> 8U == kMediumNotPresent) {
                return {.cause = "there is no medium in it", .cure = "put one in"};
            }
            return {
                .cause = "what holds its blocks is gone or has not started",
                .cure = "look at the target's log; targe device list, where it is targed, says its state"};
        case 0x05:
            return {.cause = "the unit does not take this command, or not with so many blocks",
                    .cure = "a smaller --size",
                    .for_good = true};
        case 0x07:
            if (sense->code == kSpaceAllocationFailed) {
                return {.cause = "the store behind the unit is full",
                        .cure = "make room there",
                        .for_good = true};
            }
            return {.cause = "the unit is read-only, or for this initiator",
                    .cure = "measure reads, or name a unit that may be written",
                    .for_good = true};
        default:
            return {.cause = {}, .cure = "look at the target's log"};
    }
}

std::string describe(const Ending& ending) {
    if (ending.response != 0) {
        return ending.response == 1 ? "the target failed to carry out the command (iSCSI response 01h)"
                                    : "iSCSI response " + hex(ending.response) + "h";
    }
    if (ending.status == 0) {
        return "GOOD, with fewer data than were asked for";
    }
    const std::string_view known = status_name(ending.status);
    std::string text = known.empty() ? "status " + hex(ending.status) + "h" : std::string(known);
    if (const auto sense = read_sense(ending.sense)) {
        const std::string_view what = sense_code_name(sense->code);
        text.append(": ").append(sense_key_name(sense->key)).append(", ");
        text.append(what.empty() ? "additional sense" : what).append(" (");
        text += hex(static_cast<std::uint8_t>(sense->code >> 8U)) + "/" +
                hex(static_cast<std::uint8_t>(sense->code & 0xFFU)) + ")";
    } else if (ending.status == 0x02) {
        text += " without sense data";
    }
    return text;
}

}  // namespace targe::initiator
