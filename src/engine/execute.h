// The commands that work on the device, by family. Each runs to its first wait and ends in finish().
#pragma once

#include "engine/execution.h"

namespace targe::engine {

void execute_read(Command& command);
/// By the unit's device, which executes CDBs.
Execution execute_of_handler(base::CommandArena& arena, Command& command);
Execution execute_reassign_blocks(base::CommandArena& arena, Command& command);
Execution execute_pre_fetch(base::CommandArena& arena, Command& command);
void execute_write(Command& command);
Execution execute_write_and_verify(base::CommandArena& arena, Command& command);
Execution execute_verify(base::CommandArena& arena, Command& command);
Execution execute_synchronize_cache(base::CommandArena& arena, Command& command);
Execution execute_test_unit_ready(base::CommandArena& arena, Command& command);
Execution execute_write_same(base::CommandArena& arena, Command& command);
Execution execute_unmap(base::CommandArena& arena, Command& command);
Execution execute_get_lba_status(base::CommandArena& arena, Command& command);
Execution execute_compare_and_write(base::CommandArena& arena, Command& command);
Execution execute_write_atomic(base::CommandArena& arena, Command& command);
Execution execute_or_write(base::CommandArena& arena, Command& command);
Execution execute_extended_copy(base::CommandArena& arena, Command& command);
Execution execute_populate_token(base::CommandArena& arena, Command& command);
Execution execute_write_using_token(base::CommandArena& arena, Command& command);
Execution execute_copy_operation_abort(base::CommandArena& arena, Command& command);
Execution execute_write_buffer(base::CommandArena& arena, Command& command);

// At the unit's home, and back again.
Execution execute_reserve(base::CommandArena& arena, Command& command);
Execution execute_release(base::CommandArena& arena, Command& command);
Execution execute_mode_select(base::CommandArena& arena, Command& command);
Execution execute_persistent_reserve_out(base::CommandArena& arena, Command& command);
Execution execute_set_identifying_information(base::CommandArena& arena, Command& command);
Execution execute_erasure(base::CommandArena& arena, Command& command);
Execution execute_sanitize_exit_failure_mode(base::CommandArena& arena, Command& command);
Execution execute_log_select(base::CommandArena& arena, Command& command);
Execution execute_log_sense(base::CommandArena& arena, Command& command);
Execution execute_read_buffer(base::CommandArena& arena, Command& command);
Execution execute_send_diagnostic(base::CommandArena& arena, Command& command);
Execution execute_set_target_port_groups(base::CommandArena& arena, Command& command);
Execution execute_set_priority(base::CommandArena& arena, Command& command);
Execution execute_set_timestamp(base::CommandArena& arena, Command& command);
Execution execute_start_stop_unit(base::CommandArena& arena, Command& command);
Execution execute_prevent_allow(base::CommandArena& arena, Command& command);

}  // namespace targe::engine
