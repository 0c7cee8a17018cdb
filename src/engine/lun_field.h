// For transports, to which the LUN is eight bytes.
#pragma once

#include <cstdint>

namespace targe::engine {

/// Whether two LUN fields name one logical unit, in whichever form, [SAM-5 r21 4.7].
[[nodiscard]] bool name_one_unit(std::uint64_t one, std::uint64_t other);

}  // namespace targe::engine
