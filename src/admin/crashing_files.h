// Files in memory that can lose power at any step, for tests. The fault model: whatever was not synced may be
// there, in part, or not; a rename that was not synced may have happened or not; what was synced is there. A
// directory may be gone, with all that is in it, unless the one above it was synced since it was made.
// After the cut every operation fails until restart().
#pragma once

#include "admin/file_operations.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace targe::admin {

class CrashingFiles final : public FileOperations {
public:
    explicit CrashingFiles(std::uint64_t seed) : random_(seed) {}

    /// Power goes in the middle of the `steps`-th operation from now, counted from 0.
    void cut_after(std::size_t steps) { left_ = steps; }
    [[nodiscard]] bool is_cut() const { return cut_; }
    /// Fails the `steps`-th operation with `error`, and goes on.
    void fail_after(std::size_t steps, int error) {
        left_ = steps;
        error_ = error;
    }
    /// What a disk holds after the power came back, drawn from all that is possible.
    void restart() {
        for (auto& [name, file] : files_) {
            if (!file.synced) {
                file.text.resize(random_() % (file.text.size() + 1));
            }
        }
        if (unsynced_rename_ && random_() % 2 == 0) {
            auto& [to, old] = *unsynced_rename_;
            if (old) {
                files_[to] = *old;
            } else {
                files_.erase(to);
            }
        }
        unsynced_rename_.reset();
        for (const auto& [name, synced] : std::exchange(directories_, {})) {
            if (!synced && random_() % 2 == 0) {
                std::erase_if(files_, [&](const auto& file) { return is_below(file.first, name); });
            } else {
                directories_.emplace(name, synced);
            }
        }
        locked_.clear();
        cut_ = false;
        left_.reset();
    }
    std::map<std::string, std::string> contents() const {
        std::map<std::string, std::string> all;
        for (const auto& [name, file] : files_) {
            all.emplace(name, file.text);
        }
        return all;
    }
    void put(const std::string& path, std::string text) {
        files_[path] = {.text = std::move(text), .synced = true};
    }

    FileResult<bool> make_directory(const std::string& path, std::uint32_t) override {
        bool made = false;
        const auto done =
            step("create the directory", [&] { made = directories_.emplace(path, false).second; });
        return done ? FileResult<bool>{made} : std::unexpected(done.error());
    }
    FileResult<std::optional<std::string>> read(const std::string& path, std::size_t) override {
        if (cut_) {
            return std::unexpected(power_is_off());
        }
        const auto found = files_.find(path);
        return found == files_.end() ? std::optional<std::string>{} : std::optional(found->second.text);
    }
    FileResult<> create(const std::string& path) override {
        return step("create", [&] { files_[path] = {}; });
    }
    FileResult<> append(const std::string& path, std::string_view bytes) override {
        return step("write", [&] {
            files_[path].text += bytes;
            files_[path].synced = false;
        });
    }
    FileResult<> sync(const std::string& path) override {
        return step("sync", [&] { files_[path].synced = true; });
    }
    FileResult<> rename(const std::string& from, const std::string& to) override {
        return step("rename", [&] {
            const auto old = files_.find(to);
            unsynced_rename_ = {to, old == files_.end() ? std::optional<File>{} : std::optional(old->second)};
            files_[to] = files_[from];
            files_.erase(from);
        });
    }
    FileResult<> sync_directory(const std::string& path) override {
        return step("sync", [&] {
            unsynced_rename_.reset();
            for (auto& [name, synced] : directories_) {
                synced = synced || name.substr(0, std::max<std::size_t>(name.rfind('/'), 1)) == path;
            }
        });
    }
    FileResult<std::unique_ptr<FileLock>> lock(const std::string& path, std::string_view note) override {
        if (const auto done = step("lock"); !done) {
            return std::unexpected(done.error());
        }
        if (locked_.contains(path)) {
            return std::unexpected(FileError{.error = EWOULDBLOCK, .what = "lock " + path});
        }
        locked_.insert(path);
        files_[path] = {.text = std::string(note), .synced = false};
        return std::make_unique<Lock>(*this, path);
    }
    FileResult<> random(std::span<std::byte> out) override {
        for (std::byte& byte : out) {
            byte = static_cast<std::byte>(random_());
        }
        return {};
    }

private:
    struct File {
        std::string text;
        bool synced = false;
    };
    struct Lock final : FileLock {
        Lock(CrashingFiles& files, std::string path) : files_(files), path_(std::move(path)) {}
        ~Lock() override { files_.locked_.erase(path_); }
        CrashingFiles& files_;
        std::string path_;
    };

    static bool is_below(std::string_view path, std::string_view directory) {
        return path.starts_with(directory) && path.substr(directory.size()).starts_with('/');
    }
    static FileError power_is_off() { return {.error = EIO, .what = "the power is off"}; }
    /// The operation in which the power goes takes effect or not: both are possible.
    FileResult<> step(std::string_view what, const std::function<void()>& effect = [] {}) {
        if (cut_) {
            return std::unexpected(power_is_off());
        }
        if (left_ && (*left_)-- == 0) {
            left_.reset();
            if (error_ != 0) {
                return std::unexpected(
                    FileError{.error = std::exchange(error_, 0), .what = std::string(what)});
            }
            if (random_() % 2 == 0) {
                effect();
            }
            cut_ = true;
            return std::unexpected(power_is_off());
        }
        effect();
        return {};
    }

    std::mt19937_64 random_;
    std::map<std::string, File> files_;
    std::map<std::string, bool> directories_;  ///< those that were made, and whether they are synced
    std::optional<std::pair<std::string, std::optional<File>>> unsynced_rename_;
    std::set<std::string> locked_;
    std::optional<std::size_t> left_;
    int error_ = 0;
    bool cut_ = false;
};

}  // namespace targe::admin
