// The few things that are done to files which must survive a crash. A seam: tests cut it off at any step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace targe::admin {

/// An errno and what it was about.
struct FileError {
    int error = 0;
    std::string what;  ///< "open /var/lib/targe/identities: Permission denied"
};

template <class T = void>
using FileResult = std::expected<T, FileError>;

/// A lock on a file, held until this ends.
class FileLock {
public:
    FileLock() = default;
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;
    virtual ~FileLock() = default;

    /// Whether the directory that the file was in has its name still: not when it was removed, or when
    /// something was mounted over it.
    [[nodiscard]] virtual bool is_in_place() const { return true; }
};

class FileOperations {
public:
    FileOperations() = default;
    FileOperations(const FileOperations&) = delete;
    FileOperations& operator=(const FileOperations&) = delete;
    virtual ~FileOperations() = default;

    /// Whether it made one, of this mode: not when something has the name.
    virtual FileResult<bool> make_directory(const std::string& path, std::uint32_t mode) = 0;
    /// The whole file, or nothing when there is none. EFBIG when it is larger than `limit_bytes`.
    virtual FileResult<std::optional<std::string>> read(const std::string& path, std::size_t limit_bytes) = 0;
    /// A new empty file of mode 0600 in place of whatever had the name.
    virtual FileResult<> create(const std::string& path) = 0;
    virtual FileResult<> append(const std::string& path, std::string_view bytes) = 0;
    virtual FileResult<> sync(const std::string& path) = 0;
    virtual FileResult<> rename(const std::string& from, const std::string& to) = 0;
    virtual FileResult<> sync_directory(const std::string& path) = 0;
    /// EWOULDBLOCK when another process holds it; the file then still holds what that process noted in it.
    virtual FileResult<std::unique_ptr<FileLock>> lock(const std::string& path, std::string_view note) = 0;
    virtual FileResult<> random(std::span<std::byte> out) = 0;
};

/// The real ones. Lives for ever.
[[nodiscard]] FileOperations& posix_files();

}  // namespace targe::admin
