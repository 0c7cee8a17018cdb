#include "vtl/inventory.h"

#include "base/assert.h"
#include "vtl/label.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace targe::vtl {
namespace {

using Json = nlohmann::ordered_json;

std::optional<std::uint16_t> address_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    const bool good =
        found != object.end() && found->is_number_unsigned() && found->get<std::uint64_t>() <= 0xffff;
    return good ? std::optional(found->get<std::uint16_t>()) : std::nullopt;
}

}  // namespace

Inventory::Inventory(const ElementCounts& counts) : counts_(counts) {
    const auto add = [&](ElementType type, std::uint16_t first, std::uint16_t count) {
        for (std::uint16_t i = 0; i < count; ++i) {
            elements_.push_back({.type = type, .address = static_cast<std::uint16_t>(first + i)});
        }
    };
    add(ElementType::transport, kTransportAddress, 1);
    add(ElementType::import_export, kFirstImportExport, counts.import_export);
    add(ElementType::drive, kFirstDrive, counts.drives);
    add(ElementType::storage, kFirstStorage, counts.storage);
}

const Element* Inventory::find(std::uint16_t address) const {
    const auto found = std::ranges::lower_bound(elements_, address, {}, &Element::address);
    return found != elements_.end() && found->address == address ? &*found : nullptr;
}

Element* Inventory::find(std::uint16_t address) {
    const auto found = std::ranges::lower_bound(elements_, address, {}, &Element::address);
    return found != elements_.end() && found->address == address ? &*found : nullptr;
}

std::string element_name(const Element& element) {
    switch (element.type) {
        case ElementType::storage:
            return fmt::format("slot:{}", element.address - kFirstStorage + 1);
        case ElementType::import_export:
            return fmt::format("port:{}", element.address - kFirstImportExport + 1);
        case ElementType::drive:
            return fmt::format("drive:{}", element.address - kFirstDrive);
        case ElementType::transport:
            break;
    }
    return "transport";
}

const Element* Inventory::find_name(std::string_view name) const {
    const auto found = std::ranges::find_if(elements_, [&](const Element& element) {
        return element.type != ElementType::transport && element_name(element) == name;
    });
    return found == elements_.end() ? nullptr : &*found;
}

const Element* Inventory::find_barcode(std::string_view barcode) const {
    const auto found =
        std::ranges::find_if(elements_, [&](const Element& element) { return element.barcode == barcode; });
    return found == elements_.end() ? nullptr : &*found;
}

const Element* Inventory::empty(ElementType type) const {
    const auto found = std::ranges::find_if(
        elements_, [&](const Element& element) { return element.type == type && !element.barcode; });
    return found == elements_.end() ? nullptr : &*found;
}

void Inventory::put(std::uint16_t address, std::string barcode) {
    Element* const element = find(address);
    TARGE_ASSERT(element != nullptr && !element->barcode);
    element->barcode = std::move(barcode);
    element->source.reset();
    element->by_operator = true;
}

void Inventory::take(std::uint16_t address) {
    Element* const element = find(address);
    TARGE_ASSERT(element != nullptr && element->barcode);
    element->barcode.reset();
    element->source.reset();
    element->by_operator = false;
}

std::string encode(const Inventory& inventory) {
    Json list = Json::array();
    for (const Element& element : inventory.elements()) {
        if (element.barcode) {
            Json line{{"address", element.address},
                      {"barcode", *element.barcode},
                      {"operator", element.by_operator}};
            if (element.source) {
                line["source"] = *element.source;
            }
            list.push_back(std::move(line));
        }
    }
    return Json{{"elements", std::move(list)}}.dump(1) + "\n";
}

Result<Inventory> decode_inventory(std::string_view text, const ElementCounts& counts) {
    const Json body = Json::parse(text, nullptr, false);
    if (!body.is_object() || !body.contains("elements") || !body["elements"].is_array()) {
        return damaged("inventory.json: it has no list \"elements\"");
    }
    Inventory inventory(counts);
    for (const Json& line : body["elements"]) {
        const auto address = line.is_object() ? address_in(line, "address") : std::nullopt;
        Element* const element = address ? inventory.find(*address) : nullptr;
        if (element == nullptr || element->type == ElementType::transport || element->barcode ||
            !line.contains("barcode") || !line["barcode"].is_string()) {
            return damaged(fmt::format("inventory.json: wrong element {}", line.dump()));
        }
        const auto barcode = line["barcode"].get<std::string>();
        if (!valid_barcode(barcode) || inventory.find_barcode(barcode) != nullptr) {
            return damaged(fmt::format("inventory.json: wrong or repeated barcode in {}", line.dump()));
        }
        element->barcode = barcode;
        element->source = address_in(line, "source");
        element->by_operator = line.contains("operator") && line["operator"] == true;
    }
    return inventory;
}

}  // namespace targe::vtl
