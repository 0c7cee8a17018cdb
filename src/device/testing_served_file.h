// A file system for tests whose server is the test, where the machine lets them mount one: it does what
// servers of files over a network do.
#pragma once

#include "device/testing_device.h"
#include "reactor/file_descriptor.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace targe::device::testing {

/// A directory with one file, served until this ends.
class ServedFile {
public:
    explicit ServedFile(Bytes content) : content_(std::move(content)) {
        const std::string options =
            "fd=" + std::to_string(fuse_.get()) + ",rootmode=40000,user_id=0,group_id=0";
        mounted_ = fuse_ && stop_ &&
                   ::mount("targe-test", directory_.path().c_str(), "fuse", MS_NOSUID | MS_NODEV,
                           options.c_str()) == 0;
        if (!mounted_) {
            why_not_ = std::string("cannot serve a file system: ") + std::strerror(errno);
            return;
        }
        thread_ = std::thread([this] { serve(); });
    }
    ~ServedFile() {
        if (mounted_) {
            ::umount2(directory_.path().c_str(), MNT_DETACH);
            static_cast<void>(::eventfd_write(stop_.get(), 1));
            thread_.join();
        }
    }
    ServedFile(const ServedFile&) = delete;
    ServedFile& operator=(const ServedFile&) = delete;

    [[nodiscard]] explicit operator bool() const { return mounted_; }
    [[nodiscard]] const std::string& why_not() const { return why_not_; }
    [[nodiscard]] std::string path() const { return directory_ / kName; }

    /// Another file has the name now, and whoever has the old one open is told ESTALE.
    void replace(Bytes content) {
        const std::scoped_lock lock{mutex_};
        content_ = std::move(content);
        ++node_;
    }
    /// Whoever asks for that (FUSE_READ, …) is not answered until go_on().
    void hang(std::uint32_t operation) {
        const std::scoped_lock lock{mutex_};
        hangs_ = operation;
    }
    void go_on() {
        const std::scoped_lock lock{mutex_};
        hangs_ = std::nullopt;
        for (const Bytes& request : std::exchange(waiting_, {})) {
            carry_out(request);
        }
    }
    /// How many do.
    [[nodiscard]] std::size_t waiting() {
        const std::scoped_lock lock{mutex_};
        return waiting_.size();
    }

    /// How often a thread of this process, but for the one that made this, waited for its file to be closed.
    [[nodiscard]] unsigned closed_by_others_here() {
        const std::scoped_lock lock{mutex_};
        return closed_by_others_here_;
    }

private:
    static constexpr const char* kName = "disk.img";
    static constexpr std::size_t kMostWritten = 128 * 1024;

    template <class Struct>
    [[nodiscard]] static Struct taken(std::span<const std::byte> from) {
        Struct made{};
        std::memcpy(&made, from.data(), std::min(sizeof(made), from.size()));
        return made;
    }
    template <class Struct>
    [[nodiscard]] static std::span<const std::byte> bytes_of(const Struct& of) {
        return std::as_bytes(std::span(&of, 1));
    }

    void serve() {
        Bytes request(kMostWritten + 4096);
        for (;;) {
            std::array<pollfd, 2> entries{{{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                                           {.fd = fuse_.get(), .events = POLLIN, .revents = 0}}};
            ::poll(entries.data(), entries.size(), -1);
            if (entries[0].revents != 0) {
                fuse_ = reactor::FileDescriptor{};  // whoever still waits is told ENOTCONN
                return;
            }
            const ssize_t n = ::read(fuse_.get(), request.data(), request.size());
            if (n < static_cast<ssize_t>(sizeof(fuse_in_header))) {
                if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) {
                    continue;
                }
                return;
            }
            const std::scoped_lock lock{mutex_};
            carry_out(std::span(std::as_const(request)).first(static_cast<std::size_t>(n)));
        }
    }

    void answer(std::uint64_t request, int error, std::span<const std::byte> body) {
        fuse_out_header header{.len = static_cast<std::uint32_t>(sizeof(header) + body.size()),
                               .error = error,
                               .unique = request};
        const std::array<iovec, 2> pieces{
            {{.iov_base = &header, .iov_len = sizeof(header)},
             {.iov_base = const_cast<std::byte*>(body.data()), .iov_len = body.size()}}};
        static_cast<void>(::writev(fuse_.get(), pieces.data(), body.empty() ? 1 : 2));
    }

