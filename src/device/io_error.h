// From errno to what the engine understands.
#pragma once

#include "device/device.h"

#include <cstdint>

namespace targe::device {

/// What was tried when the host said no.
enum class Attempt : std::uint8_t { read, write };

[[nodiscard]] IoError io_error_of(int error, Attempt attempt);

}  // namespace targe::device
