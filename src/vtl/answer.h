// How a command of a unit ended, as libtarge tells targed.
#pragma once

#include "libtarge/targe.h"
#include "vtl/command.h"

#include <cstdint>

namespace targe::vtl {

/// The command that libtarge has brought. The spans are those of `command`, which outlives the result.
[[nodiscard]] Command command_of(const targe_command& command, std::uint64_t now_ms);

/// Fills in how it ended. The data are in place already.
void answer(targe_command& command, const Reply& reply);

}  // namespace targe::vtl
