#include "engine/self_test.h"

#include "engine/unit_state.h"

namespace targe::engine {

std::optional<scsi::Sense> self_test_in_progress(const UnitState& state) {
    if (!state.self_test) {
        return std::nullopt;
    }
    return scsi::Sense{.key = scsi::SenseKey::not_ready,
                       .asc = scsi::Asc::logical_unit_not_ready_self_test_in_progress,
                       .progress = state.self_test->progress.load(std::memory_order_relaxed)};
}

void end_self_test(const UnitState& state) {
    if (state.self_test) {
        state.self_test->abort(scsi::SelfTestResult::Ending::aborted_otherwise);
    }
}

}  // namespace targe::engine
