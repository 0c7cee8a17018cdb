// How a command ends: status, and for CHECK CONDITION the reason, as a value.
#pragma once

#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>

namespace targe::scsi {

enum class SenseKey : std::uint8_t {
    no_sense = 0x0,
    recovered_error = 0x1,
    not_ready = 0x2,
    medium_error = 0x3,
    hardware_error = 0x4,
    illegal_request = 0x5,
    unit_attention = 0x6,
    data_protect = 0x7,
    blank_check = 0x8,
    copy_aborted = 0xa,
    aborted_command = 0xb,
    volume_overflow = 0xd,
    miscompare = 0xe,
    completed = 0xf,
};

/// ASC in the high byte, ASCQ in the low byte, spelled as in the T10 code list.
enum class Asc : std::uint16_t {
    no_additional_sense_information = 0x0000,
    operation_in_progress = 0x0016,
    logical_unit_not_ready_cause_not_reportable = 0x0400,
    logical_unit_is_in_process_of_becoming_ready = 0x0401,
    logical_unit_not_ready_initializing_command_required = 0x0402,
    logical_unit_not_ready_manual_intervention_required = 0x0403,
    logical_unit_not_ready_format_in_progress = 0x0404,
    logical_unit_not_ready_self_test_in_progress = 0x0409,
    logical_unit_not_accessible_asymmetric_access_state_transition = 0x040a,
    logical_unit_not_accessible_target_port_in_standby_state = 0x040b,
    logical_unit_not_accessible_target_port_in_unavailable_state = 0x040c,
    logical_unit_not_ready_offline = 0x0412,
    logical_unit_not_ready_sanitize_in_progress = 0x041b,
    unreachable_copy_target = 0x0804,
    warning_background_self_test_failed = 0x0b03,
    write_error = 0x0c00,
    write_error_unexpected_unsolicited_data = 0x0c0c,
    write_error_not_enough_unsolicited_data = 0x0c0d,
    third_party_device_failure = 0x0d01,
    copy_target_device_not_reachable = 0x0d02,
    incorrect_copy_target_device_type = 0x0d03,
    invalid_field_in_command_information_unit = 0x0e03,
    unrecovered_read_error = 0x1100,
    parameter_list_length_error = 0x1a00,
    miscompare_during_verify_operation = 0x1d00,
    invalid_command_operation_code = 0x2000,
    lba_out_of_range = 0x2100,
    unsupported_token_type = 0x2301,
    token_unknown = 0x2304,
    token_corrupt = 0x2305,
    token_revoked = 0x2306,
    token_expired = 0x2307,
    token_deleted = 0x2309,
    invalid_field_in_cdb = 0x2400,
    logical_unit_not_supported = 0x2500,
    invalid_field_in_parameter_list = 0x2600,
    parameter_not_supported = 0x2601,
    parameter_value_invalid = 0x2602,
    invalid_release_of_persistent_reservation = 0x2604,
    too_many_target_descriptors = 0x2606,
    unsupported_target_descriptor_type_code = 0x2607,
    too_many_segment_descriptors = 0x2608,
    unsupported_segment_descriptor_type_code = 0x2609,
    unexpected_inexact_segment = 0x260a,
    inline_data_length_exceeded = 0x260b,
    copy_segment_granularity_violation = 0x260d,
    write_protected = 0x2700,
    space_allocation_failed_write_protect = 0x2707,
    not_ready_to_ready_change_medium_may_have_changed = 0x2800,
    power_on_reset_or_bus_device_reset_occurred = 0x2900,
    power_on_occurred = 0x2901,
    bus_device_reset_function_occurred = 0x2903,
    i_t_nexus_loss_occurred = 0x2907,
    mode_parameters_changed = 0x2a01,
    log_parameters_changed = 0x2a02,
    reservations_preempted = 0x2a03,
    reservations_released = 0x2a04,
    registrations_preempted = 0x2a05,
    asymmetric_access_state_changed = 0x2a06,
    priority_changed = 0x2a08,
    capacity_data_has_changed = 0x2a09,
    timestamp_changed = 0x2a10,
    command_sequence_error = 0x2c00,
    persistent_prevent_conflict = 0x2c06,
    previous_busy_status = 0x2c07,
    previous_task_set_full_status = 0x2c08,
    previous_reservation_conflict_status = 0x2c09,
    commands_cleared_by_another_initiator = 0x2f00,
    cannot_read_medium_incompatible_format = 0x3002,
    format_command_failed = 0x3101,
    sanitize_command_failed = 0x3103,
    thin_provisioning_soft_threshold_reached = 0x3807,
    saving_parameters_not_supported = 0x3900,
    medium_not_present = 0x3a00,
    medium_not_present_tray_closed = 0x3a01,
    medium_not_present_tray_open = 0x3a02,
    logical_unit_failed_self_test = 0x3e03,
    inquiry_data_has_changed = 0x3f03,
    device_identifier_changed = 0x3f05,
    reported_luns_data_has_changed = 0x3f0e,
    internal_target_failure = 0x4400,
    persistent_reservation_information_lost = 0x4401,
    protocol_service_crc_error = 0x4705,
    overlapped_commands_attempted = 0x4e00,
    invalid_message_error = 0x4900,
    medium_load_or_eject_failed = 0x5300,
    medium_removal_prevented = 0x5302,
    insufficient_resources = 0x5503,
    insufficient_registration_resources = 0x5504,
    failure_prediction_threshold_exceeded_false = 0x5dff,
    illegal_mode_for_this_track = 0x6400,
    set_target_port_groups_command_failed = 0x670a,
};

/// Where in what the initiator sent the fault lies, [SPC-4 r37 4.5.2.4.2].
struct FieldPointer {
    enum class In : std::uint8_t { cdb, parameter_list };
    In in;
    std::uint16_t byte;
    std::optional<std::uint8_t> bit;  ///< most significant bit of the field, 7..0
    bool operator==(const FieldPointer&) const = default;
};

/// Why a command ended in CHECK CONDITION. A value: no buffer, no format, no lifetime.
/// The format (fixed or descriptor) is the initiator's choice through D_SENSE, so it is picked
/// where the response is encoded and nowhere else.
struct Sense {
    SenseKey key;
    Asc asc;
    std::optional<FieldPointer> field = {};
    std::optional<std::uint64_t> information = {};  ///< INFORMATION field: an LBA or a byte offset
    std::optional<std::uint16_t> progress = {};     ///< progress indication, in 1/65536ths
    /// COMMAND-SPECIFIC INFORMATION: an LBA. Of a command that has no `segment`.
    std::optional<std::uint64_t> command_specific = {};
    bool deferred = false;                      ///< it concerns a command that was answered before
    std::optional<std::uint16_t> segment = {};  ///< of a copy: the segment descriptor that it ended at

