// For tests: a file system of a program's own (FUSE), which learns who closes its file.
#pragma once

#include "reactor/file_descriptor.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

namespace targe::device::testing {

/// Mounted on a folder; every name in it is a file.
class OwnFiles {
public:
    explicit OwnFiles(std::string folder) : folder_(std::move(folder)) {
        const std::string options = "rootmode=40000,user_id=0,group_id=0,fd=" + std::to_string(kernel_.get());
        mounted_ =
            kernel_ && ::mount("test", folder_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0;
        if (mounted_) {
            server_ = std::thread([this] { serve(); });
        }
    }
    OwnFiles(const OwnFiles&) = delete;
    OwnFiles& operator=(const OwnFiles&) = delete;
    ~OwnFiles() {
        if (mounted_) {
            ::umount2(folder_.c_str(), MNT_FORCE);
            ::umount2(folder_.c_str(), MNT_DETACH);
            server_.join();
        }
    }
    [[nodiscard]] bool mounted() const { return mounted_; }
    [[nodiscard]] reactor::FileDescriptor open() const {
        return reactor::FileDescriptor{::open((folder_ + "/file").c_str(), O_RDWR | O_CLOEXEC)};
    }
    /// How often a thread of this process waited for it to be closed, but for this one.
    [[nodiscard]] unsigned closed_by_others_here() const { return closed_by_others_here_; }

private:
    void serve() {
        std::array<std::byte, 65536> bytes{};
        fuse_in_header asked{};
        for (;;) {
            const ssize_t got = ::read(kernel_.get(), bytes.data(), bytes.size());
            if (got < ssize_t{sizeof asked}) {
                if (got < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) {
                    continue;
                }
                return;
            }
            std::memcpy(&asked, bytes.data(), sizeof asked);
            answer(asked);
        }
    }
    void answer(const fuse_in_header& asked) {
        fuse_attr about{};
        about.ino = asked.nodeid;
        about.mode = asked.nodeid == FUSE_ROOT_ID ? S_IFDIR | 0755U : S_IFREG | 0666U;
        about.nlink = 1;
        switch (asked.opcode) {
            case FUSE_INIT: {
                fuse_init_out made{};
                made.major = FUSE_KERNEL_VERSION;
                made.minor = 31;
                made.max_write = 4096;
                return reply(asked, made);
            }
            case FUSE_GETATTR: {
                fuse_attr_out made{};
                made.attr = about;
                return reply(asked, made);
            }
            case FUSE_LOOKUP: {
                fuse_entry_out made{};
                made.nodeid = made.attr.ino = FUSE_ROOT_ID + 1;
                made.attr.mode = S_IFREG | 0666U;
                made.attr.nlink = 1;
                return reply(asked, made);
            }
            case FUSE_OPEN:
                return reply(asked, fuse_open_out{});
            case FUSE_FLUSH: {
                const std::string thread = "/proc/self/task/" + std::to_string(asked.pid);
                const bool ours = static_cast<pid_t>(asked.pid) == maker_;
                closed_by_others_here_ += !ours && ::access(thread.c_str(), F_OK) == 0 ? 1 : 0;
                return reply(asked, 0, nullptr, 0);
            }
            case FUSE_FORGET:
            case FUSE_BATCH_FORGET:
            case FUSE_INTERRUPT:
                return;
            case FUSE_RELEASE:
                return reply(asked, 0, nullptr, 0);
            default:
                return reply(asked, -ENOSYS, nullptr, 0);
        }
    }
    template <class Answer>
    void reply(const fuse_in_header& asked, const Answer& made) {
        reply(asked, 0, &made, sizeof made);
    }
    void reply(const fuse_in_header& asked, int error, const void* made, std::size_t size) {
        std::array<std::byte, 512> bytes{};
        fuse_out_header head{};
        head.len = static_cast<std::uint32_t>(sizeof head + size);
        head.error = error;
        head.unique = asked.unique;
        std::memcpy(bytes.data(), &head, sizeof head);
        if (size > 0) {
            std::memcpy(bytes.data() + sizeof head, made, size);
        }
        if (::write(kernel_.get(), bytes.data(), head.len) < 0) {
            return;  // who asked waits no more
        }
    }

    std::string folder_;
    pid_t maker_ = ::gettid();
    reactor::FileDescriptor kernel_{::open("/dev/fuse", O_RDWR | O_CLOEXEC)};
    bool mounted_ = false;
    std::atomic<unsigned> closed_by_others_here_ = 0;
    std::thread server_;
};

}  // namespace targe::device::testing
