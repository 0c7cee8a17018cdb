// Calls that receive and send on a socket that does not block.
#pragma once

#include "base/buffer.h"
#include "base/pages.h"

#include <sys/types.h>

namespace targe::transport {

// What was moved, or -1 with errno, which is EAGAIN where nothing can be now. One segment is what mostly
// comes and goes, and the plain calls spare the kernel copying in a header and a list: a quarter of what a
// look at an empty socket costs.
[[nodiscard]] ssize_t receive_some(int fd, base::Segments space);
/// The segments, and then what is in the pipe, `piped.size` bytes of it. One of both may be empty.
[[nodiscard]] ssize_t send_some(int fd, base::ConstSegments segments, const base::Piped& piped);

}  // namespace targe::transport
