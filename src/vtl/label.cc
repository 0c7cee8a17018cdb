#include "vtl/label.h"

#include "vtl/generation.h"
#include "wire/crc32c.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <span>

namespace targe::vtl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxBarcode = 32;
constexpr std::size_t kMaxPartitions = 4;
/// More than fit, for each has a byte at least.
constexpr std::size_t kMaxAttributes = kAttributeMemory / kAttributeHeader;

std::string to_hex(std::span<const std::byte> bytes) {
    std::string text;
    for (const std::byte byte : bytes) {
        text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    }
    return text;
}

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        unsigned value = 0;
        for (const char digit : text.substr(i, 2)) {
            constexpr std::string_view kDigits = "0123456789abcdef";
            const std::size_t at = kDigits.find(digit);
            if (at == std::string_view::npos) {
                return std::nullopt;
            }
            value = value * 16 + static_cast<unsigned>(at);
        }
        bytes.push_back(static_cast<std::byte>(value));
    }
    return text.size() % 2 == 0 ? std::optional(std::move(bytes)) : std::nullopt;
}

/// Reads members of one object; the first that is missing or of another kind is remembered.
class Members {
public:
    explicit Members(const Json& object) : object_(object) {}
    template <class T>
    void number(const char* key, T& out, std::uint64_t most) {
        const Json* const found = member(key);
        if (found != nullptr && found->is_number_unsigned() && found->get<std::uint64_t>() <= most) {
            out = static_cast<T>(found->get<std::uint64_t>());
        } else {
            bad(key);
        }
    }
    void flag(const char* key, bool& out) {
        const Json* const found = member(key);
        if (found != nullptr && found->is_boolean()) {
            out = found->get<bool>();
        } else {
            bad(key);
        }
    }
    void text(const char* key, std::string& out) {
        const Json* const found = member(key);
        if (found != nullptr && found->is_string()) {
            out = found->get<std::string>();
        } else {
            bad(key);
        }
    }
    const Json* list(const char* key) {
        const Json* const found = member(key);
        if (found == nullptr || !found->is_array()) {
            bad(key);
            return nullptr;
        }
        return found;
    }
    const Json* object(const char* key) {
        const Json* const found = member(key);
        if (found == nullptr || !found->is_object()) {
            bad(key);
            return nullptr;
        }
        return found;
    }
    void bad(std::string_view key) {
        if (wrong_.empty()) {
            wrong_ = key;
        }
    }
    [[nodiscard]] const std::string& wrong() const { return wrong_; }

private:
    [[nodiscard]] const Json* member(const char* key) const {
        const auto found = object_.is_object() ? object_.find(key) : object_.end();
        return object_.is_object() && found != object_.end() ? &*found : nullptr;
    }
    const Json& object_;
    std::string wrong_;
};

Json attributes_of(const Label& label) {
    Json list = Json::array();
    for (const auto& [key, attribute] : label.attributes) {
        list.push_back({{"partition", key.partition},
                        {"identifier", key.identifier},
                        {"format", static_cast<unsigned>(attribute.format)},
                        {"value", to_hex(attribute.value)}});
    }
    return list;
}

void read_attributes(const Json& list, Label& label, Members& members) {
    for (const Json& each : list) {
        Members one(each);
        AttributeKey key;
        unsigned format = 0;
        std::string value;
        one.number("partition", key.partition, kMaxPartitions - 1);
        one.number("identifier", key.identifier, 0xffff);
        one.number("format", format, 2);
        one.text("value", value);
        const auto bytes = from_hex(value);
        if (!one.wrong().empty() || !bytes || label.attributes.size() >= kMaxAttributes) {
            members.bad("attributes");
            return;
        }
        label.attributes[key] = {.format = static_cast<AttributeFormat>(format), .value = *bytes};
    }
}

}  // namespace

void read_barcode(Label& label) {
    label.cleaning = label.barcode.starts_with("CLN");
    for (const Generation& each : generations()) {
        if (label.barcode.ends_with(each.barcode_suffix) || label.barcode.ends_with(each.worm_suffix)) {
            label.generation = each.number;
            label.worm = label.worm || label.barcode.ends_with(each.worm_suffix);
        }
    }
}

bool valid_barcode(std::string_view barcode) {
    return !barcode.empty() && barcode.size() <= kMaxBarcode && std::ranges::all_of(barcode, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

std::string encode(const Label& label) {
    const Json body{{"barcode", label.barcode},
                    {"generation", label.generation},
                    {"worm", label.worm},
                    {"write_protected", label.write_protected},
                    {"cleaning", label.cleaning},
                    {"id", label.id},
                    {"capacity_bytes", label.capacity_bytes},
                    {"segment_bytes", label.segment_bytes},
                    {"format", label.format},
                    {"changes", label.changes},
                    {"partitions", label.partitions},
                    {"usage",
                     {{"loads", label.usage.loads},
                      {"bytes_written", label.usage.bytes_written},
                      {"bytes_read", label.usage.bytes_read}}},
                    {"attributes", attributes_of(label)}};
    return body.dump(1) + "\n";
}

Result<Label> decode_label(std::string_view text) {
    const Json body = Json::parse(text, nullptr, false);
    Label label;
    Members members(body);
    members.text("barcode", label.barcode);
    members.number("generation", label.generation, 0xff);
    members.flag("worm", label.worm);
    members.flag("write_protected", label.write_protected);
    members.flag("cleaning", label.cleaning);
    members.number("id", label.id, ~std::uint64_t{0});
    members.number("capacity_bytes", label.capacity_bytes, kMostCapacity);
    members.number("segment_bytes", label.segment_bytes, std::uint64_t{1} << 40);
    members.number("format", label.format, 0xffff'ffff);
    // Labels of old have none, and tell the format for it.
    label.changes = std::min(label.format, Label::kMostChanges);
    if (body.is_object() && body.contains("changes")) {
        members.number("changes", label.changes, Label::kMostChanges);
    }
    if (const Json* const list = members.list("partitions")) {
        for (const Json& each : *list) {
            label.partitions.push_back(each.is_number_unsigned() ? each.get<std::uint64_t>() : 0);
        }
    }
    if (const Json* const object = members.object("usage")) {
        Members usage(*object);
        usage.number("loads", label.usage.loads, ~std::uint64_t{0});
        usage.number("bytes_written", label.usage.bytes_written, ~std::uint64_t{0});
        usage.number("bytes_read", label.usage.bytes_read, ~std::uint64_t{0});
        if (!usage.wrong().empty()) {
            members.bad("usage");
        }
    }
    if (const Json* const list = members.list("attributes")) {
        read_attributes(*list, label, members);
    }
    if (!valid_barcode(label.barcode)) {
        members.bad("barcode");
    }
    if (find_generation(label.generation) == nullptr) {
        members.bad("generation");
    }
    if (label.partitions.empty() || label.partitions.size() > kMaxPartitions) {
        members.bad("partitions");
    }
    if (!members.wrong().empty()) {
        return damaged(fmt::format("the label's member \"{}\" is missing or wrong", members.wrong()));
    }
    return label;
}

}  // namespace targe::vtl
