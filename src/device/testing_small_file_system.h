// A file system for tests, where the machine lets them mount one.
#pragma once

#include "device/testing_device.h"

#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace targe::device::testing {

/// A file system in memory that is soon full; unmounted when it ends.
class SmallFileSystem {
public:
    explicit SmallFileSystem(const char* size) {
        mounted_ = ::mount("none", directory_.path().c_str(), "tmpfs", 0, size) == 0;
        if (!mounted_) {
            why_not_ = std::string("cannot mount a small tmpfs: ") + std::strerror(errno);
        }
    }
    ~SmallFileSystem() {
        if (mounted_) {
            ::umount2(directory_.path().c_str(), MNT_DETACH);
        }
    }
    SmallFileSystem(const SmallFileSystem&) = delete;
    SmallFileSystem& operator=(const SmallFileSystem&) = delete;

    [[nodiscard]] explicit operator bool() const { return mounted_; }
    [[nodiscard]] const std::string& why_not() const { return why_not_; }
    [[nodiscard]] std::string operator/(const std::string& name) const { return directory_ / name; }

private:
    ScratchDirectory directory_;
    bool mounted_ = false;
    std::string why_not_;
};

}  // namespace targe::device::testing
