// What went wrong, in the three parts that help: what, why it probably did, and what to do.
#pragma once

#include <string>

namespace targe::admin {

struct Problem {
    std::string what;   ///< one line: what was not done, and to what
    std::string cause;  ///< the likely reason; may be empty
    std::string cure;   ///< what to do or run next; may be empty
    bool operator==(const Problem&) const = default;
};

/// The parts on lines of their own, the second and third indented and named "cause" and "try"; no newline at
/// the end.
[[nodiscard]] std::string to_string(const Problem& problem);
/// The same on one line, for the log.
[[nodiscard]] std::string to_line(const Problem& problem);

}  // namespace targe::admin
