// How a command ended, in words.
#pragma once

#include "initiator/session.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace targe::initiator {

/// Of sense data in fixed or descriptor format, [SPC-4 r37 4.5].
struct SenseFields {
    std::uint8_t key = 0;
    std::uint16_t code = 0;  ///< ASC in the high byte, ASCQ in the low byte
};
[[nodiscard]] std::optional<SenseFields> read_sense(std::span<const std::byte> sense);

[[nodiscard]] std::string_view sense_key_name(std::uint8_t key);
/// Empty when it is none that disks use.
[[nodiscard]] std::string_view sense_code_name(std::uint16_t code);
[[nodiscard]] std::string_view status_name(std::uint8_t status);

/// What a bad ending most likely comes from, and what to do about it; both may be empty.
struct Advice {
    std::string cause;
    std::string cure;
    bool for_good = false;  ///< the same command would end so again and again
};
[[nodiscard]] Advice advice_on(const Ending& ending);

/// "CHECK CONDITION: DATA PROTECT, write protected (27/00)", "BUSY"
[[nodiscard]] std::string describe(const Ending& ending);

}  // namespace targe::initiator
