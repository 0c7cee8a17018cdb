// What can go wrong in a simulated run, and what cannot.
//
// A run is drawn from one seed: the faults that it may meet, how often, and every choice after that. The same
// seed of the same build does the same again, to the byte.
//
// Time is virtual: it moves to whatever happens next. Cores are not threads; what one posts to another takes
// some microseconds, now and then milliseconds, and what two senders post may come in any order.
//
// The wire keeps bytes in order, as TCP does, and cuts and delays them at will. It takes no more than a
// window that the initiator has not read. A connection breaks at any byte in either direction; each end hears
// of it in its own time, and the target's end perhaps never. Bytes are not altered: digests have tests of
// their own.
//
// The disk does what `device::Device` allows. Operations that are in flight together take effect in any
// order, those of several blocks in up to two steps. What was written is in a volatile cache; a flush, or a
// durable write, makes sure of it. Operations fail, before they took effect, after it, or in the middle (a
// write is torn between blocks, never within one). They are slow by a thousand times, or hang for up to a
// minute.
//
// The process is killed at any moment: what was in flight to the disk, or to the store of what units keep, is
// done, not done, or half done, and all connections are lost. When the power goes as well, each block of the
// disk falls back to what was last made sure of, or to anything written since. A store has the old content or
// the new, never a mixture: that this holds of files is tested where it is done (src/admin).
//
// Initiators obey iSCSI; those that do not are the fuzzers' business. They lose patience: they abort, reset
// units and targets, log out, cut connections, and log in again as the same initiator port before the target
// knows that the old session is gone.
//
// Not in the model: memory that runs out, clocks that jump, several connections in a session, digests, CHAP.
#pragma once

#include "base/core.h"

#include <cstddef>
#include <cstdint>

namespace targe::sim {

/// How often things go wrong in a run: so many in 10,000 of the occasions there are.
struct FaultModel {
    std::uint32_t disk_error = 0;    ///< of operations
    std::uint32_t disk_slow = 0;     ///< of operations
    std::uint32_t disk_hang = 0;     ///< of operations
    std::uint32_t store_error = 0;   ///< of what units keep
    std::uint32_t wire_break = 0;    ///< of connections: at some byte
    std::uint32_t wire_silence = 0;  ///< of breaks: the target's end hears nothing of it
    std::uint32_t small_window = 0;  ///< of connections
    std::uint32_t core_pause = 0;    ///< of what is posted
    std::uint32_t kill = 0;          ///< of steps of the scenario
    std::uint32_t power_cut = 0;     ///< of kills, out of 10,000
};

/// What is set up for a run, and what its initiators like to do.
struct Plan {
    std::size_t cores = 1;
    std::size_t initiators = 2;
    std::size_t steps = 200;     ///< things that initiators begin
    bool write_through = false;  ///< lun 0
    bool lends = false;          ///< the disk lends its memory
    bool shared = false;         ///< the nexuses of lun 0 share one task set (TST 000b)
    bool persistent = true;      ///< whether reservations are persistent ones, or those of SPC-2
    bool reserves = true;
    bool manages = true;        ///< task management
    bool administrates = true;  ///< resizing, other LUN maps
    bool selects = true;        ///< MODE SELECT
    bool reconnects = true;
    std::uint32_t moves = 0;     ///< percent of steps: a session goes to another core
    std::uint32_t ordered = 10;  ///< percent of commands
    FaultModel faults;
};

/// Draws a plan. Few runs have every kind of trouble: what hides a fault in one is missing in another.
[[nodiscard]] Plan plan_of(std::uint64_t seed);

}  // namespace targe::sim
