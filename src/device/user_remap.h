// What the queue and its answers that leave work to the engine share.
#pragma once

#include "device/user_request.h"
#include "gateway/region.h"

namespace targe::device {

/// Whether the completion of an EXECUTE says that it is.
constexpr bool is_remap(const targe_completion& completion) {
    return (completion.flags & (TARGE_COMPLETION_WRITES_SAME | TARGE_COMPLETION_COPIES)) != 0;
}

inline bool is_part_of_remap(const UserRequest& request) {
    return request.server != nullptr && request.server->only_by != 0;
}

}  // namespace targe::device
