// What a cartridge is: the file "label" of its folder.
#pragma once

#include "vtl/store.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace targe::vtl {

/// FORMAT of a MAM attribute.
enum class AttributeFormat : std::uint8_t { binary = 0, ascii = 1, text = 2 };

/// MAM of an LTO cartridge: what all attributes of hosts take at most, each with its header.
inline constexpr std::uint64_t kAttributeMemory = 16'384;
inline constexpr std::size_t kAttributeHeader = 5;

/// What a cartridge may store: 1 EiB.
inline constexpr std::uint64_t kMostCapacity = std::uint64_t{1} << 60U;

struct AttributeKey {
    std::uint8_t partition = 0;
    std::uint16_t identifier = 0;
    auto operator<=>(const AttributeKey&) const = default;
};

struct Attribute {
    AttributeFormat format = AttributeFormat::binary;
    std::vector<std::byte> value;
    bool operator==(const Attribute&) const = default;
};

/// What is counted over the life of a cartridge.
struct UsageCounters {
    std::uint64_t loads = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t bytes_read = 0;
    bool operator==(const UsageCounters&) const = default;
};

struct Label {
    std::string barcode;  ///< volume tag and medium serial number: 1 to 32 characters A-Z 0-9 and _ -
    std::uint8_t generation = 6;
    bool worm = false;
    bool write_protected = false;
    bool cleaning = false;
    std::uint64_t id = 0;              ///< drawn by lot
    std::uint64_t capacity_bytes = 0;  ///< of all partitions, in stored bytes
    std::uint64_t segment_bytes = std::uint64_t{1} << 30;
    std::uint32_t format = 1;                    ///< grows with each FORMAT MEDIUM; names the files
    std::vector<std::uint64_t> partitions = {};  ///< capacity of each, at least one
    UsageCounters usage = {};
    std::uint32_t changes = 1;  ///< VOLUME CHANGE REFERENCE: another before something is written, see Drive
    std::map<AttributeKey, Attribute> attributes = {};  ///< those of the host, and what drives have noted
    bool operator==(const Label&) const = default;

    /// 2^32 - 1 would say that nobody knows it.
    static constexpr std::uint32_t kMostChanges = 0xffff'fffe;
    void count_change() { changes = changes >= kMostChanges ? 1 : changes + 1; }
};

/// Whether it can be a volume tag.
[[nodiscard]] bool valid_barcode(std::string_view barcode);

/// What the barcode says: "CLN" at its beginning; at its end "L6" and, of WORM cartridges, "LW".
void read_barcode(Label& label);

[[nodiscard]] std::string encode(const Label& label);
/// A fault of kind `damaged` that says what is wrong.
[[nodiscard]] Result<Label> decode_label(std::string_view text);

}  // namespace targe::vtl
