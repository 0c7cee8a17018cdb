// How a state file is written: a first line that says what follows and proves it whole, then the content.
//
//   targe-state 1 identities 1234 sha256=9f86d081…
//
// The sum is of the content, so that `tail -n +2 FILE | sha256sum` checks it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace targe::admin {

enum class StateFault : std::uint8_t {
    not_ours,     ///< no first line of ours
    too_new,      ///< of a format that a later version writes
    other_name,   ///< the content of another file
    cut_short,    ///< fewer bytes than were written, or more
    sum_differs,  ///< the right number of bytes, but not those
};
[[nodiscard]] std::string_view to_string(StateFault fault);

[[nodiscard]] std::string seal_state(std::string_view name, std::string_view content);
[[nodiscard]] std::expected<std::string, StateFault> open_state(std::string_view name, std::string_view file);

}  // namespace targe::admin
