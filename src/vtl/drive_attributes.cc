#include "vtl/drive.h"
#include "vtl/unit_cdbs.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace targe::vtl {
namespace {

constexpr std::uint64_t kMegabyte = 1'000'000;
constexpr std::uint8_t kReadOnly = 0x80;
constexpr std::uint64_t kVolumeChangeReference = 0x0009;

/// What a host may write.
struct HostAttribute {
    std::uint16_t identifier;
    AttributeFormat format;
    std::size_t most_bytes;
    bool fixed;  ///< of exactly that length
};
constexpr auto kHostAttributes = std::to_array<HostAttribute>({
    {0x0800, AttributeFormat::ascii, 8, true},       // APPLICATION VENDOR
    {0x0801, AttributeFormat::ascii, 32, true},      // APPLICATION NAME
    {0x0802, AttributeFormat::ascii, 8, true},       // APPLICATION VERSION
    {0x0803, AttributeFormat::text, 160, true},      // USER MEDIUM TEXT LABEL
    {0x0804, AttributeFormat::ascii, 12, true},      // DATE AND TIME LAST WRITTEN
    {0x0805, AttributeFormat::binary, 1, true},      // TEXT LOCALIZATION IDENTIFIER
    {0x0806, AttributeFormat::ascii, 32, true},      // BARCODE
    {0x0807, AttributeFormat::text, 80, true},       // OWNING HOST TEXTUAL NAME
    {0x0808, AttributeFormat::text, 160, true},      // MEDIA POOL
    {0x0809, AttributeFormat::ascii, 16, true},      // PARTITION USER TEXT LABEL
    {0x080a, AttributeFormat::binary, 1, true},      // LOAD/UNLOAD AT PARTITION
    {0x080b, AttributeFormat::ascii, 16, true},      // APPLICATION FORMAT VERSION
    {0x080c, AttributeFormat::binary, 1023, false},  // VOLUME COHERENCY INFORMATION
    {0x0820, AttributeFormat::binary, 36, true},     // MEDIUM GLOBALLY UNIQUE IDENTIFIER
    {0x0821, AttributeFormat::binary, 36, true},     // MEDIA POOL GLOBALLY UNIQUE IDENTIFIER
});

/// The vendors' range for hosts: anything goes.
bool vendors_own(std::uint16_t identifier) {
    return identifier >= 0x1400 && identifier <= 0x17ff;
}

Attribute number(std::uint64_t value, std::size_t bytes) {
    Attribute made;
    for (std::size_t i = bytes; i-- > 0;) {
        made.value.push_back(static_cast<std::byte>((value >> (8U * i)) & 0xffU));
    }
    return made;
}

Attribute text(std::string_view value, std::size_t width) {
    Attribute made{.format = AttributeFormat::ascii, .value = std::vector<std::byte>(width, std::byte{' '})};
    for (std::size_t i = 0; i < std::min(width, value.size()); ++i) {
        made.value[i] = static_cast<std::byte>(value[i]);
    }
    return made;
}

/// One attribute of a WRITE ATTRIBUTE list, or why it is refused. `offset` is where it begins.
std::optional<Sense> check(std::uint16_t identifier, const Attribute& attribute, std::size_t offset) {
    const auto known = std::ranges::find(kHostAttributes, identifier, &HostAttribute::identifier);
    const bool vendors = vendors_own(identifier);
    if (known == kHostAttributes.end() && !vendors) {
        return invalid_parameter(offset);
    }
    if (attribute.value.empty()) {
        return std::nullopt;
    }
    if (vendors ? attribute.format > AttributeFormat::text : attribute.format != known->format) {
        return invalid_parameter(offset + 2);
    }
    if (vendors) {
        return std::nullopt;
    }
    const std::size_t size = attribute.value.size();
    if (known->fixed ? size != known->most_bytes : size > known->most_bytes) {
        return invalid_parameter(offset + 3);
    }
    return std::nullopt;
}

void write_attribute_value(std::uint16_t identifier, const Attribute& attribute, scsi::ParameterWriter& out) {
    const bool host = (identifier >= 0x0800 && identifier < 0x0c00) || vendors_own(identifier);
    out.u16(identifier);
    out.u8(static_cast<std::uint8_t>((host ? 0U : kReadOnly) | static_cast<unsigned>(attribute.format)));
    out.u16(static_cast<std::uint16_t>(attribute.value.size()));
    out.bytes(attribute.value);
}

}  // namespace

