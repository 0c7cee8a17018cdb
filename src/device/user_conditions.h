// Which unit attentions are a handler's to raise.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace targe::device {

/// `condition` is ASC and ASCQ. What concerns reservations, resets, LUNs, ports and commands is the engine's
/// alone, [SPC-4 r37 annex D].
[[nodiscard]] constexpr bool is_condition_of_handler(std::uint64_t condition) {
    struct Range {
        std::uint16_t first;
        std::uint16_t last;
    };
    constexpr std::array<Range, 9> kRanges{{
        {0x2800, 0x2801},  // medium may have changed; import or export element accessed
        {0x2a00, 0x2a02},  // parameters, mode parameters, log parameters changed
        {0x2a09, 0x2a09},  // capacity data has changed
        {0x2a10, 0x2a14},  // timestamp; data encryption parameters and capabilities
        {0x3807, 0x3807},  // thin provisioning soft threshold reached
        {0x3b11, 0x3b1c},  // magazines, drawers and elements
        {0x3f01, 0x3f03},  // microcode, operating definition, INQUIRY data
        {0x3f10, 0x3f12},  // medium loadable, auxiliary memory
        {0x5a00, 0x5a03},  // what the operator asks for
    }};
    constexpr std::uint16_t kExceptions = 0x5d;  // failure prediction, TapeAlert
    return condition <= UINT16_MAX &&
           (condition >> 8U == kExceptions || std::ranges::any_of(kRanges, [&](const Range& range) {
                return condition >= range.first && condition <= range.last;
            }));
}

}  // namespace targe::device
