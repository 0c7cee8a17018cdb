// What the families share.
#pragma once

#include "base/task.h"
#include "device/device.h"
#include "engine/command.h"
#include "engine/lane.h"

#include <cstdint>

namespace targe::engine {

/// Work on more than this is done in pieces, so that no command takes much of the pool.
inline constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;

[[nodiscard]] inline std::uint32_t block_size(const Command& command) {
    return command.life.unit->lane.state().description.block_size;
}

/// Whether what this command writes must be past every volatile cache before it is answered.
[[nodiscard]] inline device::Durability durability_of(const Command& command) {
    const bool cached = command.life.unit->lane.state().pages.write_cache_enabled && !command.life.access.fua;
    return cached ? device::Durability::cached : device::Durability::durable;
}

[[nodiscard]] inline bool was_aborted(const Command& command) {
    return command.life.aborted.load(std::memory_order_relaxed);
}

/// WRITE AND VERIFY, not WRITE.
[[nodiscard]] bool verifies(const Command& command);

/// Reads the blocks, and compares them with the command's data-out as its BYTCHK asks.
base::Task<scsi::Outcome> verify_blocks(base::CommandArena& arena, Command& command, std::uint64_t lba,
                                        std::uint64_t blocks);

/// `work` with the blocks of the command held: nobody else reads or writes them until it has ended. Nothing
/// is done where there are none, or when the command was aborted meanwhile.
using WorkOnRange = base::Task<scsi::Outcome> (*)(base::CommandArena& arena, Command& command);
base::Task<scsi::Outcome> with_range_held(base::CommandArena& arena, Command& command, WorkOnRange work);

}  // namespace targe::engine
