// FORMAT UNIT and SANITIZE while they go on: owned by the unit's home, and gone on with after a restart.
#pragma once

#include "engine/background.h"
#include "engine/unit_state.h"
#include "scsi/medium_erasure.h"
#include "scsi/sense.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace targe::engine {

class LogicalUnit;

/// Carries it out, on the unit's home core, while the state of the unit says that it goes on; then says how
/// it ended, in the state, and to `done` if there is one. It stops where that of the number `medium` is not
/// the one that is there any more: see OwnMedium.
Background erase(std::shared_ptr<LogicalUnit> unit, std::uint64_t medium, scsi::Erasure what,
                 std::function<void(const scsi::Outcome&)> done);

/// Why the medium cannot be used: it was ejected, it is being erased, that failed, or it is another than the
/// one that has to be. Nothing when it can.
[[nodiscard]] std::optional<scsi::Sense> medium_not_ready(const UnitState& state);

}  // namespace targe::engine
