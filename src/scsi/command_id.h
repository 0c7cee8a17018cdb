// The commands that Targe knows, one name for each operation code or service action.
#pragma once

#include <cstdint>

namespace targe::scsi {

enum class CommandId : std::uint8_t {
    test_unit_ready,
    request_sense,
    read_6,
    write_6,
    inquiry,
    mode_select_6,
    reserve_6,
    release_6,
    mode_sense_6,
    start_stop_unit,
    prevent_allow_medium_removal,
    read_capacity_10,
    read_10,
    write_10,
    write_and_verify_10,
    verify_10,
    pre_fetch_10,
    synchronize_cache_10,
    write_same_10,
    unmap,
    mode_select_10,
    reserve_10,
    release_10,
    mode_sense_10,
    read_16,
    compare_and_write,
    write_16,
    write_and_verify_16,
    verify_16,
    pre_fetch_16,
    synchronize_cache_16,
    write_same_16,
    read_capacity_16,
    get_lba_status,
    report_luns,
    report_identifying_information,
    report_supported_operation_codes,
    report_supported_task_management_functions,
    report_timestamp,
    set_identifying_information,
    set_timestamp,
    read_12,
    write_12,
    write_and_verify_12,
    verify_12,
};

}  // namespace targe::scsi