    bool operator==(const Sense&) const = default;
};

/// [SAM-5 r21 5.3.1]. CHECK CONDITION is not here: it cannot exist without its sense data, see Outcome.
enum class Status : std::uint8_t {
    good = 0x00,
    condition_met = 0x04,
    busy = 0x08,
    reservation_conflict = 0x18,
    task_set_full = 0x28,
    aca_active = 0x30,
    task_aborted = 0x40,
};

/// How every command ends.
using Outcome = std::variant<Status, Sense>;

/// 02h, the status of every Outcome that holds a Sense.
inline constexpr std::uint8_t kCheckCondition = 0x02;

constexpr Sense invalid_field(wire::Field field) {
    return {.key = SenseKey::illegal_request,
            .asc = Asc::invalid_field_in_cdb,
            .field = FieldPointer{FieldPointer::In::cdb, field.byte, field.msb}};
}
/// `byte` counts from the start of the parameter list.
constexpr Sense invalid_parameter(std::size_t byte, std::optional<std::uint8_t> bit = {}) {
    return {.key = SenseKey::illegal_request,
            .asc = Asc::invalid_field_in_parameter_list,
            .field = FieldPointer{FieldPointer::In::parameter_list, static_cast<std::uint16_t>(byte), bit}};
}
constexpr Sense illegal_request(Asc asc) {
    return {.key = SenseKey::illegal_request, .asc = asc};
}
constexpr Sense lba_out_of_range(std::uint64_t lba) {
    return {.key = SenseKey::illegal_request, .asc = Asc::lba_out_of_range, .information = lba};
}
constexpr Sense unit_attention(Asc asc) {
    return {.key = SenseKey::unit_attention, .asc = asc};
}
constexpr Sense copy_aborted(Asc asc, std::optional<std::uint16_t> segment = {}) {
    return {.key = SenseKey::copy_aborted, .asc = asc, .segment = segment};
}
constexpr Sense miscompare(std::uint64_t byte_offset) {
    return {.key = SenseKey::miscompare,
            .asc = Asc::miscompare_during_verify_operation,
            .information = byte_offset};
}

/// D_SENSE of the Control mode page.
enum class SenseFormat : std::uint8_t { fixed, descriptor };

/// No sense data here is longer.
inline constexpr std::size_t kMaxSenseBytes = 252;

/// Writes `sense` to the front of `out` and returns how many bytes that took, [SPC-4 r37 4.5.2 and 4.5.3].
/// An INFORMATION value too wide for fixed format is left out with VALID clear, never truncated.
std::size_t encode(const Sense& sense, SenseFormat format, std::span<std::byte, kMaxSenseBytes> out);

}  // namespace targe::scsi
