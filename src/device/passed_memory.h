// Whether memory comes with a message, found out without taking what may be something else.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace targe::device {

/// Who is passed a descriptor has to close it some day, and closing a file of somebody's own file system
/// (FUSE) waits for that somebody, with no end, though the process be killed. So what comes is first taken
/// by a process that has nothing else, whose end nobody waits for; it looks, and ends. ADR 0044.
class PassedMemory {
public:
    /// Processes that have not ended: as many have been passed what cannot be closed.
    static constexpr std::size_t kMostLookers = 8;

    PassedMemory() = default;
    PassedMemory(const PassedMemory&) = delete;
    PassedMemory& operator=(const PassedMemory&) = delete;
    ~PassedMemory() { bury(); }

    /// Whether the next message on this Unix socket, which stays there, has a memfd that cannot shrink as
    /// the first of its descriptors. False also when that cannot be found out.
    [[nodiscard]] bool comes_next_on(int connection);

private:
    void bury();

    std::vector<pid_t> lookers_;
};

}  // namespace targe::device
