#include "admin/state_directory.h"

#include "admin/state_file.h"
#include "base/open_files.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace targe::admin {
namespace {

constexpr std::size_t kLargestFile = std::size_t{64} << 20U;
constexpr std::string_view kLockFile = "lock";
constexpr std::string_view kIdentities = "identities";

using nlohmann::json;

std::string cure_of(int error, const std::string& directory) {
    switch (error) {
        case EACCES:
        case EPERM:
            return fmt::format(
                "give the daemon's user the directory ({}), or name another as state_dir in [daemon]",
                directory);
        case EMFILE:
        case ENFILE:
            return std::string(base::allow_more_open_files(error));
        case ENOTDIR:
            return fmt::format("something that is no directory has that name: ls -ld {}", directory);
        case EROFS:
            return "name a directory on a writable file system as state_dir in [daemon]";
        case ENOSPC:
        case EDQUOT:
            return fmt::format("make room: df -h {0}; df -i {0}", directory);
        default:
            return fmt::format("ls -ld {}", directory);
    }
}

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// Makes the directory, of mode 0700, and those above it. Whatever is durable in it is so only where its name
/// is, too. That of one which was there is made durable as well, where that can be done: whoever made it,
/// such as systemd or a daemon that was killed, may not have.
FileResult<> make_directories(std::string path, FileOperations& files) {
    while (path.size() > 1 && path.ends_with('/')) {
        path.pop_back();
    }
    for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
        const bool last = at == std::string::npos;
        const std::string part = path.substr(0, at);
        const auto made = files.make_directory(part, last ? 0700 : 0755);
        if (!made) {
            return std::unexpected(made.error());
        }
        if (*made || last) {
            const auto synced = files.sync_directory(parent_of(part));
            if (!synced && *made) {
                return synced;
            }
        }
        if (last) {
            return {};
        }
    }
}

Problem replaced(const std::string& path) {
    return {.what = fmt::format("the state directory {} is not the one that targed has begun with", path),
            .cause =
                "that was removed, or something was mounted over it: what is kept now would be apart from "
                "what was kept before, and devices might be called otherwise after a restart",
            .cure = fmt::format("findmnt -T {}; put back what was there. To go on with what is there now, "
                                "restart targed; targe device list --json says what devices are called",
                                path)};
}

Problem in_use(const std::string& path, FileOperations& files) {
    const auto note = files.read(path + "/" + std::string(kLockFile), 64);
    const std::string pid =
        note && *note && !(*note)->empty() ? (*note)->substr(0, (*note)->find('\n')) : "?";
    return {.what = fmt::format("the state directory {} is in use by process {}", path, pid),
            .cause = "another targed runs with the same state_dir; two would corrupt each other's state",
            .cure = fmt::format("stop it, or give this one a state_dir of its own; ps -p {}", pid)};
}

/// Nothing when it is not what store() was given: then a person edited it, checksum and all.
std::optional<json> parse_identities(const std::string& content) {
    json root = json::parse(content, nullptr, false);
    if (!root.is_object() || !root.contains("devices") || !root["devices"].is_object()) {
        return std::nullopt;
    }
    for (const auto& [name, identity] : root["devices"].items()) {
        const bool whole = identity.is_object() && identity.contains("serial") &&
                           identity["serial"].is_string() && identity.contains("naa") &&
                           identity["naa"].is_string() &&
                           valid_naa(identity["naa"].get_ref<const std::string&>());
        if (!whole) {
            return std::nullopt;
        }
    }
    return root;
}

}  // namespace

std::expected<StateDirectory, Problem> StateDirectory::open(const std::string& path, FileOperations& files) {
    const auto fail = [&](const FileError& error) {
        return std::unexpected(Problem{.what = fmt::format("the state directory {} cannot be used", path),
                                       .cause = error.what,
                                       .cure = cure_of(error.error, path)});
    };
    if (const auto made = make_directories(path, files); !made) {
        return fail(made.error());
    }
    auto lock = files.lock(path + "/" + std::string(kLockFile), fmt::format("{}\n", ::getpid()));
    if (!lock) {
        if (lock.error().error == EWOULDBLOCK) {
            return std::unexpected(in_use(path, files));
        }
        return fail(lock.error());
    }
    return StateDirectory(path, files, std::move(*lock));
}

