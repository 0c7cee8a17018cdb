#include "scsi/mode_page_table.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace targe::scsi {
namespace {

struct At {
    std::size_t byte;
    std::uint8_t value;
};

consteval ModePage page(std::uint8_t code, std::uint8_t length, std::initializer_list<At> values) {
    ModePage made{.code = code, .subpage = 0, .size = length + std::size_t{2}, .fixed = {}};
    made.fixed[0] = std::byte{code};
    made.fixed[1] = std::byte{length};
    for (const At at : values) {
        made.fixed.at(at.byte) = std::byte{at.value};
    }
    return made;
}

consteval ModePage subpage(std::uint8_t code, std::uint8_t number, std::uint8_t length,
                           std::initializer_list<At> values) {
    constexpr std::uint8_t kSubpageFormat = 0x40;  // SPF
    ModePage made{.code = code, .subpage = number, .size = length + std::size_t{4}, .fixed = {}};
    made.fixed[0] = std::byte{code} | std::byte{kSubpageFormat};
    made.fixed[1] = std::byte{number};
    made.fixed[3] = std::byte{length};
    for (const At at : values) {
        made.fixed.at(at.byte) = std::byte{at.value};
    }
    return made;
}

consteval ModePage of(CommandSet set, ModePage made) {
    made.only = set;
    return made;
}

constexpr std::uint8_t kErrorRecovery = 0x01;
constexpr std::uint8_t kCaching = 0x08;
constexpr std::uint8_t kControl = 0x0a;
constexpr std::uint8_t kPowerCondition = 0x1a;
constexpr std::uint8_t kInformationalExceptions = 0x1c;
constexpr std::uint8_t kProvisioning = 0x02;  // its subpage

constexpr wire::Field kThresholdReports = wire::bit(7, 7);  // LBPERE, of Read-Write Error Recovery

/// Where the threshold descriptors begin, and how long each is.
constexpr std::size_t kFirstThreshold = 16;
constexpr std::size_t kThresholdSize = 8;

/// THRESHOLD TYPE 000b, of soft thresholds; THRESHOLD ARMING and THRESHOLD RESOURCE.
consteval ModePage provisioning_page() {
    ModePage made = subpage(kInformationalExceptions, kProvisioning,
                            kFirstThreshold - 4 + kThresholds.size() * kThresholdSize, {});
    for (std::size_t i = 0; i < kThresholds.size(); ++i) {
        const std::size_t at = kFirstThreshold + i * kThresholdSize;
        const bool increasing = kThresholds.at(i) == ThresholdResource::used;
        made.fixed.at(at) = increasing ? std::byte{1} : std::byte{0};
        made.fixed.at(at + 1) = static_cast<std::byte>(kThresholds.at(i));
    }
    return made;
}

constexpr auto kTable = std::to_array<ModePage>({
    // Read-Write Error Recovery: AWRE and ARRE, for what is below replaces bad blocks by itself.
    of(CommandSet::block, page(kErrorRecovery, 0x0a, {{.byte = 2, .value = 0xc0}})),
    of(CommandSet::multimedia, page(kErrorRecovery, 0x0a, {})),
    // Disconnect-Reconnect: iSCSI has no use for its fields.
    of(CommandSet::block, page(0x02, 0x0e, {})),
    of(CommandSet::block, page(kCaching, 0x12, {})),
    // Control. DPICZ stays clear: without protection information nothing is checked either way.
    page(kControl, 0x0a, {}),
    // Control Extension: TCMOS and SCSIP, for the unit's clock is the host's until SET TIMESTAMP says
    // otherwise;
    // MAXIMUM SENSE DATA LENGTH.
    subpage(kControl, 0x01, 0x1c, {{4, 0x06}, {6, kMaxSenseBytes}}),
    // Power Condition: no timer runs, and none can be made to, because a unit here is always active. What is
    // below saves power by itself.
    page(kPowerCondition, 0x26, {}),
    of(CommandSet::block, page(kInformationalExceptions, 0x0a, {})),
    of(CommandSet::block, provisioning_page()),
    // Timeout and Protect: a command of group 1 is answered within 10 s, one of group 2 within 60 s.
    of(CommandSet::multimedia, page(0x1d, 0x08, {{7, 10}, {9, 60}})),
    // It reads DVDs, and CDs as every drive does; writes nothing; plays no audio. A tray, which can be locked
    // and
    // opened. The greatest and the current speed are kDriveSpeed; its buffer has 512 kilobytes.
    of(CommandSet::multimedia,
       page(kCapabilitiesPage, 0x1e,
            {{2, 0x08}, {6, 0x29}, {8, 0x21}, {9, 0x13}, {12, 0x02}, {14, 0x21}, {15, 0x13}})),
});
static_assert(std::ranges::is_sorted(kTable, {},
                                     [](const ModePage& p) { return std::pair{p.code, p.subpage}; }));

/// A field that is one bit.
template <bool ModePages::* Value>
consteval ModeField flag(std::uint8_t page, unsigned byte, unsigned bit) {
    return {.page = page,
            .subpage = 0,
            .where = wire::Field{static_cast<std::uint16_t>(byte), static_cast<std::uint8_t>(bit), 1},
            .get = [](const ModePages& pages) { return static_cast<std::uint8_t>(pages.*Value); },
            .set =
                [](ModePages& pages, std::uint8_t value) {
                    pages.*Value = value != 0;
                    return true;
                }};
}

/// A field that names one of `Values`; any other value is refused.
template <auto Value, auto... Values>
consteval ModeField choice(std::uint8_t page, wire::Field where) {
    return {
        .page = page,
        .subpage = 0,
        .where = where,
        .get = [](const ModePages& pages) { return static_cast<std::uint8_t>(pages.*Value); },
        .set =
            [](ModePages& pages, std::uint8_t value) {
                bool known = false;
                ((value == static_cast<std::uint8_t>(Values) ? (pages.*Value = Values, known = true) : false),
                 ...);
                return known;
            }};
}

template <std::size_t I>
consteval ModeField threshold_enabled() {
    return {
        .page = kInformationalExceptions,
        .subpage = kProvisioning,
        .where = wire::bit(kFirstThreshold + I * kThresholdSize, 7),
        .get = [](const ModePages& pages) { return static_cast<std::uint8_t>(pages.thresholds[I].enabled); },
        .set =
            [](ModePages& pages, std::uint8_t value) {
                pages.thresholds[I].enabled = value != 0;
                return true;
            },
        .part_of = I + 1};
}

/// One byte of THRESHOLD COUNT; 0 is the most significant.
template <std::size_t I, unsigned Byte>
consteval ModeField threshold_count() {
    constexpr unsigned kAt = kFirstThreshold + I * kThresholdSize + 4 + Byte;
    constexpr unsigned kShift = 8 * (3 - Byte);
    return {.page = kInformationalExceptions,
            .subpage = kProvisioning,
            .where = wire::bytes(kAt, kAt),
            .get =
                [](const ModePages& pages) {
                    return static_cast<std::uint8_t>(pages.thresholds[I].count >> kShift);
                },
            .set =
                [](ModePages& pages, std::uint8_t value) {
                    std::uint32_t& count = pages.thresholds[I].count;
                    count = (count & ~(0xffU << kShift)) | static_cast<std::uint32_t>(value) << kShift;
                    return true;
                },
            .part_of = I + 1};
}

template <std::size_t I>
consteval auto threshold_fields() {
    return std::array{threshold_enabled<I>(), threshold_count<I, 0>(), threshold_count<I, 1>(),
                      threshold_count<I, 2>(), threshold_count<I, 3>()};
}

/// The fields of all threshold descriptors, one descriptor after the other.
template <std::size_t... I>
consteval auto all_threshold_fields(std::index_sequence<I...> /*descriptors*/) {
    std::array<ModeField, sizeof...(I) * threshold_fields<0>().size()> all{};
    auto at = all.begin();
    ((at = std::ranges::copy(threshold_fields<I>(), at).out), ...);
    return all;
}

/// The same, for MODE SENSE alone.
consteval ModeField configured(ModeField field) {
    field.configured = true;
    return field;
}

/// A field that is a number, of which every value is a good one.
template <std::uint8_t ModePages::* Value>
consteval ModeField number(std::uint8_t page, std::uint8_t subpage, wire::Field where) {
    return {.page = page,
            .subpage = subpage,
            .where = where,
            .get = [](const ModePages& pages) { return pages.*Value; },
            .set =
                [](ModePages& pages, std::uint8_t value) {
                    pages.*Value = value;
                    return true;
                }};
}

/// One byte of a number that has four; `Shift` bits of it are in the bytes that follow.
template <std::uint32_t ModePages::* Value, unsigned Shift>
consteval ModeField octet(std::uint8_t page, unsigned byte) {
    return {.page = page,
            .subpage = 0,
            .where = wire::Field{static_cast<std::uint16_t>(byte), 7, 8},
            .get = [](const ModePages& pages) { return static_cast<std::uint8_t>(pages.*Value >> Shift); },
            .set =
                [](ModePages& pages, std::uint8_t value) {
                    constexpr std::uint32_t kMask = std::uint32_t{0xff} << Shift;
                    pages.*Value = (pages.*Value & ~kMask) | (std::uint32_t{value} << Shift);
                    return true;
                }};
}

using Reordering = QueueAlgorithm;
using Errors = QueueErrorManagement;
using Interlock = UnitAttentionInterlock;
using Exceptions = ExceptionReporting;

constexpr auto kPlainFields = std::to_array<ModeField>({
    flag<&ModePages::recovered_errors_reported>(kErrorRecovery, 2, 2),
    flag<&ModePages::threshold_reports>(kErrorRecovery, kThresholdReports.byte, kThresholdReports.msb),
    flag<&ModePages::write_cache_enabled>(kCaching, 2, 2),
    configured(choice<&ModePages::task_set_type, TaskSetType::shared, TaskSetType::one_per_nexus>(
        kControl, wire::bits(2, 7, 5))),
    flag<&ModePages::task_management_functions_only>(kControl, 2, 4),
    flag<&ModePages::descriptor_sense>(kControl, 2, 2),
    choice<&ModePages::queue_algorithm, Reordering::restricted_reordering,
           Reordering::unrestricted_reordering>(kControl, wire::bits(3, 7, 4)),
    choice<&ModePages::queue_error_management, Errors::none, Errors::every_task, Errors::tasks_of_this_nexus>(
        kControl, wire::bits(3, 2, 1)),
    choice<&ModePages::unit_attention_interlock, Interlock::clear, Interlock::keep,
           Interlock::keep_and_establish>(kControl, wire::bits(4, 5, 4)),
    flag<&ModePages::software_write_protect>(kControl, 4, 3),
    flag<&ModePages::task_aborted_status>(kControl, 5, 6),
    flag<&ModePages::exceptions_disabled>(kInformationalExceptions, 2, 3),
    flag<&ModePages::test_exception>(kInformationalExceptions, 2, 2),
    flag<&ModePages::background_errors_reported>(kInformationalExceptions, 2, 1),
    choice<&ModePages::exception_reporting, Exceptions::none, Exceptions::unit_attention,
           Exceptions::recovered_error_where_allowed, Exceptions::recovered_error, Exceptions::no_sense,
           Exceptions::on_request>(kInformationalExceptions, wire::bits(3, 3, 0)),
    octet<&ModePages::exception_interval, 24>(kInformationalExceptions, 4),
    octet<&ModePages::exception_interval, 16>(kInformationalExceptions, 5),
    octet<&ModePages::exception_interval, 8>(kInformationalExceptions, 6),
    octet<&ModePages::exception_interval, 0>(kInformationalExceptions, 7),
    octet<&ModePages::exception_reports, 24>(kInformationalExceptions, 8),
    octet<&ModePages::exception_reports, 16>(kInformationalExceptions, 9),
    octet<&ModePages::exception_reports, 8>(kInformationalExceptions, 10),
    octet<&ModePages::exception_reports, 0>(kInformationalExceptions, 11),
    number<&ModePages::initial_command_priority>(kControl, 0x01, wire::bits(5, 3, 0)),
});

constexpr auto kFields = [] {
    constexpr auto kOfThresholds = all_threshold_fields(std::make_index_sequence<kThresholds.size()>{});
    std::array<ModeField, kPlainFields.size() + kOfThresholds.size()> all{};
    std::ranges::copy(kOfThresholds, std::ranges::copy(kPlainFields, all.begin()).out);
    return all;
}();

}  // namespace

std::span<const ModePage> mode_page_table() {
    return kTable;
}

std::span<const ModeField> mode_fields() {
    return kFields;
}

bool has_page(const UnitDescription& unit, const ModePage& page) {
    if (page.only && *page.only != command_set_of(unit.type)) {
        return false;
    }
    return page.code != kInformationalExceptions || page.subpage != kProvisioning ||
           unit.provisioning.threshold_exponent != 0;
}

bool changeable(const ModeField& field, const UnitDescription& unit) {
    if (field.page == kErrorRecovery && field.where.byte == kThresholdReports.byte) {
        return unit.provisioning.threshold_exponent != 0;
    }
    return !field.configured && (field.page != kCaching || unit.volatile_cache);
}

std::array<std::byte, kMaxModePageSize> mode_page(const ModePage& page, const ModePages& pages) {
    auto bytes = page.fixed;
    for (const ModeField& field : kFields) {
        if (field.page == page.code && field.subpage == page.subpage) {
            bytes.at(field.where.byte) |= field.bits(pages);
        }
    }
    return bytes;
}

}  // namespace targe::scsi
