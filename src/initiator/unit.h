// What a logical unit says of itself before anything is measured.
#pragma once

#include "initiator/session.h"

#include <cstdint>
#include <string>

namespace targe::initiator {

struct UnitFacts {
    std::string vendor;
    std::string product;
    std::uint64_t blocks = 0;
    std::uint32_t block_bytes = 0;
};

/// A unit attention tells a new session of power-on and the like, once each: they are asked for until there
/// is none left. Throws Failure where the unit is not ready after all, or not there.
void make_ready(Session& session);

/// Makes the unit ready, too. Throws Failure where it is no disk, or as make_ready() does.
[[nodiscard]] UnitFacts facts_of(Session& session);

}  // namespace targe::initiator
