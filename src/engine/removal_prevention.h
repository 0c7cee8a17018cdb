// Who prevents the removal of a unit's medium.
#pragma once

#include "engine/nexus_unit.h"
#include "scsi/sense.h"
#include "scsi/start_stop_unit.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace targe::engine {

/// What PREVENT ALLOW MEDIUM REMOVAL has set. Each I_T nexus has two states, and neither value of PERSISTENT
/// touches the state of the other, [MMC-6 r2g 6.13].
class RemovalPrevention {
public:
    void set(NexusId nexus, scsi::MediumRemoval wanted) {
        switch (wanted) {
            case scsi::MediumRemoval::allowed:
                std::erase(prevent_, nexus);
                return;
            case scsi::MediumRemoval::prevented:
                add(prevent_, nexus);
                return;
            case scsi::MediumRemoval::persistently_allowed:
                std::erase(persist_, nexus);
                return;
            case scsi::MediumRemoval::persistently_prevented:
                add(persist_, nexus);
                return;
        }
    }
    void forget(NexusId nexus) {
        std::erase(prevent_, nexus);
        std::erase(persist_, nexus);
    }
    void clear() { *this = {}; }

    [[nodiscard]] bool by(NexusId nexus) const { return has(prevent_, nexus) || has(persist_, nexus); }
    [[nodiscard]] bool by_anybody() const { return !prevent_.empty() || by_persistence(); }
    [[nodiscard]] bool by_persistence() const { return !persist_.empty(); }
    /// Whether an operator has to ask the initiators, by an event. Who prevents persistently lets a disc into
    /// a drive that has none, or whose tray an initiator has opened.
    [[nodiscard]] bool keeps_from_operator(bool medium_loaded) const {
        return !prevent_.empty() || (by_persistence() && medium_loaded);
    }
    /// Why START STOP UNIT of `nexus` moves nothing. Who prevents persistently wants to be asked, and to
    /// eject then: its own command does.
    [[nodiscard]] std::optional<scsi::Sense> refusal(NexusId nexus) const {
        if (!prevent_.empty()) {
            return scsi::illegal_request(scsi::Asc::medium_removal_prevented);
        }
        if (by_persistence() && !has(persist_, nexus)) {
            return scsi::illegal_request(scsi::Asc::persistent_prevent_conflict);
        }
        return std::nullopt;
    }

private:
    static bool has(const std::vector<NexusId>& those, NexusId nexus) {
        return std::ranges::find(those, nexus) != those.end();
    }
    static void add(std::vector<NexusId>& those, NexusId nexus) {
        if (!has(those, nexus)) {
            those.push_back(nexus);
        }
    }

    std::vector<NexusId> prevent_;
    std::vector<NexusId> persist_;
};

}  // namespace targe::engine
