// Self-tests, in the foreground and in the background, [SPC-4 r37 5.15].
#pragma once

#include "scsi/diagnostics.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

namespace targe::engine {

struct UnitState;

/// One under way: in the unit's state while it is, and written from the core that carries it out.
struct SelfTestRun {
    SelfTestRun(std::uint8_t self_test_code, bool keeps_others_out)
        : code(self_test_code), foreground(keeps_others_out) {}

    const std::uint8_t code;  ///< SELF-TEST CODE
    /// Only INQUIRY, REPORT LUNS and REQUEST SENSE are executed meanwhile.
    const bool foreground;
    std::atomic<std::uint16_t> progress = 0;  ///< in 1/65536ths
    /// How it is to end before its end; `in_progress`: it is not.
    std::atomic<scsi::SelfTestResult::Ending> stop = scsi::SelfTestResult::Ending::in_progress;

    void abort(scsi::SelfTestResult::Ending ending) { stop.store(ending, std::memory_order_relaxed); }
};

/// What is told of a test under way; nothing when there is none.
[[nodiscard]] std::optional<scsi::Sense> self_test_in_progress(const UnitState& state);

/// A command, or a reset, ends the test in the background that `state` has, if it has one.
void end_self_test(const UnitState& state);

}  // namespace targe::engine
