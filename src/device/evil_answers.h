// What an evil handler answers to commands. `take` gives so many bytes of what tells it what to do, and
// zeroes when there are no more.
#pragma once

#include "gateway/region.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace targe::device::testing {

/// Some status, and all that may come with it.
void end_oddly(targe_completion& made, const targe_slot& slot, auto take) {
    constexpr std::array<std::uint8_t, 6> kStatuses{0x00, 0x02, 0x04, 0x08, 0x18, 0x28};
    made.status = kStatuses[take(1) % kStatuses.size()];
    made.key = static_cast<std::uint8_t>(take(1) % 16);
    made.asc = static_cast<std::uint8_t>(take(1));
    made.ascq = static_cast<std::uint8_t>(take(1));
    made.sense_flags = static_cast<std::uint8_t>(take(1));
    made.in_length = static_cast<std::uint32_t>(take(4) % (slot.in_length + std::uint64_t{1}));
    made.wanted = static_cast<std::uint32_t>(take(4));
    made.information = static_cast<std::int64_t>(take(8));
    made.report = take(1);
}

/// A list for targed, which can be, mostly; or what lies there.
void remap_oddly(targe_completion& made, std::uint8_t* room, auto take) {
    const auto odd = [&] { return take(1) % 16 == 15; };
    made.flags = take(1) % 2 == 0 ? TARGE_COMPLETION_COPIES : TARGE_COMPLETION_WRITES_SAME;
    made.remaps = odd() ? static_cast<std::uint32_t>(take(2)) : static_cast<std::uint32_t>(take(1) % 4 + 1);
    made.block_bytes = odd() ? static_cast<std::uint32_t>(take(4)) : 512;
    for (std::uint32_t i = 0; i < made.remaps && i < TARGE_MAX_REMAPS && !odd(); ++i) {
        const bool anywhere = odd();
        const targe_remap one{.lba = anywhere ? take(8) : 10'000 + take(2),
                              .blocks = anywhere ? take(8) : 1 + take(2) % 5000,
                              .source = anywhere ? take(8) : take(1)};
        std::memcpy(room + i * sizeof one, &one, sizeof one);
    }
}

}  // namespace targe::device::testing