std::expected<std::optional<std::string>, Problem> StateDirectory::load(std::string_view name) const {
    if (!lock_->is_in_place()) {
        return std::unexpected(replaced(path_));
    }
    const std::string path = file(name);
    auto text = files_->read(path, kLargestFile);
    if (!text) {
        return std::unexpected(Problem{.what = fmt::format("the state file {} cannot be read", path),
                                       .cause = text.error().what,
                                       .cure = cure_of(text.error().error, path_)});
    }
    if (!*text) {
        return std::optional<std::string>{};
    }
    auto content = open_state(name, **text);
    if (!content) {
        return std::unexpected(
            Problem{.what = fmt::format("the state file {} is damaged", path),
                    .cause = std::string(to_string(content.error())),
                    .cure = fmt::format(
                        "put it back from a backup; or move it away ({0} → {0}.damaged), and what it held "
                        "is made anew: initiators may then see other disks than before, unless "
                        "'serial' and 'naa' are set by hand",
                        path)});
    }
    return std::optional(std::move(*content));
}

std::expected<void, Problem> StateDirectory::store(std::string_view name, std::string_view content) {
    if (!lock_->is_in_place()) {
        return std::unexpected(replaced(path_));
    }
    const std::string path = file(name);
    const std::string fresh = path + ".new";
    // Until the rename, the old file is whole; after it, the new one. The sync before it keeps the name from
    // reaching the disk ahead of the content; the one after makes the name last.
    auto done = files_->create(fresh);
    if (done) {
        done = files_->append(fresh, seal_state(name, content));
    }
    if (done) {
        done = files_->sync(fresh);
    }
    if (done) {
        done = files_->rename(fresh, path);
    }
    if (done) {
        done = files_->sync_directory(path_);
    }
    if (!done) {
        return std::unexpected(Problem{.what = fmt::format("the state file {} cannot be written", path),
                                       .cause = done.error().what,
                                       .cure = cure_of(done.error().error, path_)});
    }
    return {};
}

std::expected<std::vector<Identity>, Problem> StateDirectory::identities(
    std::span<const DeviceConfig> devices) {
    const auto content = load(kIdentities);
    if (!content) {
        return std::unexpected(content.error());
    }
    std::optional<json> root =
        *content ? parse_identities(**content) : std::optional(json{{"devices", json::object()}});
    if (!root) {
        return std::unexpected(
            Problem{.what = fmt::format("the state file {} is not understood", file(kIdentities)),
                    .cause = "its checksum is right, so it was changed by a program",
                    .cure = "put it back from a backup"});
    }
    json& known = (*root)["devices"];
    std::vector<Identity> identities;
    bool changed = false;
    for (const DeviceConfig& device : devices) {
        if (device.serial && device.naa) {
            identities.push_back({.serial = *device.serial, .naa = *device.naa});
            continue;
        }
        if (!known.contains(device.name)) {
            std::array<std::byte, kIdentityRandomBytes> random{};
            if (const auto drawn = files_->random(random); !drawn) {
                return std::unexpected(
                    Problem{.what = fmt::format("no identity can be made for {}", device.name),
                            .cause = drawn.error().what,
                            .cure = "set 'serial' and 'naa' of the device by hand"});
            }
            const Identity made = make_identity(random);
            known[device.name] = {{"serial", made.serial}, {"naa", made.naa}};
            changed = true;
        }
        const json& kept = known[device.name];
        identities.push_back({.serial = device.serial.value_or(kept["serial"].get<std::string>()),
                              .naa = device.naa.value_or(kept["naa"].get<std::string>())});
    }
    if (changed) {
        if (auto stored = store(kIdentities, root->dump(1) + "\n"); !stored) {
            return std::unexpected(stored.error());
        }
    }
    return identities;
}

}  // namespace targe::admin