    [[nodiscard]] fuse_attr attributes(std::uint64_t node) const {
        fuse_attr about{};
        about.ino = node;
        about.nlink = 1;
        about.blksize = 4096;
        about.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755U : S_IFREG | 0600U;
        about.size = node == FUSE_ROOT_ID ? 0 : content_.size();
        about.blocks = about.size / 512;
        return about;
    }

    void carry_out(std::span<const std::byte> request) {
        const auto header = taken<fuse_in_header>(request);
        const std::span<const std::byte> body = request.subspan(sizeof(header));
        const bool is_told_nothing = header.opcode == FUSE_FORGET || header.opcode == FUSE_BATCH_FORGET ||
                                     header.opcode == FUSE_INTERRUPT;
        if (is_told_nothing) {
            return;
        }
        if (hangs_ == header.opcode) {
            waiting_.emplace_back(request.begin(), request.end());
            return;
        }
        if (header.nodeid > FUSE_ROOT_ID && header.nodeid != node_ && header.opcode != FUSE_RELEASE) {
            answer(header.unique, -ESTALE, {});
            return;
        }
        switch (header.opcode) {
            case FUSE_INIT: {
                fuse_init_out out{};
                out.major = FUSE_KERNEL_VERSION;
                out.minor = 31;
                out.max_write = kMostWritten;
                answer(header.unique, 0, bytes_of(out));
                return;
            }
            case FUSE_LOOKUP:
                look_up(header, body);
                return;
            case FUSE_GETATTR: {
                fuse_attr_out out{};
                out.attr = attributes(header.nodeid);
                answer(header.unique, 0, bytes_of(out));
                return;
            }
            case FUSE_OPEN:
            case FUSE_OPENDIR:
                answer(header.unique, 0, bytes_of(fuse_open_out{}));
                return;
            case FUSE_READ:
                read(header, taken<fuse_read_in>(body));
                return;
            case FUSE_WRITE:
                write(header, taken<fuse_write_in>(body), body.subspan(sizeof(fuse_write_in)));
                return;
            case FUSE_FLUSH:
                note_who_closes(static_cast<pid_t>(header.pid));
                answer(header.unique, 0, {});
                return;
            default:
                break;
        }
        answer(header.unique, -ENOSYS, {});
    }
    void note_who_closes(pid_t thread) {
        const std::string here = "/proc/self/task/" + std::to_string(thread);
        closed_by_others_here_ += thread != maker_ && ::access(here.c_str(), F_OK) == 0 ? 1 : 0;
    }
    void look_up(const fuse_in_header& header, std::span<const std::byte> body) {
        const std::string name(reinterpret_cast<const char*>(body.data()), body.size() - 1);
        if (name != kName) {
            answer(header.unique, -ENOENT, {});
            return;
        }
        fuse_entry_out out{};
        out.nodeid = node_;
        out.attr = attributes(node_);
        answer(header.unique, 0, bytes_of(out));
    }
    void read(const fuse_in_header& header, const fuse_read_in& wanted) {
        const std::size_t from = std::min<std::size_t>(wanted.offset, content_.size());
        const std::size_t size = std::min<std::size_t>(wanted.size, content_.size() - from);
        answer(header.unique, 0, std::span(std::as_const(content_)).subspan(from, size));
    }
    void write(const fuse_in_header& header, const fuse_write_in& wanted, std::span<const std::byte> data) {
        content_.resize(std::max<std::size_t>(content_.size(), wanted.offset + data.size()));
        std::ranges::copy(data, content_.begin() + static_cast<std::ptrdiff_t>(wanted.offset));
        answer(header.unique, 0,
               bytes_of(fuse_write_out{.size = static_cast<std::uint32_t>(data.size()), .padding = 0}));
    }

    ScratchDirectory directory_;
    reactor::FileDescriptor fuse_{::open("/dev/fuse", O_RDWR | O_CLOEXEC)};
    reactor::FileDescriptor stop_{::eventfd(0, EFD_CLOEXEC)};
    bool mounted_ = false;
    std::string why_not_;
    std::mutex mutex_;  // of what follows, and of answers
    Bytes content_;
    std::uint64_t node_ = FUSE_ROOT_ID + 1;
    std::optional<std::uint32_t> hangs_;
    std::vector<Bytes> waiting_;
    unsigned closed_by_others_here_ = 0;
    const pid_t maker_ = ::gettid();
    std::thread thread_;
};

}  // namespace targe::device::testing
