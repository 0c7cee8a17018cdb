// An I_T_L nexus: one logical unit as one nexus sees it.
#pragma once

#include "base/core.h"
#include "base/id.h"
#include "base/intrusive_list.h"
#include "device/device_observer.h"
#include "engine/limits.h"
#include "engine/task_set.h"
#include "scsi/sense.h"
#include "scsi/unit_attention.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace targe::engine {

class Command;
class CopyManager;
class Lane;
class LogicalUnit;
class Nexus;

/// Never used twice while the process runs.
using NexusId = base::Id<struct NexusIdTag, std::uint64_t>;

/// The unit's home forgets the reservation and the prevention of removal that the nexus held; then `done` is
/// called on `here`, the nexus's core.
void forget_nexus(base::Core& here, std::shared_ptr<LogicalUnit> unit, NexusId nexus,
                  std::function<void()> done);

/// Whether the initiator has what it was sent of pages that were lent.
enum class Receipt : std::uint8_t {
    none,     ///< it has all of them
    due,      ///< perhaps not
    awaited,  ///< it was asked, and nothing was lent since
};

/// On its nexus's core, in the registry of the unit's lane there, so that unit attentions find it.
class NexusUnit : public base::ListHook<struct LaneNexuses> {
public:
    NexusUnit(Nexus& owner, std::shared_ptr<LogicalUnit> what, std::uint16_t number, bool protect);
    /// On the core to which its nexus has moved: as `left` was on the other.
    NexusUnit(NexusUnit& left);
    ~NexusUnit();

    /// Tells a device that executes commands itself of the nexus; again on each core that it comes to.
    void introduce();
    /// Queues a unit attention, and says so to the transport.
    void raise(scsi::Asc condition);
    /// What DeviceObserver::admit() says of the nexus.
    void admit(device::Admission says);

    Nexus& nexus;
    std::shared_ptr<LogicalUnit> unit;
    Lane& lane;
    std::uint16_t lun;
    bool read_only;                                            ///< by the LUN map
    device::Admission admission = device::Admission::unheard;  ///< by a device that is asked
    bool asked = false;                                        ///< it was, here, and has not answered
    std::uint8_t gates = 0;      ///< what the lane's state holds against this nexus: Gate, gates_of()
    bool removed = false;        ///< left the LUN map, or its nexus closes: ends with its last command
    base::Time given_up_at{};    ///< not zero: when what it reads is answered, for it left the LUN map
    bool keeps_out = false;      ///< whoever comes back as its nexus, because that takes too long
    bool kept_out = false;       ///< by such a unit of an older nexus with this identity
    std::uint32_t commands = 0;  ///< submitted and not retired
    std::uint32_t ties = 0;      ///< work in the background that will look for it on this core
    std::uint64_t told = 0;      ///< through which number of its home it was told of, on another core
    TaskSet own_tasks;           ///< empty where the unit has one task set for all
    TaskSet& task_set;           ///< the one, or its lane's part of the other
    bool faulted = false;        ///< it established an ACA condition that is in effect: aca.h
    scsi::UnitAttentionQueue attentions;
    /// What went wrong after a command had ended well: the next one is told.
    std::optional<scsi::Sense> deferred;
    std::vector<std::byte> echo;          ///< of WRITE BUFFER; empty: none was written
    std::unique_ptr<CopyManager> copies;  ///< made with the first copy
    std::uint32_t cleared_in = 0;         ///< the lane's epoch in which it was last told of commands cleared
    std::uint8_t priority = 0;            ///< of its commands; 0: none in particular
    std::uint32_t media_events_told = 0;  ///< of Tray
    std::uint32_t operational_changes_told = 0;
    Receipt receipt = Receipt::none;
    bool reads_error_history = false;  ///< the unit's home may hold the history for it
};

}  // namespace targe::engine
