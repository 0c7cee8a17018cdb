// An XFS for tests, where the machine lets them make and mount one.
#pragma once

#include "device/testing_device.h"

#include <sys/mount.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace targe::device::testing {

/// Made in a new file, as small as mkfs.xfs makes them, whose files can share space.
[[nodiscard]] inline bool make_xfs(const std::string& image) {
    constexpr std::uintmax_t kSize = std::uintmax_t{320} << 20U;
    std::ofstream(image).close();
    std::filesystem::resize_file(image, kSize);
    return std::system(("mkfs.xfs -q -m reflink=1 " + image + " > /dev/null 2>&1").c_str()) == 0;
}

/// Mounted until this ends.
class Xfs {
public:
    Xfs() {
        const std::string image = images_ / "xfs.img";
        mounted_ = make_xfs(image) && mount(image);
    }
    /// That was made there before.
    explicit Xfs(const std::string& image) : mounted_(mount(image)) {}
    ~Xfs() {
        if (mounted_) {
            ::umount2(mount_point_.path().c_str(), MNT_DETACH);
        }
    }
    Xfs(const Xfs&) = delete;
    Xfs& operator=(const Xfs&) = delete;

    [[nodiscard]] explicit operator bool() const { return mounted_; }
    [[nodiscard]] std::string operator/(const std::string& name) const { return mount_point_ / name; }

private:
    [[nodiscard]] bool mount(const std::string& image) const {
        const std::string command =
            "mount -o loop " + image + " " + mount_point_.path() + " > /dev/null 2>&1";
        return std::system(command.c_str()) == 0;
    }

    ScratchDirectory images_;
    ScratchDirectory mount_point_;
    bool mounted_ = false;
};

}  // namespace targe::device::testing
