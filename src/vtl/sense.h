// How a command of a tape drive or a changer ends, as a value: sense data with the bits of a tape.
#pragma once

#include "scsi/sense.h"

#include <cstdint>
#include <optional>

namespace targe::vtl {

/// Why a command ended in CHECK CONDITION. targed encodes it in the format that the initiator chose.
struct Sense {
    scsi::SenseKey key = scsi::SenseKey::no_sense;
    scsi::Asc asc = scsi::Asc::no_additional_sense_information;
    std::optional<scsi::FieldPointer> field = {};
    std::optional<std::int64_t> information = {};  ///< a residue, which may be negative
    bool filemark = false;
    bool end_of_medium = false;
    bool incorrect_length = false;
    bool operator==(const Sense&) const = default;
};

/// Additional sense codes that no disk has, spelled as in the T10 code list.
namespace asc {
inline constexpr scsi::Asc filemark_detected{0x0001};
inline constexpr scsi::Asc end_of_partition_or_medium_detected{0x0002};
inline constexpr scsi::Asc beginning_of_partition_or_medium_detected{0x0004};
inline constexpr scsi::Asc end_of_data_detected{0x0005};
inline constexpr scsi::Asc programmable_early_warning_detected{0x0007};
inline constexpr scsi::Asc invalid_element_address{0x2101};
inline constexpr scsi::Asc conditional_write_protect{0x2706};
inline constexpr scsi::Asc import_or_export_element_accessed{0x2801};
inline constexpr scsi::Asc log_counter_at_maximum{0x5b02};
inline constexpr scsi::Asc data_encryption_parameters_changed{0x2a11};
inline constexpr scsi::Asc command_timeout_during_processing{0x2e02};
inline constexpr scsi::Asc incompatible_medium_installed{0x3000};
inline constexpr scsi::Asc cannot_read_medium_unknown_format{0x3001};
inline constexpr scsi::Asc cleaning_cartridge_installed{0x3003};
inline constexpr scsi::Asc cannot_write_medium_incompatible_format{0x3005};
inline constexpr scsi::Asc worm_medium_overwrite_attempted{0x300c};
inline constexpr scsi::Asc medium_format_corrupted{0x3100};
inline constexpr scsi::Asc sequential_positioning_error{0x3b00};
inline constexpr scsi::Asc position_past_beginning_of_medium{0x3b0c};
inline constexpr scsi::Asc medium_destination_element_full{0x3b0d};
inline constexpr scsi::Asc medium_source_element_empty{0x3b0e};
inline constexpr scsi::Asc medium_magazine_not_accessible{0x3b11};
inline constexpr scsi::Asc data_phase_error{0x4b00};
inline constexpr scsi::Asc medium_removal_prevented_by_data_transfer_element{0x5303};
inline constexpr scsi::Asc auxiliary_memory_out_of_space{0x5506};
inline constexpr scsi::Asc security_error{0x7400};
inline constexpr scsi::Asc unable_to_decrypt_data{0x7401};
inline constexpr scsi::Asc unencrypted_data_encountered_while_decrypting{0x7402};
inline constexpr scsi::Asc incorrect_data_encryption_key{0x7403};
}  // namespace asc

constexpr Sense invalid_field(wire::Field field) {
    return {.key = scsi::SenseKey::illegal_request,
            .asc = scsi::Asc::invalid_field_in_cdb,
            .field = scsi::FieldPointer{scsi::FieldPointer::In::cdb, field.byte, field.msb}};
}
/// `byte` counts from the start of the parameter list.
constexpr Sense invalid_parameter(std::size_t byte, std::optional<std::uint8_t> bit = {}) {
    return {.key = scsi::SenseKey::illegal_request,
            .asc = scsi::Asc::invalid_field_in_parameter_list,
            .field = scsi::FieldPointer{scsi::FieldPointer::In::parameter_list,
                                        static_cast<std::uint16_t>(byte), bit}};
}
constexpr Sense refusal(scsi::Asc asc) {
    return {.key = scsi::SenseKey::illegal_request, .asc = asc};
}
constexpr Sense not_ready(scsi::Asc asc) {
    return {.key = scsi::SenseKey::not_ready, .asc = asc};
}
constexpr Sense data_protect(scsi::Asc asc) {
    return {.key = scsi::SenseKey::data_protect, .asc = asc};
}
constexpr Sense medium_error(scsi::Asc asc, std::optional<std::int64_t> information = {}) {
    return {.key = scsi::SenseKey::medium_error, .asc = asc, .information = information};
}
constexpr Sense parameter_list_length_error() {
    return refusal(scsi::Asc::parameter_list_length_error);
}

}  // namespace targe::vtl
