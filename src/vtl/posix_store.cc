#include "vtl/posix_store.h"

#include "reactor/file_descriptor.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace targe::vtl {
namespace {

using reactor::FileDescriptor;

std::unexpected<Fault> failure(std::string_view doing, std::string_view name, int error = errno) {
    const bool full = error == ENOSPC || error == EDQUOT;
    return std::unexpected(Fault{.kind = full ? FaultKind::full : FaultKind::host,
                                 .what = fmt::format("{} {}: {}", doing, name, std::strerror(error))});
}

class PosixFile final : public StoreFile {
public:
    PosixFile(FileDescriptor file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
        std::size_t done = 0;
        while (done < out.size()) {
            const ssize_t got =
                ::pread(file_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
            if (got == 0) {
                break;
            }
            // A sector that the disk cannot read: what was written there is damaged.
            if (got < 0 && errno == EIO) {
                return damaged(
                    fmt::format("read {} at byte {}: {}", name_, offset + done, std::strerror(EIO)));
            }
            if (got < 0 && errno != EINTR) {
                return failure("read", name_);
            }
            done += got < 0 ? 0 : static_cast<std::size_t>(got);
        }
        return done;
    }

    Result<> write(std::uint64_t offset, std::span<const wire::Bytes> parts) override {
        std::array<iovec, 4> vectors{};
        std::size_t count = 0;
        for (const wire::Bytes part : parts) {
            if (!part.empty() && count < vectors.size()) {
                // The kernel only reads what is written, which its interface does not say.
                vectors.at(count++) = {.iov_base = const_cast<std::byte*>(part.data()),
                                       .iov_len = part.size()};
            }
        }
        std::size_t first = 0;
        while (first < count) {
            const ssize_t wrote = ::pwritev(file_.get(), vectors.data() + first,
                                            static_cast<int>(count - first), static_cast<off_t>(offset));
            if (wrote < 0 && errno != EINTR) {
                return failure("write", name_);
            }
            auto left = wrote < 0 ? 0 : static_cast<std::size_t>(wrote);
            offset += left;
            while (first < count && left >= vectors.at(first).iov_len) {
                left -= vectors.at(first++).iov_len;
            }
            if (left > 0) {
                vectors.at(first).iov_base = static_cast<char*>(vectors.at(first).iov_base) + left;
                vectors.at(first).iov_len -= left;
            }
        }
        return {};
    }

    Result<> truncate(std::uint64_t size) override {
        return ::ftruncate(file_.get(), static_cast<off_t>(size)) == 0 ? Result<>{}
                                                                       : failure("truncate", name_);
    }
    Result<> sync() override { return ::fdatasync(file_.get()) == 0 ? Result<>{} : failure("sync", name_); }
    Result<std::uint64_t> size() override {
        struct stat about{};
        if (::fstat(file_.get(), &about) != 0) {
            return failure("look at", name_);
        }
        return static_cast<std::uint64_t>(about.st_size);
    }

private:
    FileDescriptor file_;
    std::string name_;
};

class PosixFolder final : public Store {
public:
    PosixFolder(FileDescriptor folder, std::string path)
        : folder_(std::move(folder)), path_(std::move(path)) {}

    Result<std::vector<std::string>> list() override {
        DIR* const listing = ::opendir(path_.c_str());
        if (listing == nullptr) {
            return failure("list", path_);
        }
        std::vector<std::string> names;
        while (const dirent* const entry = ::readdir(listing)) {
            const std::string name(static_cast<const char*>(entry->d_name));
            if (name != "." && name != "..") {
                names.push_back(name);
            }
        }
        ::closedir(listing);
        return names;
    }

    Result<std::unique_ptr<StoreFile>> open(const std::string& name, bool create) override {
        FileDescriptor file(::openat(folder_.get(), name.c_str(),
                                     O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600));
        if (!file) {
            return failure("open", full_name(name));
        }
        return std::make_unique<PosixFile>(std::move(file), full_name(name));
    }

    Result<std::uint64_t> size(const std::string& name) override {
        struct stat about{};
        if (::fstatat(folder_.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
            return failure("look at", full_name(name));
        }
        return static_cast<std::uint64_t>(about.st_size);
    }

    Result<> remove(const std::string& name) override {
        return ::unlinkat(folder_.get(), name.c_str(), 0) == 0 || errno == ENOENT
                   ? Result<>{}
                   : failure("remove", full_name(name));
    }

    Result<> replace(const std::string& name, wire::Bytes content) override {
        const std::string fresh = name + ".new";
        if (const auto gone = remove(fresh); !gone) {
            return gone;
        }
        auto file = open(fresh, true);
        if (!file) {
            return std::unexpected(file.error());
        }
        auto written = (*file)->write(0, std::array{content});
        if (written) {
            written = (*file)->sync();
        }
        if (!written) {
            static_cast<void>(remove(fresh));  // it would take space that there is none of
            return written;
        }
        if (::renameat(folder_.get(), fresh.c_str(), folder_.get(), name.c_str()) != 0) {
            return failure("rename to", full_name(name));
        }
        return sync();
    }

    Result<std::optional<std::vector<std::byte>>> read_all(const std::string& name,
                                                           std::size_t limit_bytes) override {
        const FileDescriptor found(::openat(folder_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (!found) {
            if (errno == ENOENT) {
                return std::optional<std::vector<std::byte>>{};
            }
            return failure("open", full_name(name));
        }
        auto file = open(name, false);
        if (!file) {
            return std::unexpected(file.error());
        }
        const auto bytes = (*file)->size();
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        if (*bytes > limit_bytes) {
            return failure("read", full_name(name), EFBIG);
        }
        std::vector<std::byte> content(static_cast<std::size_t>(*bytes));
        const auto got = (*file)->read(0, content);
        if (!got) {
            return std::unexpected(got.error());
        }
        content.resize(*got);
        return std::optional(std::move(content));
    }

    Result<> sync() override { return ::fsync(folder_.get()) == 0 ? Result<>{} : failure("sync", path_); }

private:
    [[nodiscard]] std::string full_name(const std::string& name) const { return path_ + "/" + name; }

    FileDescriptor folder_;
    std::string path_;
};

Result<FileDescriptor> descriptor_of(const std::string& path, bool create) {
    if (create && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return failure("create the folder", path);
    }
    FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return folder ? Result<FileDescriptor>(std::move(folder)) : failure("open the folder", path);
}

}  // namespace

Result<std::unique_ptr<Store>> open_folder(const std::string& path, bool create) {
    auto folder = descriptor_of(path, create);
    if (!folder) {
        return std::unexpected(folder.error());
    }
    return std::make_unique<PosixFolder>(std::move(*folder), path);
}

Result<std::unique_ptr<Store>> take_folder(const std::string& path, bool create) {
    auto folder = descriptor_of(path, create);
    if (!folder) {
        return std::unexpected(folder.error());
    }
    if (::flock(folder->get(), LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? std::unexpected(Fault{.kind = FaultKind::in_use, .what = path + " is in use"})
                   : failure("lock", path);
    }
    return std::make_unique<PosixFolder>(std::move(*folder), path);
}

}  // namespace targe::vtl
