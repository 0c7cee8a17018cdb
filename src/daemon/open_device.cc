#include "daemon/open_device.h"

#include "admin/identity.h"
#include "reactor/reactors.h"

#include <utility>

namespace targe::daemon {
namespace {

device::Handler translated(admin::Handler handler) {
    switch (handler) {
        case admin::Handler::null:
            return device::Handler::null;
        case admin::Handler::ram:
            return device::Handler::ram;
        case admin::Handler::file:
            return device::Handler::file;
        case admin::Handler::block:
            return device::Handler::block;
        case admin::Handler::user:
            return device::Handler::user;
    }
    __builtin_unreachable();
}

device::UserSettings user_settings(const admin::DeviceConfig& device, const admin::Config& config) {
    device::UserSettings settings;
    settings.name = device.name;
    settings.socket = admin::handler_socket(device, config.daemon);
    settings.allow_users.assign(device.user.allow_uids.begin(), device.user.allow_uids.end());
    settings.allow_groups.assign(device.user.allow_gids.begin(), device.user.allow_gids.end());
    settings.hold = device.user.hold;
    // What a tape does may take minutes, and its handler ends what is aborted.
    constexpr std::chrono::minutes kOfCommands{15};
    settings.deadline = device.user.deadline.value_or(device.user.type ? kOfCommands : settings.deadline);
    if (device.user.type) {
        settings.type = static_cast<std::uint8_t>(*device.user.type);
    }
    settings.busy_when_away = device.user.busy_when_away;
    settings.queues = reactors_of(config);
    return settings;
}

device::DeviceConfig translated(const admin::DeviceConfig& config, const admin::Config& all) {
    return {.handler = translated(config.handler),
            .path = config.path,
            .size_bytes = config.size_bytes.value_or(0),
            .block_size = config.block_size,
            .physical_block_size = config.physical_block_size,
            .direct = config.direct,
            .read_only = config.read_only,
            .thin = config.thin,
            .create = !config.read_only,
            .rotational = config.rotational,
            .user = user_settings(config, all)};
}

}  // namespace

std::uint32_t reactors_of(const admin::Config& config) {
    return static_cast<std::uint32_t>(config.daemon.reactors != 0 ? config.daemon.reactors
                                                                  : reactor::usable_cpus().size());
}

std::expected<std::unique_ptr<device::Device>, device::OpenError> open_device(
    const admin::DeviceConfig& device, const admin::Config& config, device::SpaceTrials& trials) {
    return device::open(translated(device, config), trials);
}

void make_new_files_durable(const std::vector<admin::DeviceConfig>& devices, const admin::Config& config) {
    std::vector<device::DeviceConfig> opened;
    for (const admin::DeviceConfig& device : devices) {
        opened.push_back(translated(device, config));
    }
    device::make_new_files_durable(opened);
}

scsi::UnitIdentity identity_of(const admin::DeviceConfig& device, const admin::Identity& made) {
    scsi::UnitIdentity identity;
    identity.vendor = device.vendor;
    if (!device.product.empty()) {
        identity.product = device.product;
    } else if (device.drive) {
        identity.product = "DVD-ROM";
    }
    if (!device.revision.empty()) {
        identity.revision = device.revision;
    }
    identity.serial = made.serial;
    identity.naa = admin::naa_bytes(made.naa).value_or(identity.naa);
    identity.t10_vendor_specific = made.serial;
    return identity;
}

scsi::DeviceType type_of(const admin::DeviceConfig& device) {
    if (device.drive) {
        return scsi::DeviceType::cdrom;
    }
    return scsi::DeviceType{static_cast<std::uint8_t>(device.user.type.value_or(admin::DeviceType::disk))};
}

}  // namespace targe::daemon
