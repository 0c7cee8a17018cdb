#include "engine/block_io.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"

namespace targe::engine {

base::Task<scsi::Outcome> with_range_held(base::CommandArena& arena, Command& command, WorkOnRange work) {
    const auto& life = command.life;
    if (life.access.blocks == 0) {
        co_return scsi::Status::good;
    }
    RangeHold hold{*life.unit->unit, life.nexus->core(), {life.access.lba, life.access.blocks}};
    co_await hold.acquire();
    scsi::Outcome outcome = scsi::Status::task_aborted;
    if (!was_aborted(command)) {
        outcome = co_await work(arena, command);
    }
    hold.release();
    co_return outcome;
}

}  // namespace targe::engine
