// What a lane has counted for the log pages, and how long it was idle.
#include "engine/lane.h"

#include <chrono>

namespace targe::engine {

void Lane::count(const Command& command, scsi::AccessKind kind, std::uint64_t bytes, base::Duration took) {
    const auto took_ns = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::max(took, base::Duration{})).count());
    const bool read = kind == scsi::AccessKind::read;
    const bool fua = command.life.access.fua;
    (read ? statistics_.reads : statistics_.writes).add(bytes, took_ns, fua);
    constexpr std::uint64_t kNsPerUs = 1000;
    const std::uint64_t weight = scsi::command_weight(command.life.unit->priority);
    statistics_.weight += weight;
    statistics_.weighted_time_us += took_ns * weight / kNsPerUs;
    if (command.life.access.group == 0) [[likely]] {
        return;
    }
    if (!groups_) {
        groups_ = std::make_unique<std::array<scsi::AccessStatistics, scsi::kGroups - 1>>();
    }
    scsi::AccessStatistics& group = groups_->at(command.life.access.group - 1U);
    (read ? group.reads : group.writes).add(bytes, took_ns, fua);
}

scsi::AccessStatistics Lane::statistics(std::uint8_t group) const {
    if (group == 0) {
        return statistics_;
    }
    return groups_ ? groups_->at(group - 1U) : scsi::AccessStatistics{};
}

base::Duration Lane::idle() const {
    const base::Time now = core_.clock();
    return now - idle_counts_from_ - busy_ - (busy_since_ ? now - *busy_since_ : base::Duration{});
}

void Lane::reset_statistics(std::uint32_t groups) {
    if ((groups & 1U) != 0) {
        statistics_ = {};
        idle_counts_from_ = core_.clock();
        busy_ = {};
        if (busy_since_) {
            busy_since_ = idle_counts_from_;
        }
    }
    for (unsigned group = 1; groups_ && group < scsi::kGroups; ++group) {
        if ((groups >> group & 1U) != 0) {
            groups_->at(group - 1U) = {};
        }
    }
}

}  // namespace targe::engine
