// What must outlive the process: one small file a subject, replaced as a whole. After a crash at any instant
// a file is what it was before or what it was to become.
#pragma once

#include "admin/config.h"
#include "admin/file_operations.h"
#include "admin/identity.h"
#include "admin/problem.h"

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace targe::admin {

class StateDirectory {
public:
    /// Makes the directory if need be and locks it, as long as this lives, against another daemon.
    static std::expected<StateDirectory, Problem> open(const std::string& path,
                                                       FileOperations& files = posix_files());

    /// What store() kept under the name last; nothing when it never did. Never the half of something: a file
    /// that was damaged is a problem.
    [[nodiscard]] std::expected<std::optional<std::string>, Problem> load(std::string_view name) const;
    /// Durable when it returns well. `name` is a plain file name.
    std::expected<void, Problem> store(std::string_view name, std::string_view content);

    /// The identity of each device, in order: what the configuration says, else what was made before, else
    /// made now and stored before it is returned. Identities of devices that are no longer configured are
    /// kept.
    std::expected<std::vector<Identity>, Problem> identities(std::span<const DeviceConfig> devices);

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    StateDirectory(std::string path, FileOperations& files, std::unique_ptr<FileLock> lock)
        : path_(std::move(path)), files_(&files), lock_(std::move(lock)) {}
    [[nodiscard]] std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

    std::string path_;
    FileOperations* files_;
    std::unique_ptr<FileLock> lock_;
};

}  // namespace targe::admin
