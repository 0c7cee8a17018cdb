// SYNCHRONIZE CACHE, [SBC-3 r36].
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/sense_from.h"

namespace targe::engine {

Execution execute_synchronize_cache(base::CommandArena& arena, Command& command) {
    // Also with IMMED: status that waits is allowed, and an early GOOD could not tell of a failure.
    const device::IoResult flushed = co_await command.life.unit->unit->device().flush(arena);
    if (!flushed) {
        co_return sense_from(flushed.error());
    }
    co_return scsi::Status::good;
}

}  // namespace targe::engine
