#include "engine/execute.h"

#include "engine/parameter_in.h"
#include "scsi/command_table.h"

namespace targe::engine {

namespace {

void execute_at_home(Command& command) {
    using scsi::CommandId;
    base::CommandArena& arena = command.arena();
    switch (command.life.info->id) {
        case CommandId::reserve_6:
        case CommandId::reserve_10:
            return static_cast<void>(execute_reserve(arena, command));
        case CommandId::release_6:
        case CommandId::release_10:
            return static_cast<void>(execute_release(arena, command));
        case CommandId::mode_select_6:
        case CommandId::mode_select_10:
            return static_cast<void>(execute_mode_select(arena, command));
        case CommandId::start_stop_unit:
            return static_cast<void>(execute_start_stop_unit(arena, command));
        case CommandId::persistent_reserve_out:
            return static_cast<void>(execute_persistent_reserve_out(arena, command));
        case CommandId::set_identifying_information:
            return static_cast<void>(execute_set_identifying_information(arena, command));
        case CommandId::set_timestamp:
            return static_cast<void>(execute_set_timestamp(arena, command));
        case CommandId::read_buffer:
            return static_cast<void>(execute_read_buffer(arena, command));
        case CommandId::send_diagnostic:
            return static_cast<void>(execute_send_diagnostic(arena, command));
        case CommandId::log_select:
            return static_cast<void>(execute_log_select(arena, command));
        case CommandId::log_sense:
            return static_cast<void>(execute_log_sense(arena, command));
        case CommandId::format_unit:
        case CommandId::sanitize_overwrite:
        case CommandId::sanitize_block_erase:
            return static_cast<void>(execute_erasure(arena, command));
        case CommandId::sanitize_exit_failure_mode:
            return static_cast<void>(execute_sanitize_exit_failure_mode(arena, command));
        default:
            return static_cast<void>(execute_prevent_allow(arena, command));
    }
}

}  // namespace

void execute(Command& command) {
    using scsi::CommandId;
    base::CommandArena& arena = command.arena();
    switch (command.life.info->id) {  // no default: a row of the table must not be without its work
        case CommandId::read_6:
        case CommandId::read_10:
        case CommandId::read_12:
        case CommandId::read_16:
            return execute_read(command);
        case CommandId::write_6:
        case CommandId::write_10:
        case CommandId::write_12:
        case CommandId::write_16:
        case CommandId::write_and_verify_10:
        case CommandId::write_and_verify_12:
        case CommandId::write_and_verify_16:
            return static_cast<void>(execute_write(arena, command));
        case CommandId::verify_10:
        case CommandId::verify_12:
        case CommandId::verify_16:
            return static_cast<void>(execute_verify(arena, command));
        case CommandId::synchronize_cache_10:
        case CommandId::synchronize_cache_16:
            return static_cast<void>(execute_synchronize_cache(arena, command));
        case CommandId::write_same_10:
        case CommandId::write_same_16:
            return static_cast<void>(execute_write_same(arena, command));
        case CommandId::unmap:
            return static_cast<void>(execute_unmap(arena, command));
        case CommandId::get_lba_status:
            return static_cast<void>(execute_get_lba_status(arena, command));
        case CommandId::compare_and_write:
            return static_cast<void>(execute_compare_and_write(arena, command));
        case CommandId::or_write_16:
            return static_cast<void>(execute_or_write(arena, command));
        case CommandId::reserve_6:
        case CommandId::reserve_10:
        case CommandId::release_6:
        case CommandId::release_10:
        case CommandId::mode_select_6:
        case CommandId::mode_select_10:
        case CommandId::start_stop_unit:
        case CommandId::prevent_allow_medium_removal:
        case CommandId::set_identifying_information:
        case CommandId::persistent_reserve_out:
        case CommandId::set_timestamp:
        case CommandId::read_buffer:
        case CommandId::send_diagnostic:
        case CommandId::format_unit:
        case CommandId::sanitize_overwrite:
        case CommandId::sanitize_block_erase:
        case CommandId::sanitize_exit_failure_mode:
        case CommandId::log_select:
        case CommandId::log_sense:
            return execute_at_home(command);
        case CommandId::pre_fetch_10:
        case CommandId::pre_fetch_16:
            return finish(command, scsi::Status::good);  // a hint: the cache may not hold it, [SBC-3 r36]
        case CommandId::write_buffer:
            return static_cast<void>(execute_write_buffer(arena, command));
        case CommandId::test_unit_ready:
            return static_cast<void>(execute_test_unit_ready(arena, command));
        case CommandId::inquiry:
        case CommandId::request_sense:
        case CommandId::report_luns:
        case CommandId::mode_sense_6:
        case CommandId::mode_sense_10:
        case CommandId::read_capacity_10:
        case CommandId::read_capacity_16:
        case CommandId::read_defect_data_10:
        case CommandId::read_defect_data_12:
        case CommandId::receive_diagnostic_results:
        case CommandId::persistent_reserve_in:
        case CommandId::report_identifying_information:
        case CommandId::report_supported_operation_codes:
        case CommandId::report_supported_task_management_functions:
        case CommandId::report_timestamp:
            return finish(command, answer_parameters(command));
    }
    __builtin_unreachable();
}

}  // namespace targe::engine
