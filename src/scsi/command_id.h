// The commands that Targe knows, one name for each operation code or service action; PERSISTENT RESERVE IN
// and OUT have one name for all service actions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace targe::scsi {

enum class CommandId : std::uint8_t {
    test_unit_ready,
    request_sense,
    format_unit,
    read_6,
    write_6,
    inquiry,
    mode_select_6,
    reserve_6,
    release_6,
    mode_sense_6,
    start_stop_unit,
    prevent_allow_medium_removal,
    read_buffer,
    read_capacity_10,
    read_defect_data_10,
    read_defect_data_12,
    read_10,
    write_10,
    write_and_verify_10,
    verify_10,
    pre_fetch_10,
    synchronize_cache_10,
    write_same_10,
    unmap,
    log_select,
    log_sense,
    mode_select_10,
    reserve_10,
    release_10,
    mode_sense_10,
    persistent_reserve_in,
    persistent_reserve_out,
    sanitize_overwrite,
    sanitize_block_erase,
    sanitize_exit_failure_mode,
    extended_copy_lid1,
    receive_copy_status_lid1,
    receive_copy_operating_parameters,
    receive_copy_failure_details,
    read_16,
    compare_and_write,
    or_write_16,
    write_16,
    write_and_verify_16,
    verify_16,
    pre_fetch_16,
    synchronize_cache_16,
    write_same_16,
    read_capacity_16,
    get_lba_status,
    report_luns,
    receive_diagnostic_results,
    report_identifying_information,
    report_supported_operation_codes,
    report_supported_task_management_functions,
    report_timestamp,
    send_diagnostic,
    set_identifying_information,
    set_timestamp,
    write_buffer,
    read_12,
    write_12,
    write_and_verify_12,
    verify_12,  // the last: kCommandIds
};
inline constexpr std::size_t kCommandIds = static_cast<std::size_t>(CommandId::verify_12) + 1;

}  // namespace targe::scsi
