// TEST UNIT READY, [SPC-4 r37].
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/sense_from.h"

namespace targe::engine {

Execution execute_test_unit_ready(base::CommandArena& arena, Command& command) {
    // Initiators with several paths try them with this, so it must not be GOOD where a READ would fail.
    const device::IoResult present = co_await command.life.unit->unit->device().probe(arena);
    if (!present) {
        co_return sense_from(present.error());
    }
    co_return scsi::Status::good;
}

}  // namespace targe::engine
