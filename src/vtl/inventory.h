// Which cartridge is in which element of a library, as a value.
#pragma once

#include "vtl/store.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace targe::vtl {

/// ELEMENT TYPE CODE, [SMC-3].
enum class ElementType : std::uint8_t { transport = 1, storage = 2, import_export = 3, drive = 4 };

struct ElementCounts {
    std::uint16_t drives = 1;         ///< 1 to 32
    std::uint16_t storage = 8;        ///< 1 to 10,000
    std::uint16_t import_export = 1;  ///< 0 to 128
    bool operator==(const ElementCounts&) const = default;
};

/// Addresses of the first element of each type; there is one transport.
inline constexpr std::uint16_t kTransportAddress = 0x0001;
inline constexpr std::uint16_t kFirstImportExport = 0x0010;
inline constexpr std::uint16_t kFirstDrive = 0x0100;
inline constexpr std::uint16_t kFirstStorage = 0x1000;

struct Element {
    ElementType type = ElementType::storage;
    std::uint16_t address = 0;
    std::optional<std::string> barcode = {};   ///< nothing: empty
    std::optional<std::uint16_t> source = {};  ///< the storage or import/export element it came from
    bool by_operator = false;                  ///< IMPEXP: not put there by the transport
    bool operator==(const Element&) const = default;
};

/// For people: "slot:1", counted as mtx(1) counts: slots and ports from 1, drives from 0.
[[nodiscard]] std::string element_name(const Element& element);

class Inventory {
public:
    explicit Inventory(const ElementCounts& counts);

    /// Ascending by address.
    [[nodiscard]] std::span<const Element> elements() const { return elements_; }
    [[nodiscard]] const ElementCounts& counts() const { return counts_; }
    [[nodiscard]] const Element* find(std::uint16_t address) const;
    [[nodiscard]] Element* find(std::uint16_t address);
    /// By element_name(); the transport is none.
    [[nodiscard]] const Element* find_name(std::string_view name) const;
    [[nodiscard]] const Element* find_barcode(std::string_view barcode) const;
    /// The first empty element of a type, or nothing.
    [[nodiscard]] const Element* empty(ElementType type) const;

    /// Puts a cartridge where none is, as an operator does.
    void put(std::uint16_t address, std::string barcode);
    void take(std::uint16_t address);

    bool operator==(const Inventory&) const = default;

private:
    ElementCounts counts_;
    std::vector<Element> elements_;
};

[[nodiscard]] std::string encode(const Inventory& inventory);
/// A fault of kind `damaged` that says what is wrong. Elements that are not told of are empty.
[[nodiscard]] Result<Inventory> decode_inventory(std::string_view text, const ElementCounts& counts);

}  // namespace targe::vtl
