#include "engine/copy_manager.h"

#include "scsi/third_party_copy.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace targe::engine {

void CopyRecord::end(base::Core& core, const scsi::Outcome& outcome) {
    visitor = nullptr;
    ended_at = core.now();
    if (outcome == scsi::Outcome{scsi::Status::good}) {
        progress.status = scsi::CopyStatus::completed;
    } else {
        progress.status = terminated ? scsi::CopyStatus::terminated : scsi::CopyStatus::failed;
    }
    if (const auto* const sense = std::get_if<scsi::Sense>(&outcome)) {
        progress.sense = *sense;
    }
    for (const auto waiter : std::exchange(waiters, {})) {
        base::post(core, [waiter] { waiter.resume(); });
    }
}

std::expected<std::shared_ptr<CopyRecord>, scsi::Sense> CopyManager::begin(scsi::CopyListId id,
                                                                           base::Time now) {
    forget_old(now);
    if (const auto known = find(id, now)) {
        if (!known->progress.ended()) {
            return std::unexpected(scsi::illegal_request(scsi::Asc::operation_in_progress));
        }
        forget(known);
    }
    if (records_.size() == scsi::copy_limits::kCopies) {
        const auto ended =
            std::ranges::find_if(records_, [](const auto& record) { return record->progress.ended(); });
        if (ended == records_.end()) {
            return std::unexpected(scsi::illegal_request(scsi::Asc::insufficient_resources));
        }
        records_.erase(ended);
    }
    return records_.emplace_back(
        std::make_shared<CopyRecord>(CopyRecord{.id = id, .progress = {}, .waiters = {}}));
}

std::shared_ptr<CopyRecord> CopyManager::find(scsi::CopyListId id, base::Time now) {
    forget_old(now);
    const auto known = std::ranges::find_if(records_, [&](const auto& record) { return record->id == id; });
    return known == records_.end() ? nullptr : *known;
}

void CopyManager::forget(const std::shared_ptr<CopyRecord>& record) {
    std::erase(records_, record);
}

void CopyManager::forget_all() {
    std::erase_if(records_, [](const auto& record) { return record->progress.ended(); });
}

void CopyManager::forget_old(base::Time now) {
    std::erase_if(records_, [&](const auto& record) {
        return record->progress.ended() && now - record->ended_at > kHolds;
    });
}

}  // namespace targe::engine
