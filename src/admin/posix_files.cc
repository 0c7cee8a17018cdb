#include "admin/file_operations.h"
#include "reactor/file_descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace targe::admin {
namespace {

using reactor::FileDescriptor;

std::unexpected<FileError> failure(std::string_view doing, const std::string& path, int error = errno) {
    return std::unexpected(
        FileError{.error = error, .what = fmt::format("{} {}: {}", doing, path, std::strerror(error))});
}

class HeldLock final : public FileLock {
public:
    HeldLock(FileDescriptor file, const std::string& path)
        : file_(std::move(file)),
          place_(path.substr(0, path.rfind('/') + 1) + "."),
          directory_(::open(place_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

    [[nodiscard]] bool is_in_place() const override {
        struct stat held{};
        struct stat named{};
        return ::fstat(directory_.get(), &held) != 0 ||
               (::stat(place_.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
                held.st_ino == named.st_ino);
    }

private:
    FileDescriptor file_;
    std::string place_;
    FileDescriptor directory_;  ///< open, so that no other one can have its number
};

FileResult<> write_all(int fd, const std::string& path, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) {
            return failure("write", path);
        }
        bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return {};
}

class PosixFiles final : public FileOperations {
public:
    FileResult<bool> make_directory(const std::string& path, std::uint32_t mode) override {
        const bool made = ::mkdir(path.c_str(), mode) == 0;
        if (!made && errno != EEXIST) {
            return failure("create the directory", path);
        }
        return made;
    }

    FileResult<std::optional<std::string>> read(const std::string& path, std::size_t limit_bytes) override {
        const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!file) {
            if (errno == ENOENT) {
                return std::optional<std::string>{};
            }
            return failure("open", path);
        }
        std::string text;
        std::array<char, 65'536> piece{};
        for (;;) {
            const ssize_t got = ::read(file.get(), piece.data(), piece.size());
            if (got == 0) {
                return std::optional(std::move(text));
            }
            if (got < 0 && errno != EINTR) {
                return failure("read", path);
            }
            text.append(piece.data(), got < 0 ? 0 : static_cast<std::size_t>(got));
            if (text.size() > limit_bytes) {
                return failure("read", path, EFBIG);
            }
        }
    }

    FileResult<> create(const std::string& path) override {
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
            return failure("remove", path);
        }
        const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        return file ? FileResult<>{} : failure("create", path);
    }

    FileResult<> append(const std::string& path, std::string_view bytes) override {
        const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
        return file ? write_all(file.get(), path, bytes) : failure("open", path);
    }

    FileResult<> sync(const std::string& path) override { return sync_opened(path, O_RDONLY); }
    FileResult<> sync_directory(const std::string& path) override {
        return sync_opened(path, O_RDONLY | O_DIRECTORY);
    }

    FileResult<> rename(const std::string& from, const std::string& to) override {
        return ::rename(from.c_str(), to.c_str()) == 0 ? FileResult<>{} : failure("rename to", to);
    }

    FileResult<std::unique_ptr<FileLock>> lock(const std::string& path, std::string_view note) override {
        FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (!file) {
            return failure("open", path);
        }
        if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
            return failure("lock", path);
        }
        // The note is for people, so it is no harm if it is lost in a crash.
        if (::ftruncate(file.get(), 0) != 0) {
            return failure("truncate", path);
        }
        if (auto written = write_all(file.get(), path, note); !written) {
            return std::unexpected(written.error());
        }
        return std::make_unique<HeldLock>(std::move(file), path);
    }

    FileResult<> random(std::span<std::byte> out) override {
        while (!out.empty()) {
            const ssize_t got = ::getrandom(out.data(), out.size(), 0);
            if (got < 0 && errno != EINTR) {
                return failure("take random bytes from", "the kernel");
            }
            out = out.subspan(got < 0 ? 0 : static_cast<std::size_t>(got));
        }
        return {};
    }

private:
    /// fsync() is of the file, not of the descriptor that wrote it.
    static FileResult<> sync_opened(const std::string& path, int flags) {
        const FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC));
        if (!file || ::fsync(file.get()) != 0) {
            return failure("sync", path);
        }
        return {};
    }
};

}  // namespace

FileOperations& posix_files() {
    static PosixFiles files;
    return files;
}

}  // namespace targe::admin
