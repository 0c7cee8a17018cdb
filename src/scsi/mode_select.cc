#include "scsi/mode_page_table.h"
#include "scsi/mode_pages.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace targe::scsi {
namespace {

constexpr wire::Field kPageFormat = wire::bit(1, 4);
constexpr wire::Field kSavePages = wire::bit(1, 0);

struct Header6 {
    static constexpr std::size_t kSize = 4;
    static constexpr wire::Field kMediumType = wire::bytes(1, 1);
    static constexpr wire::Field kDescriptorsLength = wire::bytes(3, 3);
};

struct Header10 {
    static constexpr std::size_t kSize = 8;
    static constexpr wire::Field kMediumType = wire::bytes(2, 2);
    static constexpr wire::Field kLongLba = wire::bit(4, 0);
    static constexpr wire::Field kDescriptorsLength = wire::bytes(6, 7);
};

struct Descriptor {
    static constexpr std::size_t kSize = 8;
    static constexpr wire::Field kBlocks = wire::bytes(0, 3);
    static constexpr wire::Field kBlockSize = wire::bytes(5, 7);
};

struct LongDescriptor {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kBlocks = wire::bytes(0, 7);
    static constexpr wire::Field kBlockSize = wire::bytes(12, 15);
};

/// What both parameter headers say. MODE DATA LENGTH is reserved in MODE SELECT, and initiators send back
/// what they were told: it is not looked at, nor is the device-specific parameter.
struct Header {
    std::size_t size;
    std::uint8_t medium_type;
    std::uint16_t medium_type_at;
    bool long_lba;
    std::size_t descriptors_length;
    std::uint16_t descriptors_length_at;
};

using Checked = std::optional<Sense>;

template <class Layout>
Header header_of(wire::Bytes list) {
    const auto raw = list.first<Layout::kSize>();
    Header header{.size = Layout::kSize,
                  .medium_type = wire::get<Layout::kMediumType>(raw),
                  .medium_type_at = Layout::kMediumType.byte,
                  .long_lba = false,
                  .descriptors_length = wire::get<Layout::kDescriptorsLength>(raw),
                  .descriptors_length_at = Layout::kDescriptorsLength.byte};
    if constexpr (requires { Layout::kLongLba; }) {
        header.long_lba = wire::get<Layout::kLongLba>(raw) != 0;
    }
    return header;
}

std::expected<Header, Sense> parse_header(ModeForm form, wire::Bytes list) {
    if (list.size() < (form == ModeForm::six ? Header6::kSize : Header10::kSize)) {
        return std::unexpected(illegal_request(Asc::parameter_list_length_error));
    }
    const Header header = form == ModeForm::six ? header_of<Header6>(list) : header_of<Header10>(list);
    if (header.medium_type != 0) {
        return std::unexpected(invalid_parameter(header.medium_type_at));
    }
    return header;
}

/// The capacity cannot be changed: 0 and all ones leave it alone, anything else must be what it is,
/// [SBC-3 r36 6.4.2].
template <class Layout>
Checked check_descriptor(wire::Bytes list, std::size_t at, const UnitDescription& unit) {
    const auto raw = list.subspan(at, Layout::kSize).template first<Layout::kSize>();
    const auto blocks = wire::get<Layout::kBlocks>(raw);
    constexpr std::uint64_t kAllOnes = std::numeric_limits<decltype(wire::get<Layout::kBlocks>(raw))>::max();
    if (blocks != 0 && blocks != kAllOnes && blocks != unit.blocks) {
        return invalid_parameter(at + Layout::kBlocks.byte);
    }
    if (wire::get<Layout::kBlockSize>(raw) != unit.block_size) {
        return invalid_parameter(at + Layout::kBlockSize.byte);
    }
    return std::nullopt;
}

Checked check_descriptors(const Header& header, wire::Bytes list, const UnitDescription& unit) {
    const std::size_t one = header.long_lba ? LongDescriptor::kSize : Descriptor::kSize;
    if (header.descriptors_length == 0) {
        return std::nullopt;
    }
    if (header.descriptors_length != one) {
        return invalid_parameter(header.descriptors_length_at);
    }
    if (list.size() - header.size < one) {
        return illegal_request(Asc::parameter_list_length_error);
    }
    return header.long_lba ? check_descriptor<LongDescriptor>(list, header.size, unit)
                           : check_descriptor<Descriptor>(list, header.size, unit);
}

constexpr std::uint8_t kSubpageFormat = 0x40;
constexpr std::uint8_t kPageCodeMask = 0x3f;

/// The page that begins at `at`, its length checked; its content is then all in `list`.
std::expected<const ModePage*, Sense> page_at(wire::Bytes list, std::size_t at, const UnitDescription& unit) {
    const wire::Bytes rest = list.subspan(at);
    const bool has_subpage = (rest[0] & std::byte{kSubpageFormat}) != std::byte{0};
    const std::size_t header = has_subpage ? 4 : 2;
    if (rest.size() < header) {
        return std::unexpected(illegal_request(Asc::parameter_list_length_error));
    }
    const auto code = std::to_integer<std::uint8_t>(rest[0] & std::byte{kPageCodeMask});
    const auto subpage = has_subpage ? std::to_integer<std::uint8_t>(rest[1]) : std::uint8_t{0};
    const auto table = mode_page_table();
    const auto page = std::ranges::find_if(table, [&](const ModePage& p) {
        return p.code == code && p.subpage == subpage && has_page(unit, p);
    });
    if (page == table.end() || page->header_size() != header) {
        return std::unexpected(invalid_parameter(at, 5));
    }
    const bool same_length =
        std::ranges::equal(rest.subspan(1, header - 1), std::span(page->fixed).subspan(1, header - 1));
    if (!same_length) {
        return std::unexpected(invalid_parameter(at + (has_subpage ? 2 : 1)));
    }
    if (rest.size() < page->size) {
        return std::unexpected(illegal_request(Asc::parameter_list_length_error));
    }
    return &*page;
}

/// Takes the changeable fields of `raw` into `pages`; every other bit must be what it is.
Checked take_page(const ModePage& page, wire::Bytes raw, std::size_t at, const UnitDescription& unit,
                  ModePages& pages) {
    for (const ModeField& field : mode_fields()) {
        const bool here = field.page == page.code && field.subpage == page.subpage;
        if (here && changeable(field, unit) && !field.set(pages, field.in(raw))) {
            return invalid_parameter(at + field.where.byte, field.where.msb);
        }
    }
    constexpr std::uint8_t kInformationalExceptions = 0x1c;
    constexpr wire::Field kTest = wire::bit(2, 2);
    if (page.code == kInformationalExceptions && page.subpage == 0 && pages.exceptions_disabled &&
        pages.test_exception) {
        return invalid_parameter(at + kTest.byte, kTest.msb);
    }
    const auto expected = mode_page(page, pages);
    for (std::size_t i = page.header_size(); i < page.size; ++i) {
        const auto wrong = std::to_integer<std::uint8_t>(raw[i] ^ expected.at(i));
        if (wrong != 0) {
            return invalid_parameter(at + i, static_cast<std::uint8_t>(std::bit_width(wrong) - 1));
        }
    }
    return std::nullopt;
}

Checked refuse(const ModeSelectRequest& request) {
    if (!request.page_format) {
        return invalid_field(kPageFormat);
    }
    if (request.save_pages && !request.can_save) {
        return invalid_field(kSavePages);
    }
    return std::nullopt;
}

}  // namespace

std::expected<ModeSelected, Sense> mode_select(const ModeSelectRequest& request, const UnitDescription& unit,
                                               const ModePages& current, wire::Bytes list) {
    if (const auto refused = refuse(request)) {
        return std::unexpected(*refused);
    }
    if (list.empty()) {
        return ModeSelected{.pages = current, .changed = false};
    }
    const auto header = parse_header(request.form, list);
    if (!header) {
        return std::unexpected(header.error());
    }
    if (const auto refused = check_descriptors(*header, list, unit)) {
        return std::unexpected(*refused);
    }
    ModePages next = current;
    for (std::size_t at = header->size + header->descriptors_length; at < list.size();) {
        const auto page = page_at(list, at, unit);
        if (!page) {
            return std::unexpected(page.error());
        }
        if (const auto refused = take_page(**page, list.subspan(at), at, unit, next)) {
            return std::unexpected(*refused);
        }
        at += (*page)->size;
    }
    return ModeSelected{.pages = next, .changed = next != current};
}

}  // namespace targe::scsi
