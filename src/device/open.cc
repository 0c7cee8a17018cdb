#include "device/open.h"

#include "device/null_device.h"
#include "device/open_store.h"
#include "device/ram_device.h"
#include "device/user_device.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

namespace targe::device {
namespace {

using Result = std::expected<std::unique_ptr<Device>, OpenError>;

std::optional<OpenError> check(const DeviceConfig& config) {
    constexpr std::uint32_t kSmallest = 512;
    constexpr std::uint32_t kLargest = 4096;
    if (config.block_size < kSmallest || config.block_size > kLargest ||
        !std::has_single_bit(config.block_size)) {
        return OpenError{
            fmt::format("block_size is {}; it can be 512, 1024, 2048 or 4096", config.block_size)};
    }
    if (config.physical_block_size && (*config.physical_block_size < config.block_size ||
                                       !std::has_single_bit(*config.physical_block_size))) {
        return OpenError{fmt::format("physical_block_size is {}; it can be {} or a power of two above it",
                                     *config.physical_block_size, config.block_size)};
    }
    if (config.size_bytes % config.block_size != 0) {
        return OpenError{fmt::format("size is {} bytes, which is no multiple of block_size {}",
                                     config.size_bytes, config.block_size)};
    }
    const bool has_path = config.handler == Handler::file || config.handler == Handler::block;
    if (has_path && config.path.empty()) {
        return OpenError{"path is missing; it names the file or block device to serve"};
    }
    if (!has_path && config.size_bytes == 0 && config.handler != Handler::user) {
        return OpenError{"size is missing; a null or ram device has no other way to know it"};
    }
    return std::nullopt;
}

Geometry geometry_of(const DeviceConfig& config) {
    return {.blocks = config.size_bytes / config.block_size,
            .block_size = config.block_size,
            .physical_block_exponent = physical_block_exponent(config, 0)};
}

Capabilities memory_capabilities(const DeviceConfig& config, std::uint32_t granule) {
    return {.read_only = config.read_only,
            .volatile_cache = false,
            .survives_crash = false,
            .read_cache = ReadCache::whole_medium,
            .unmap = config.thin,
            .unmapped_reads_zero = true,
            .block_status = true,
            .rotational = config.rotational.value_or(false),
            .unmap_granularity_blocks = granule};
}

std::expected<Mapping, OpenError> map(std::size_t size, Mapping::Access access) {
    auto mapping = Mapping::create(size, access);
    if (!mapping) {
        return std::unexpected(OpenError{
            fmt::format("cannot reserve {} bytes of memory: {}; make size smaller, or raise the limit "
                        "on address space (ulimit -v, LimitAS=)",
                        size, std::strerror(mapping.error()))});
    }
    return std::move(*mapping);
}

Result open_null(const DeviceConfig& config) {
    // Lent for any read up to this size; longer ones are filled.
    constexpr std::size_t kLent = 16ULL << 20U;
    auto zeroes = map(kLent, Mapping::Access::read_only);
    if (!zeroes) {
        return std::unexpected(zeroes.error());
    }
    return std::make_unique<NullDevice>(geometry_of(config), memory_capabilities(config, 1),
                                        std::move(*zeroes));
}

Result open_ram(const DeviceConfig& config) {
    constexpr std::size_t kPage = RamDevice::kPageSize;
    auto memory = map((config.size_bytes + kPage - 1) / kPage * kPage, Mapping::Access::read_write);
    if (!memory) {
        return std::unexpected(memory.error());
    }
    const auto granule = static_cast<std::uint32_t>(kPage / config.block_size);
    Capabilities can = memory_capabilities(config, granule);
    can.fill = true;
    return std::make_unique<RamDevice>(geometry_of(config), can, std::move(*memory));
}

Result open_user(const DeviceConfig& config) {
    UserSettings settings = config.user;
    settings.size_bytes = config.size_bytes;
    settings.block_size = config.block_size;
    settings.read_only = config.read_only;
    settings.rotational = config.rotational.value_or(false);
    settings.physical_block_exponent = physical_block_exponent(config, 0);
    return UserDevice::open(std::move(settings));
}

}  // namespace

Result open(const DeviceConfig& config) {
    SpaceTrials trials;
    return open(config, trials);
}

Result open(const DeviceConfig& config, SpaceTrials& trials) {
    if (const auto wrong = check(config)) {
        return std::unexpected(*wrong);
    }
    switch (config.handler) {
        case Handler::null:
            return open_null(config);
        case Handler::ram:
            return open_ram(config);
        case Handler::file:
            return open_file_device(config, trials);
        case Handler::block:
            return open_block_device(config);
        case Handler::user:
            return open_user(config);
    }
    return std::unexpected(OpenError{"unknown handler"});
}

}  // namespace targe::device
