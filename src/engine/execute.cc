#include "engine/execute.h"

#include "engine/copy_manager.h"
#include "engine/parameter_in.h"
#include "scsi/command_id.h"
#include "scsi/handler_commands.h"

#include <algorithm>
#include <array>

namespace targe::engine {

namespace {

using enum scsi::CommandId;
using Work = void (*)(Command&);

/// A coroutine that ends in finish().
template <auto Coroutine>
void run(Command& command) {
    static_cast<void>(Coroutine(command.arena(), command));
}

/// Parameter data that are there at once.
void answer(Command& command) {
    finish(command, answer_parameters(command));
}

/// What a drive says of itself and of its disc.
void answer_drive(Command& command) {
    finish(command, answer_of_drive(command));
}

/// There is no arm to move, and no speed to keep to.
void do_nothing(Command& command) {
    finish(command, scsi::Status::good);
}

/// What has become of copies.
void answer_copy(Command& command) {
    finish(command, answer_copy_results(command));
}

struct WorkOf {
    scsi::CommandId id;
    Work work;
};

constexpr auto kWorks = std::to_array<WorkOf>({
    {read_6, execute_read},
    {read_10, execute_read},
    {read_12, execute_read},
    {read_16, execute_read},
    {write_6, execute_write},
    {write_10, execute_write},
    {write_12, execute_write},
    {write_16, execute_write},
    {write_and_verify_10, run<execute_write_and_verify>},
    {write_and_verify_12, run<execute_write_and_verify>},
    {write_and_verify_16, run<execute_write_and_verify>},
    {verify_10, run<execute_verify>},
    {verify_12, run<execute_verify>},
    {verify_16, run<execute_verify>},
    {synchronize_cache_10, run<execute_synchronize_cache>},
    {synchronize_cache_16, run<execute_synchronize_cache>},
    {write_same_10, run<execute_write_same>},
    {write_same_16, run<execute_write_same>},
    {unmap, run<execute_unmap>},
    {get_lba_status, run<execute_get_lba_status>},
    {compare_and_write, run<execute_compare_and_write>},
    {or_write_16, run<execute_or_write>},
    {write_atomic_16, run<execute_write_atomic>},
    {reserve_6, run<execute_reserve>},
    {reserve_10, run<execute_reserve>},
    {release_6, run<execute_release>},
    {release_10, run<execute_release>},
    {mode_select_6, run<execute_mode_select>},
    {mode_select_10, run<execute_mode_select>},
    {start_stop_unit, run<execute_start_stop_unit>},
    {prevent_allow_medium_removal, run<execute_prevent_allow>},
    {set_identifying_information, run<execute_set_identifying_information>},
    {persistent_reserve_out, run<execute_persistent_reserve_out>},
    {set_target_port_groups, run<execute_set_target_port_groups>},
    {set_priority, run<execute_set_priority>},
    {set_timestamp, run<execute_set_timestamp>},
    {read_buffer, run<execute_read_buffer>},
    {send_diagnostic, run<execute_send_diagnostic>},
    {format_unit, run<execute_erasure>},
    {sanitize_overwrite, run<execute_erasure>},
    {sanitize_block_erase, run<execute_erasure>},
    {sanitize_exit_failure_mode, run<execute_sanitize_exit_failure_mode>},
    {log_select, run<execute_log_select>},
    {log_sense, run<execute_log_sense>},
    {extended_copy_lid1, run<execute_extended_copy>},
    {extended_copy_lid4, run<execute_extended_copy>},
    {populate_token, run<execute_populate_token>},
    {write_using_token, run<execute_write_using_token>},
    {receive_rod_token_information, answer_copy},
    {copy_operation_abort, run<execute_copy_operation_abort>},
    {receive_copy_status_lid1, answer_copy},
    {receive_copy_status_lid4, answer_copy},
    {receive_copy_operating_parameters, answer_copy},
    {receive_copy_failure_details, answer_copy},
    {pre_fetch_10, run<execute_pre_fetch>},
    {pre_fetch_16, run<execute_pre_fetch>},
    {reassign_blocks, run<execute_reassign_blocks>},
    {write_buffer, run<execute_write_buffer>},
    {test_unit_ready, run<execute_test_unit_ready>},
    {read_cd, execute_read},
    {read_cd_msf, execute_read},
    {seek_10, do_nothing},
    {set_cd_speed, do_nothing},
    {read_toc_pma_atip, answer_drive},
    {get_configuration, answer_drive},
    {get_event_status_notification, answer_drive},
    {read_disc_information, answer_drive},
    {read_track_information, answer_drive},
    {read_disc_structure, answer_drive},
    {get_performance, answer_drive},
    {mechanism_status, answer_drive},
    {inquiry, answer},
    {request_sense, answer},
    {report_luns, answer},
    {mode_sense_6, answer},
    {mode_sense_10, answer},
    {read_capacity_10, answer},
    {read_capacity_16, answer},
    {read_defect_data_10, answer},
    {read_defect_data_12, answer},
    {receive_diagnostic_results, answer},
    {persistent_reserve_in, answer},
    {report_identifying_information, answer},
    {report_supported_operation_codes, answer},
    {report_supported_task_management_functions, answer},
    {report_target_port_groups, answer},
    {report_priority, answer},
    {report_timestamp, answer},
});

/// By CommandId. A command must not be without its work.
constexpr auto kWorkOf = [] {
    std::array<Work, scsi::kCommandIds> table{};
    for (const WorkOf& each : kWorks) {
        table.at(static_cast<std::size_t>(each.id)) = each.work;
    }
    return table;
}();
static_assert(std::ranges::find(kWorkOf, nullptr) == kWorkOf.end());

}  // namespace

void execute(Command& command) {
    if (scsi::is_for_handler(*command.life.info)) [[unlikely]] {
        execute_of_handler(command.arena(), command);
        return;
    }
    kWorkOf[static_cast<std::size_t>(command.life.info->id)](command);
}

}  // namespace targe::engine
