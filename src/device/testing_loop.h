// A loop device for tests, where the machine lets them make one.
#pragma once

#include "reactor/file_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

namespace targe::device::testing {

/// A loop device over a file, detached when it ends.
class LoopDevice {
public:
    LoopDevice(const std::string& file, std::uint32_t block_size) {
        // Another test may take the number between the question and the answer.
        for (int attempt = 0; attempt < 20 && !fd_; ++attempt) {
            try_once(file, block_size);
        }
    }
    ~LoopDevice() {
        if (fd_) {
            ::ioctl(fd_.get(), LOOP_CLR_FD);
        }
    }
    LoopDevice(const LoopDevice&) = delete;
    LoopDevice& operator=(const LoopDevice&) = delete;

    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(fd_); }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const std::string& why_not() const { return why_not_; }
    /// Whether what its file has lost at `offset` reads as zeroes, as it does on Linux 6.1, and not as
    /// errors.
    [[nodiscard]] bool hides_losses(std::uint64_t offset) const {
        constexpr std::size_t kPage = 4096;
        alignas(kPage) std::array<std::byte, kPage> memory{};
        const reactor::FileDescriptor direct{::open(path_.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC)};
        return ::pread(direct.get(), memory.data(), memory.size(), static_cast<off_t>(offset)) > 0;
    }
    void take_size_of_file() const { EXPECT_EQ(::ioctl(fd_.get(), LOOP_SET_CAPACITY), 0); }

private:
    void try_once(const std::string& file, std::uint32_t block_size) {
        const reactor::FileDescriptor control{::open("/dev/loop-control", O_RDWR | O_CLOEXEC)};
        const int number = control ? ::ioctl(control.get(), LOOP_CTL_GET_FREE) : -1;
        if (number < 0) {
            why_not_ = std::string("no free loop device: ") + std::strerror(errno);
            return;
        }
        path_ = "/dev/loop" + std::to_string(number);
        reactor::FileDescriptor loop{::open(path_.c_str(), O_RDWR | O_CLOEXEC)};
        const reactor::FileDescriptor backing{::open(file.c_str(), O_RDWR | O_CLOEXEC)};
        loop_config config{};
        config.fd = static_cast<__u32>(backing.get());
        config.block_size = block_size;
        if (!loop || ::ioctl(loop.get(), LOOP_CONFIGURE, &config) != 0) {
            why_not_ = "cannot set up " + path_ + ": " + std::strerror(errno);
            return;
        }
        fd_ = std::move(loop);
    }

    std::string path_;
    std::string why_not_;
    reactor::FileDescriptor fd_;
};

}  // namespace targe::device::testing
