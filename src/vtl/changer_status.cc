#include "vtl/changer.h"
#include "vtl/changer_cdbs.h"
#include "vtl/label.h"

#include <algorithm>
#include <array>

namespace targe::vtl {
namespace {

constexpr std::size_t kVolumeTagBytes = 36;
constexpr std::size_t kBarcodeBytes = 32;
constexpr std::size_t kIdentifierBytes = 34;

/// In the order of their addresses: who asks for all types by and by goes on behind the last element that
/// came.
constexpr auto kTypes = std::to_array(
    {ElementType::transport, ElementType::import_export, ElementType::drive, ElementType::storage});

/// Whether `barcode` is what a VOLUME IDENTIFICATION TEMPLATE asks for: * is any rest, ? any character.
bool matches(std::string_view barcode, std::string_view pattern) {
    for (std::size_t i = 0;; ++i) {
        if (i < pattern.size() && pattern[i] == '*') {
            return true;
        }
        if (i == pattern.size() || i == barcode.size()) {
            return i == pattern.size() && i == barcode.size();
        }
        if (pattern[i] != '?' && pattern[i] != barcode[i]) {
            return false;
        }
    }
}

/// MEDIUM TYPE, as far as the label says it.
unsigned medium_type(const Element& element) {
    constexpr unsigned kUnspecified = 0;
    constexpr unsigned kData = 1;
    constexpr unsigned kCleaning = 2;
    if (!element.barcode) {
        return kUnspecified;
    }
    Label label{.barcode = *element.barcode};
    read_barcode(label);
    return label.cleaning ? kCleaning : kData;
}

}  // namespace

/// Element descriptor; those of one page are all as long.
void Changer::write_element(const Element& element, const StatusRequest& request,
                            scsi::ParameterWriter& out) const {
    constexpr unsigned kFull = 0x01;
    constexpr unsigned kImportedByOperator = 0x02;
    constexpr unsigned kAccess = 0x08;
    constexpr unsigned kExportEnabled = 0x10;
    constexpr unsigned kImportEnabled = 0x20;
    const bool drive = element.type == ElementType::drive;
    const bool import_export = element.type == ElementType::import_export;
    const std::size_t index = drive ? static_cast<std::size_t>(element.address - kFirstDrive) : 0;
    const bool access = element.type != ElementType::transport && (!drive || robot_.drive_accessible(index));
    out.u16(element.address);
    out.u8(static_cast<std::uint8_t>((element.barcode ? kFull : 0U) | (access ? kAccess : 0U) |
                                     (import_export ? kExportEnabled | kImportEnabled : 0U) |
                                     (import_export && element.by_operator ? kImportedByOperator : 0U)));
    out.zeroes(6);
    constexpr std::uint8_t kSourceValid = 0x80;
    out.u8(static_cast<std::uint8_t>((element.source ? kSourceValid : 0U) | medium_type(element)));
    out.u16(element.source.value_or(0));
    if (request.volume_tags) {
        if (element.barcode) {
            out.ascii(*element.barcode, kBarcodeBytes);
            out.zeroes(kVolumeTagBytes - kBarcodeBytes);
        } else {
            out.zeroes(kVolumeTagBytes);
        }
    }
    if (request.device_ids && drive) {
        const DriveIdentity identity = robot_.drive_identity(index);
        out.u8(0x02);  // ASCII
        out.u8(0x01);  // T10 vendor identification
        out.u8(0);
        out.u8(kIdentifierBytes);
        out.ascii(identity.vendor, 8);
        out.ascii(identity.product, 16);
        out.ascii(identity.serial, 10);
    } else {
        out.zeroes(4);
    }
}

/// Element status pages: one of each type that occurs.
void Changer::write_pages(std::span<const Element> elements, const StatusRequest& request,
                          scsi::ParameterWriter& out) const {
    constexpr unsigned kPrimaryTags = 0x80;
    for (const ElementType type : kTypes) {
        const auto count = static_cast<std::size_t>(std::ranges::count(elements, type, &Element::type));
        if (count == 0) {
            continue;
        }
        const bool with_id = request.device_ids && type == ElementType::drive;
        const std::size_t length =
            16 + (request.volume_tags ? kVolumeTagBytes : 0) + (with_id ? kIdentifierBytes : 0);
        out.u8(static_cast<std::uint8_t>(type));
        out.u8(static_cast<std::uint8_t>(request.volume_tags ? kPrimaryTags : 0U));
        out.u16(static_cast<std::uint16_t>(length));
        out.u32(static_cast<std::uint32_t>(count * length));
        for (const Element& element : elements) {
            if (element.type == type) {
                write_element(element, request, out);
            }
        }
    }
}

Changer::Ending Changer::report_elements(Call& call, const StatusRequest& request,
                                         const std::vector<Element>& among) {
    std::vector<Element> elements;
    for (const Element& element : among) {
        const bool type = request.type == 0 || static_cast<std::uint64_t>(element.type) == request.type;
        if (type && element.address >= request.first && elements.size() < request.count) {
            elements.push_back(element);
        }
    }
    call.reply(request.allocation_length, [&](scsi::ParameterWriter& out) {
        const std::size_t start = out.size();
        out.u16(elements.empty() ? 0 : elements.front().address);
        out.u16(static_cast<std::uint16_t>(elements.size()));
        out.u32(0);
        write_pages(elements, request, out);
        out.patch(start + 4, static_cast<std::uint32_t>(out.size() - start - 8));
        if (request.action) {
            out.patch(start + 4, *request.action);
        }
    });
    return std::nullopt;
}

Changer::Ending Changer::read_element_status(Call& call) {
    using L = ReadElementStatusCdb;
    const std::uint64_t type = call.get(L::kType);
    if (type > static_cast<std::uint64_t>(ElementType::drive)) {
        return invalid_field(L::kType);
    }
    const std::span<const Element> all = robot_.inventory().elements();
    const StatusRequest request{.volume_tags = call.flag(L::kVolumeTags),
                                .device_ids = call.flag(L::kDeviceId),
                                .type = type,
                                .first = call.get(L::kFirst),
                                .count = call.get(L::kCount),
                                .allocation_length = call.get(L::kAllocationLength)};
    const bool any = std::ranges::any_of(all, [&](const Element& element) {
        return element.address >= request.first &&
               (type == 0 || static_cast<std::uint64_t>(element.type) == type);
    });
    // A type of which there is none at all is no mistake of the initiator's.
    const bool none_of_type = type != 0 && std::ranges::none_of(all, [&](const Element& element) {
                                  return static_cast<std::uint64_t>(element.type) == type;
                              });
    if (!any && !none_of_type) {
        return refusal(asc::invalid_element_address);
    }
    return report_elements(call, request, {all.begin(), all.end()});
}

Changer::Ending Changer::request_volume_element_address(Call& call) {
    using L = RequestVolumeElementAddressCdb;
    const std::uint64_t type = call.get(L::kType);
    if (type > static_cast<std::uint64_t>(ElementType::drive)) {
        return invalid_field(L::kType);
    }
    return report_elements(call,
                           {.volume_tags = call.flag(L::kVolumeTags),
                            .device_ids = false,
                            .type = type,
                            .first = call.get(L::kFirst),
                            .count = call.get(L::kCount),
                            .allocation_length = call.get(L::kAllocationLength),
                            .action = found_by_},
                           found_);
}

/// Searches only: tags are the cartridges' labels, which no initiator rewrites.
Changer::Ending Changer::send_volume_tag(Call& call) {
    using L = SendVolumeTagCdb;
    constexpr std::size_t kListBytes = 40;
    constexpr auto kSearches = std::to_array<std::uint64_t>({0x0, 0x1, 0x4, 0x5});
    const std::uint64_t action = call.get(L::kAction);
    if (std::ranges::find(kSearches, action) == kSearches.end()) {
        return invalid_field(L::kAction);
    }
    const std::uint64_t type = call.get(L::kType);
    if (type > static_cast<std::uint64_t>(ElementType::drive)) {
        return invalid_field(L::kType);
    }
    const auto list = call.parameter_list(call.get(L::kParameterListLength));
    if (!list || list->size() != kListBytes) {
        return parameter_list_length_error();
    }
    std::string pattern;
    for (const std::byte byte : list->first(kBarcodeBytes)) {
        pattern.push_back(static_cast<char>(byte));
    }
    pattern.erase(std::min(pattern.find_last_not_of(std::string_view(" \0", 2)) + 1, pattern.size()));
    found_.clear();
    found_by_ = static_cast<std::uint8_t>(action);
    for (const Element& element : robot_.inventory().elements()) {
        const bool wanted = (type == 0 || static_cast<std::uint64_t>(element.type) == type) &&
                            element.address >= call.get(L::kFirst);
        if (wanted && element.barcode && matches(*element.barcode, pattern)) {
            found_.push_back(element);
        }
    }
    return std::nullopt;
}

}  // namespace targe::vtl
