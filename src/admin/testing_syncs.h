// What a test has the system make durable, in order. In one file of a test program only: there it takes the
// place of the system's own calls.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace targe::admin::testing {

/// While it lives, of this thread. A name is the last part of a path.
class SeenSyncs {
public:
    SeenSyncs() { latest() = this; }
    ~SeenSyncs() { latest() = nullptr; }
    SeenSyncs(const SeenSyncs&) = delete;
    SeenSyncs& operator=(const SeenSyncs&) = delete;

    /// What has happened since this was asked last: "sync NAME", "rename to NAME".
    std::vector<std::string> take() { return std::exchange(seen_, {}); }

    static void note_sync(int fd) {
        std::error_code error;
        note("sync", std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error));
    }
    static void note(const char* what, const std::filesystem::path& path) {
        if (latest() != nullptr) {
            latest()->seen_.push_back(std::string(what) + " " + path.filename().string());
        }
    }

private:
    static SeenSyncs*& latest() {
        static thread_local SeenSyncs* seen = nullptr;
        return seen;
    }

    std::vector<std::string> seen_;
};

}  // namespace targe::admin::testing

extern "C" int fsync(int fd) {
    targe::admin::testing::SeenSyncs::note_sync(fd);
    return static_cast<int>(::syscall(SYS_fsync, fd));
}

extern "C" int fdatasync(int fd) {
    targe::admin::testing::SeenSyncs::note_sync(fd);
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

extern "C" int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
    targe::admin::testing::SeenSyncs::note("rename to", to);
    return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, 0));
}

extern "C" int rename(const char* from, const char* to) noexcept {
    return ::renameat(AT_FDCWD, from, AT_FDCWD, to);
}