/// All that the medium has for a partition: what the drive keeps, what the maker put there, what hosts wrote.
std::map<std::uint16_t, Attribute> Drive::attributes(std::uint8_t partition) const {
    const Label& label = cartridge_->label();
    const Generation& generation = *find_generation(label.generation);
    const std::uint64_t capacity = cartridge_->capacity(partition);
    const std::uint64_t used = std::min(capacity, cartridge_->partition(partition).used_bytes());
    std::map<std::uint16_t, Attribute> all;
    std::uint64_t kept = 0;
    for (const auto& [key, attribute] : label.attributes) {
        kept += attribute.value.size() + kAttributeHeader;
        if (key.partition == partition) {
            all[key.identifier] = attribute;
        }
    }
    std::uint64_t flags = 0;
    for (unsigned i = 1; i < alerts_.size(); ++i) {
        flags |= alerts_.at(i) ? std::uint64_t{1} << (64 - i) : 0;
    }
    all[0x0000] = number((capacity - used) / kMegabyte, 8);
    all[0x0001] = number(capacity / kMegabyte, 8);
    all[0x0002] = number(flags, 8);
    all[0x0003] = number(usage().loads, 8);
    all[0x0004] = number(kAttributeMemory - std::min(kAttributeMemory, kept), 8);
    all[0x0005] = text("LTO-CVE", 8);
    all[0x0006] = number(generation.density, 1);
    all[0x0007] = number(label.format, 2);
    all[0x0009] = number(label.changes, 4);
    all[0x020a] = text(description_.manufacturer +
                           std::string(8 - std::min<std::size_t>(8, description_.manufacturer.size()), ' ') +
                           description_.serial,
                       40);
    all[0x0220] = number(usage().bytes_written / kMegabyte, 8);
    all[0x0221] = number(usage().bytes_read / kMegabyte, 8);
    all[0x0222] = number(since_load_.from_initiator / kMegabyte, 8);
    all[0x0223] = number(since_load_.to_initiator / kMegabyte, 8);
    all[0x0400] = text(kMediumManufacturer, 8);
    all[0x0401] = text(label.barcode, 32);
    all[0x0402] = number(846, 4);  // metres
    all[0x0403] = number(127, 4);
    all[0x0404] = text("LTO-CVE", 8);
    all[0x0405] = number(generation.density, 1);
    all[0x0407] = number(kAttributeMemory, 8);
    all[0x0408] = number(label.worm ? 0x80 : 0, 1);
    all[0x0409] = number(0, 2);
    return all;
}

Drive::Ending Drive::read_attribute(Call& call) {
    using L = ReadAttributeCdb;
    enum Action : std::uint8_t { values = 0, list = 1, volumes = 2, partitions = 3, supported = 5 };
    const std::uint64_t action = call.get(L::kServiceAction);
    const auto partition = static_cast<std::uint8_t>(call.get(L::kPartition));
    if (action > supported || action == 4) {
        return invalid_field(L::kServiceAction);
    }
    if (call.get(L::kVolume) != 0) {
        return invalid_field(L::kVolume);
    }
    if (partition >= cartridge_->partitions()) {
        return invalid_field(L::kPartition);
    }
    const std::uint64_t first = call.get(L::kFirst);
    std::map<std::uint16_t, Attribute> all = attributes(partition);
    if (action == supported) {
        for (const HostAttribute& each : kHostAttributes) {
            all.try_emplace(each.identifier);
        }
    }
    std::erase_if(all, [&](const auto& each) { return each.first < first; });
    if (action == values && first <= kVolumeChangeReference) {
        change_noted_ = false;
    }
    if (action == values && all.empty()) {
        return invalid_field(L::kFirst);
    }
    call.reply(call.get(L::kAllocationLength), [&](scsi::ParameterWriter& out) {
        if (action == volumes || action == partitions) {
            out.u16(2);
            out.u8(0);
            out.u8(static_cast<std::uint8_t>(action == volumes ? 1 : cartridge_->partitions()));
            return;
        }
        out.u32(0);
        for (const auto& [identifier, attribute] : all) {
            if (action == values) {
                write_attribute_value(identifier, attribute, out);
            } else {
                out.u16(identifier);
            }
        }
        out.patch(0, static_cast<std::uint32_t>(out.size() - 4));
    });
    return std::nullopt;
}

Drive::Ending Drive::write_attribute(Call& call) {
    using L = WriteAttributeCdb;
    const auto partition = static_cast<std::uint8_t>(call.get(L::kPartition));
    if (call.get(L::kVolume) != 0) {
        return invalid_field(L::kVolume);
    }
    if (partition >= cartridge_->partitions()) {
        return invalid_field(L::kPartition);
    }
    const std::uint64_t length = call.get(L::kParameterListLength);
    const auto list = call.parameter_list(length);
    if (!list || (length > 0 && length < 4)) {
        return parameter_list_length_error();
    }
    if (length == 0) {
        return std::nullopt;
    }
    const std::uint64_t said = scsi::field_value(*list, wire::bytes(0, 3));
    if (said > length - 4) {
        return parameter_list_length_error();
    }
    Label label = cartridge_->label();
    std::uint64_t kept = 0;
    for (std::size_t at = 4; at < 4 + said;) {
        const wire::Bytes rest = list->first(static_cast<std::size_t>(4 + said)).subspan(at);
        const auto size = rest.size() < kAttributeHeader
                              ? 0
                              : static_cast<std::size_t>(scsi::field_value(rest, wire::bytes(3, 4)));
        if (rest.size() < kAttributeHeader + size || size == 0xffff) {
            return parameter_list_length_error();
        }
        const auto identifier = static_cast<std::uint16_t>(scsi::field_value(rest, wire::bytes(0, 1)));
        const wire::Bytes value = rest.subspan(kAttributeHeader, size);
        const Attribute attribute{
            .format = static_cast<AttributeFormat>(std::to_integer<unsigned>(rest[2]) & 3U),
            .value = {value.begin(), value.end()}};
        if (auto refused = check(identifier, attribute, at)) {
            return refused;
        }
        if (size == 0) {
            label.attributes.erase({.partition = partition, .identifier = identifier});
        } else {
            label.attributes[{.partition = partition, .identifier = identifier}] = attribute;
        }
        at += kAttributeHeader + size;
    }
    for (const auto& [key, attribute] : label.attributes) {
        kept += attribute.value.size() + kAttributeHeader;
    }
    if (kept > kAttributeMemory) {
        return refusal(asc::auxiliary_memory_out_of_space);
    }
    const auto changed = cartridge_->change(label);
    return changed ? std::nullopt : host_trouble(call, changed.error(), true);
}

}  // namespace targe::vtl
