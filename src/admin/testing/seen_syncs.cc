#include "admin/testing/seen_syncs.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <system_error>

namespace targe::admin::testing {
namespace {

thread_local SeenSyncs* latest = nullptr;

void note_sync(int fd) {
    if (latest != nullptr) {
        std::error_code error;
        latest->note("sync", std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error));
    }
}

}  // namespace

SeenSyncs::SeenSyncs() {
    latest = this;
}

SeenSyncs::~SeenSyncs() {
    latest = nullptr;
}

}  // namespace targe::admin::testing

using targe::admin::testing::latest;
using targe::admin::testing::note_sync;

// In the place of the system's.
extern "C" int fsync(int fd) {
    note_sync(fd);
    return static_cast<int>(::syscall(SYS_fsync, fd));
}

extern "C" int fdatasync(int fd) {
    note_sync(fd);
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

extern "C" int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
    if (latest != nullptr) {
        latest->note("rename to", to);
    }
    return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, 0));
}

extern "C" int rename(const char* from, const char* to) noexcept {
    return ::renameat(AT_FDCWD, from, AT_FDCWD, to);
}
