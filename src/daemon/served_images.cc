#include "daemon/served_images.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace targe::daemon {
namespace {

using nlohmann::json;

constexpr char kStateFile[] = "images";

/// Without a size nothing is made, and who only reads makes nothing either.
bool may_be_made(const admin::DeviceConfig& device) {
    return device.handler == admin::Handler::file && !device.drive && !device.read_only &&
           device.size_bytes != 0;
}

}  // namespace

std::expected<ServedImages, admin::Problem> ServedImages::load(const admin::StateDirectory& directory) {
    const auto content = directory.load(kStateFile);
    if (!content) {
        return std::unexpected(content.error());
    }
    ServedImages images;
    if (!*content) {
        return images;
    }
    const json root = json::parse(**content, nullptr, false);
    const bool whole = root.is_object() && std::ranges::all_of(root, &json::is_string);
    if (!whole) {
        return std::unexpected(admin::Problem{
            .what = fmt::format("the state file {}/{} is not understood", directory.path(), kStateFile),
            .cause = "its checksum is right, so it was changed by a program",
            .cure = "put it back from a backup, or remove it: it only says which images there were"});
    }
    images.paths_ = root.get<std::map<std::string, std::string>>();
    return images;
}

std::optional<admin::Problem> ServedImages::lost(const admin::DeviceConfig& device) const {
    const auto known = paths_.find(device.name);
    if (!may_be_made(device) || known == paths_.end() || known->second != device.path ||
        ::access(device.path.c_str(), F_OK) == 0 || errno != ENOENT) {
        return std::nullopt;
    }
    return admin::Problem{
        .what = fmt::format("device {} has lost its image: {} is missing", device.name, device.path),
        .cause =
            "it was there when targed served it last, so probably its file system is not mounted; a new "
            "one would be an empty disk to initiators",
        .cure = fmt::format("findmnt -T {0}; or, for an empty disk all the same, touch {0}", device.path)};
}

std::expected<void, admin::Problem> ServedImages::remember(admin::StateDirectory& directory,
                                                           const admin::Config& config) {
    std::map<std::string, std::string> now;
    for (const admin::DeviceConfig& device : config.devices) {
        if (device.handler == admin::Handler::file && !device.drive) {
            now.emplace(device.name, device.path);
        }
    }
    if (now == paths_) {
        return {};
    }
    paths_ = std::move(now);
    return directory.store(kStateFile, json(paths_).dump());
}

}  // namespace targe::daemon
