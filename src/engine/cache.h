// What a unit's cache holds when WCE is cleared by something else than MODE SELECT.
#pragma once

#include "base/core.h"
#include "base/task.h"
#include "engine/background.h"

#include <memory>

namespace targe::engine {

class LogicalUnit;

/// After a reset has brought back mode parameters with WCE cleared, once every lane has them: what was
/// written before becomes durable. Where it does not, every nexus of the unit is told by a deferred error:
/// ADR 0035. On `here`, and as long as the store takes.
base::Task<void> empty_cache(base::CommandArena& arena, LogicalUnit& unit, base::Core& here);

/// The same for a unit that starts with WCE cleared: the process before it may have ended with WCE set. At
/// home.
Background empty_cache_at_start(std::shared_ptr<LogicalUnit> unit);

}  // namespace targe::engine
