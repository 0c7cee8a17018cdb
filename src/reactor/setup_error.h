// Why a reactor could not be made, in words that an administrator can act on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace targe::reactor {

/// What the host says of itself when io_uring_setup() fails; read from it, or made up by a test.
struct HostFacts {
    std::optional<int> io_uring_disabled = {};  ///< /proc/sys/kernel/io_uring_disabled; nothing: no such file
    std::optional<std::uint64_t> memlock_bytes = {};  ///< RLIMIT_MEMLOCK; nothing: no limit
    std::string kernel_release = {};                  ///< as uname -r prints it
    bool seccomp_filter = false;                      ///< a seccomp filter is on this process
};

struct SetupError {
    int error;         ///< errno
    std::string text;  ///< the cause and the cure, in sentences
};

[[nodiscard]] HostFacts host_facts();
/// Explains the errno of io_uring_setup().
[[nodiscard]] SetupError explain_ring_failure(int error, const HostFacts& facts);
/// Explains the errno of pthread_create().
[[nodiscard]] SetupError explain_thread_failure(int error);

}  // namespace targe::reactor
