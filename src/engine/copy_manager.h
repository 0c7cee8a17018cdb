// What a nexus may ask a unit about its copies: by list identifier, how far each has come or how it ended.
#pragma once

#include "base/core.h"
#include "engine/command.h"
#include "scsi/extended_copy.h"
#include "scsi/receive_copy_results.h"
#include "scsi/sense.h"

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <vector>

namespace targe::engine {

class Visitor;

/// A copy that an initiator may ask about. Kept by its copy as long as that is under way, and by its copy
/// manager until it is forgotten.
struct CopyRecord {
    scsi::CopyListId id;
    scsi::CopyProgress progress;
    std::uint8_t service_action = 0;  ///< of the command that asked for it
    Visitor* visitor = nullptr;       ///< while it is under way
    bool terminated = false;          ///< by COPY OPERATION ABORT
    base::Time ended_at{};
    std::optional<scsi::RodTokenBytes> token = {};  ///< that it made
    std::vector<std::coroutine_handle<>> waiters;   ///< for its end

    /// `co_await record.end_of_copy()`: it has ended. In a later turn, unless it has ended already.
    struct End {
        CopyRecord& record;
        [[nodiscard]] bool await_ready() const noexcept { return record.progress.ended(); }
        void await_suspend(std::coroutine_handle<> self) const { record.waiters.push_back(self); }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] End end_of_copy() { return {*this}; }
    void end(base::Core& core, const scsi::Outcome& outcome);
};

/// Of one nexus at one unit, on the nexus's core. Made with its first copy.
class CopyManager {
public:
    /// How long an initiator may ask about a copy that has ended.
    static constexpr std::chrono::seconds kHolds{60};

    /// OPERATION IN PROGRESS when a copy of this name is under way, INSUFFICIENT RESOURCES when there are
    /// as many of them as there may be.
    [[nodiscard]] std::expected<std::shared_ptr<CopyRecord>, scsi::Sense> begin(scsi::CopyListId id,
                                                                                base::Time now);
    /// Null: there is no such copy, or not any more.
    [[nodiscard]] std::shared_ptr<CopyRecord> find(scsi::CopyListId id, base::Time now);
    void forget(const std::shared_ptr<CopyRecord>& record);
    /// A reset: nothing may be asked about any more that has ended.
    void forget_all();

private:
    void forget_old(base::Time now);

    std::vector<std::shared_ptr<CopyRecord>> records_;  ///< at most copy_limits::kCopies, the oldest first
};

/// RECEIVE COPY STATUS and its kin.
[[nodiscard]] scsi::Outcome answer_copy_results(Command& command);

}  // namespace targe::engine
