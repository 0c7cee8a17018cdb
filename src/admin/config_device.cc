#include "admin/config_parts.h"
#include "admin/identity.h"
#include "admin/names.h"
#include "admin/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

namespace targe::admin {
namespace {

constexpr auto kHandlers = std::to_array<std::pair<std::string_view, Handler>>({
    {"null", Handler::null},
    {"ram", Handler::ram},
    {"file", Handler::file},
    {"block", Handler::block},
    {"user", Handler::user},
});
constexpr auto kWriteCaches = std::to_array<std::pair<std::string_view, WriteCache>>({
    {"write-back", WriteCache::write_back},
    {"write-through", WriteCache::write_through},
});

constexpr auto kTaskSets = std::to_array<std::pair<std::string_view, TaskSets>>({
    {"per-nexus", TaskSets::per_nexus},
    {"shared", TaskSets::shared},
});

constexpr std::uint64_t kLargestDevice = std::uint64_t{1} << 62U;
constexpr std::size_t kLongestSerial = 64;
constexpr std::uint32_t kMostCommands = 1'000'000;
constexpr std::uint64_t kLargestPhysicalBlock = 65'536;

bool power_of_two(std::uint64_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

bool backed(Handler handler) {
    return handler == Handler::file || handler == Handler::block;
}

void read_name(const Section& section, DeviceConfig& device) {
    const auto place = section.read_string("name", device.name);
    if (!section.has("name")) {
        section.missing("name", "give the device a name of its own, such as name = \"disk0\"");
    }
    if (place && !is_plain_name(device.name)) {
        section.reading().problems.error(*place, fmt::format("\"{}\" is no name of a device", device.name),
                                         {}, fmt::format("up to {} of A-Z a-z 0-9 - _ .", kLongestPlainName));
    }
}

void read_store(const Section& section, DeviceConfig& device) {
    const std::string_view handler = kHandlers[static_cast<std::size_t>(device.handler)].first;
    section.read_path("path", device.path);
    std::uint64_t bytes = 0;
    if (section.read_size("size", bytes, 512, kLargestDevice)) {
        device.size_bytes = bytes;
    }
    section.read_bool("direct", device.direct);
    section.read_choice<WriteCache>("write_cache", device.write_cache, kWriteCaches);
    if (backed(device.handler)) {
        if (!section.has("path")) {
            section.missing("path", fmt::format("say where the {} is: path = \"/…\"",
                                                device.handler == Handler::file ? "file" : "block device"));
        }
    } else if (device.handler == Handler::user) {
        refuse_key(section, "path", handler, "where its blocks are is the handler's affair");
    } else {
        refuse_key(section, "path", handler, "it keeps nothing on disk");
        refuse_key(section, "write_cache", handler, "what it holds is in memory alone");
        if (!section.has("size")) {
            section.missing("size", "say how large it is: size = \"1GiB\"");
        }
    }
    if (device.handler == Handler::block) {
        refuse_key(section, "size", handler, "the size is that of the block device");
        refuse_key(section, "direct", handler, "a block device is always used directly");
    } else if (device.handler != Handler::file) {
        refuse_key(section, "direct", handler, "there is no page cache to go past");
    }
}

void read_blocks(const Section& section, DeviceConfig& device) {
    Problems& problems = section.reading().problems;
    std::uint64_t bytes = 0;
    if (const auto place = section.read_size("block_size", bytes, 0, UINT64_MAX)) {
        if (bytes < 512 || bytes > 4096 || !power_of_two(bytes)) {
            problems.error(*place, fmt::format("'block_size' cannot be {}", bytes), {},
                           "one of 512, 1024, 2048, 4096");
        } else {
            device.block_size = static_cast<std::uint32_t>(bytes);
        }
    }
    if (const auto place = section.read_size("physical_block_size", bytes, 0, UINT64_MAX)) {
        if (!power_of_two(bytes) || bytes < device.block_size || bytes > kLargestPhysicalBlock) {
            problems.error(*place, fmt::format("'physical_block_size' cannot be {}", bytes), {},
                           fmt::format("a power of two from {} (the block size) to {}", device.block_size,
                                       kLargestPhysicalBlock));
        } else {
            device.physical_block_size = static_cast<std::uint32_t>(bytes);
        }
    }
    if (device.size_bytes && *device.size_bytes % device.block_size != 0) {
        problems.error(section.find("size")->value.place,
                       fmt::format("'size' ({} bytes) is not a whole number of blocks of {} bytes",
                                   *device.size_bytes, device.block_size));
    }
}

/// Thresholds are of what a thin store takes up, which the host tells of files and of memory.
void read_thresholds(const Section& section, DeviceConfig& device) {
    const std::string_view handler = kHandlers[static_cast<std::size_t>(device.handler)].first;
    const auto read = [&](std::string_view key, std::optional<std::uint64_t>& into) {
        if (device.handler != Handler::file && device.handler != Handler::ram) {
            refuse_key(section, key, handler, "how full its store is cannot be told");
            return;
        }
        std::uint64_t bytes = 0;
        const auto place = section.read_size(key, bytes, std::uint64_t{1} << 20U, kLargestDevice);
        if (!place) {
            return;
        }
        if (!device.thin) {
            section.reading().problems.error(*place, fmt::format("'{}' needs a thin device", key),
                                             "only a thin one can run out of space", "thin = true");
            return;
        }
        into = bytes;
    };
    read("threshold_available", device.threshold_available_bytes);
    read("threshold_used", device.threshold_used_bytes);
}

void read_identity(const Section& section, DeviceConfig& device) {
    std::string text;
    if (section.read_ascii("serial", text, kLongestSerial)) {
        device.serial = text;
    }
    if (const auto place = section.read_string("naa", text)) {
        std::ranges::transform(text, text.begin(), [](char c) {
            return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        for (const std::string_view prefix : {"naa.", "0x"}) {
            if (text.starts_with(prefix)) {
                text.erase(0, prefix.size());
            }
        }
        if (valid_naa(text)) {
            device.naa = text;
        } else {
            section.reading().problems.error(*place, fmt::format("'naa' is no NAA designator: \"{}\"", text),
                                             {},
                                             "16 hexadecimal digits that begin with 2, 3 or 5, or 32 that "
                                             "begin with 6; without the key one is made");
        }
    }
    section.read_ascii("vendor", device.vendor, 8);
    section.read_ascii("product", device.product, 16);
    section.read_ascii("revision", device.revision, 4);
}

/// What a device has that is a store of blocks, or another program's.
void read_disk(const Section& section, DeviceConfig& device) {
    read_store(section, device);
    read_blocks(section, device);
    section.read_bool("thin", device.thin);
    read_thresholds(section, device);
    section.read_bool("read_only", device.read_only);
    section.read_bool("removable", device.removable);
    bool rotational = false;
    if (section.read_bool("rotational", rotational)) {
        device.rotational = rotational;
    }
}

void refuse_user_keys(const Section& section, const DeviceConfig& device) {
    const std::string_view handler = kHandlers[static_cast<std::size_t>(device.handler)].first;
    for (const std::string_view key :
         {"socket", "allow_uids", "allow_gids", "hold", "deadline", "when_away"}) {
        refuse_key(section, key, handler, "it is served by targed itself");
    }
    if (device.handler != Handler::file) {
        refuse_key(section, "type", handler, "it is a disk");
    }
}

/// Reports each value that an earlier device has as well.
template <class ValueOf>
void once(Reading& reading, const std::vector<PlacedDevice>& devices, std::string_view what,
          std::string_view cure, ValueOf value_of) {
    std::map<std::string, Place> first;
    for (const PlacedDevice& placed : devices) {
        const std::string value = value_of(placed.device);
        if (value.empty()) {
            continue;
        }
        const auto [earlier, fresh] = first.emplace(value, placed.place);
        if (!fresh) {
            reading.problems.error(placed.place, fmt::format("two devices have the {} \"{}\"", what, value),
                                   fmt::format("the other one is at {}", line_text(earlier->second)),
                                   std::string(cure));
        }
    }
}

/// Two writers of one store would not know of each other's caches and reservations.
void paths_apart(Reading& reading, const std::vector<PlacedDevice>& devices) {
    std::map<std::string, const PlacedDevice*> first;
    for (const PlacedDevice& placed : devices) {
        const DeviceConfig& device = placed.device;
        if (device.path.empty()) {
            continue;
        }
        const std::string plain = std::filesystem::path(device.path).lexically_normal().string();
        const auto [earlier, fresh] = first.emplace(plain, &placed);
        if (!fresh && !(device.read_only && earlier->second->device.read_only)) {
            reading.problems.error(placed.place, fmt::format("two devices have the path \"{}\"", plain),
                                   fmt::format("the other one is at {}", line_text(earlier->second->place)),
                                   "map one device to several LUNs instead; only devices that are all "
                                   "read-only may share a path");
        }
    }
}

}  // namespace

void refuse_key(const Section& section, std::string_view key, std::string_view handler, std::string cause) {
    if (const Entry* const entry = section.find(key)) {
        section.reading().problems.error(entry->place,
                                         fmt::format("'{}' means nothing with handler \"{}\"", key, handler),
                                         std::move(cause), "take the line out");
    }
}

PlacedDevice read_device(Reading& reading, const Value& value) {
    const Section section(reading, "[[device]]", value);
    DeviceConfig device;
    read_name(section, device);
    if (!section.has("handler")) {
        section.missing("handler", "one of null, ram, file, block, user");
    } else if (section.read_choice<Handler>("handler", device.handler, kHandlers)) {
        if (device.handler == Handler::file && is_drive(section)) {
            read_drive(section, device);
        } else {
            read_disk(section, device);
        }
        if (device.handler == Handler::user) {
            read_user(section, device.user);
        } else {
            refuse_user_keys(section, device);
        }
    }
    section.read_choice<TaskSets>("task_set", device.task_set, kTaskSets);
    section.read_integer<std::uint32_t>("max_commands", device.max_commands, 1, kMostCommands);
    read_identity(section, device);
    return {.device = std::move(device), .place = section.place()};
}

void check_devices(Reading& reading, const std::vector<PlacedDevice>& devices) {
    once(reading, devices, "name", "rename one of them", [](const DeviceConfig& d) { return d.name; });
    once(reading, devices, "NAA designator", "initiators would take them for one disk; give each its own",
         [](const DeviceConfig& d) { return d.naa.value_or(""); });
    once(reading, devices, "serial", "initiators would take them for one disk; give each its own",
         [](const DeviceConfig& d) { return d.serial.value_or(""); });
    paths_apart(reading, devices);
}

}  // namespace targe::admin
