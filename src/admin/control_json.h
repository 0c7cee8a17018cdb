// The fields of the control protocol's answers: what `targe --json` prints and scripts read. Documented in
// targe(8).
#pragma once

#include "admin/administration.h"

#include <nlohmann/json_fwd.hpp>

#include <vector>

namespace targe::admin {

[[nodiscard]] nlohmann::ordered_json to_json(const DaemonStatus& status);
[[nodiscard]] nlohmann::ordered_json to_json(const SessionStatus& session);
[[nodiscard]] nlohmann::ordered_json to_json(const DeviceStatus& device);
[[nodiscard]] nlohmann::ordered_json to_json(const ReservationStatus& device);
[[nodiscard]] nlohmann::ordered_json to_json(const TargetStatus& target);
[[nodiscard]] nlohmann::ordered_json to_json(const DeviceGroupStatus& group);
[[nodiscard]] nlohmann::ordered_json to_json(const ReloadReport& report);
[[nodiscard]] nlohmann::ordered_json to_json(const Problem& problem);

}  // namespace targe::admin
