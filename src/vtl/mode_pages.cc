#include "vtl/mode_pages.h"

#include "base/assert.h"

#include <algorithm>
#include <bit>
#include <span>

namespace targe::vtl {
namespace {

std::vector<std::byte> with_header(std::uint8_t code, std::uint8_t subpage,
                                   const std::vector<std::uint8_t>& body) {
    std::vector<std::byte> page;
    page.push_back(static_cast<std::byte>(code | (subpage != 0 ? 0x40U : 0U)));
    if (subpage != 0) {
        page.push_back(std::byte{subpage});
        page.push_back(static_cast<std::byte>(body.size() >> 8U));
    }
    page.push_back(static_cast<std::byte>(body.size() & 0xffU));
    for (const std::uint8_t value : body) {
        page.push_back(std::byte{value});
    }
    return page;
}

/// Puts what `given` may change into `page`. `offset`: of the page in the parameter list.
std::optional<Sense> take(ModePage& page, wire::Bytes given, std::size_t offset, bool& changed) {
    for (std::size_t i = page.header_bytes(); i < given.size(); ++i) {
        const std::byte difference = given[i] ^ page.current[i];
        const std::byte refused = difference & ~page.changeable[i];
        if (refused != std::byte{0}) {
            return invalid_parameter(
                offset + i,
                static_cast<std::uint8_t>(std::bit_width(std::to_integer<std::uint8_t>(refused)) - 1));
        }
        changed = changed || difference != std::byte{0};
        page.current[i] = given[i];
    }
    return std::nullopt;
}

}  // namespace

void ModePages::add(std::uint8_t code, std::uint8_t subpage, const std::vector<std::uint8_t>& body,
                    const std::vector<std::uint8_t>& changeable) {
    TARGE_ASSERT(body.size() == changeable.size());
    ModePage page{.code = code,
                  .subpage = subpage,
                  .current = with_header(code, subpage, body),
                  .standard = with_header(code, subpage, body),
                  .changeable = with_header(code, subpage, changeable)};
    pages_.push_back(std::move(page));
}

ModePage* ModePages::find(std::uint8_t code, std::uint8_t subpage) {
    const auto found = std::ranges::find_if(
        pages_, [&](const ModePage& page) { return page.code == code && page.subpage == subpage; });
    return found == pages_.end() ? nullptr : &*found;
}

const ModePage* ModePages::find(std::uint8_t code, std::uint8_t subpage) const {
    const auto found = std::ranges::find_if(
        pages_, [&](const ModePage& page) { return page.code == code && page.subpage == subpage; });
    return found == pages_.end() ? nullptr : &*found;
}

std::uint8_t ModePages::byte(std::uint8_t code, std::size_t at, std::uint8_t subpage) const {
    const ModePage* const page = find(code, subpage);
    TARGE_ASSERT(page != nullptr && at < page->current.size());
    return std::to_integer<std::uint8_t>(page->current[at]);
}

void ModePages::set_byte(std::uint8_t code, std::size_t at, std::uint8_t value, std::uint8_t subpage) {
    ModePage* const page = find(code, subpage);
    TARGE_ASSERT(page != nullptr && at < page->current.size());
    page->current[at] = std::byte{value};
}

bool ModePages::write(std::uint8_t code, std::uint8_t subpage, PageControl control,
                      scsi::ParameterWriter& out) const {
    bool any = false;
    for (const ModePage& page : pages_) {
        const bool named = code == kAllPages || code == page.code;
        const bool sub = subpage == kAllSubpages || subpage == page.subpage;
        if (!named || !sub) {
            continue;
        }
        any = true;
        switch (control) {
            case PageControl::current:
                out.bytes(page.current);
                break;
            case PageControl::changeable:
                out.bytes(page.changeable);
                break;
            case PageControl::standard:
            case PageControl::saved:
                out.bytes(page.standard);
                break;
        }
    }
    return any;
}

std::optional<Sense> ModePages::select(wire::Bytes list, std::size_t offset, bool& changed) {
    std::vector<ModePage> after = pages_;
    while (!list.empty()) {
        const bool has_subpage = (list[0] & std::byte{0x40}) != std::byte{0};
        const std::size_t header = has_subpage ? 4 : 2;
        if (list.size() < header) {
            return parameter_list_length_error();
        }
        const auto code = std::to_integer<std::uint8_t>(list[0] & std::byte{0x3f});
        const auto subpage = has_subpage ? std::to_integer<std::uint8_t>(list[1]) : std::uint8_t{0};
        const std::size_t length =
            has_subpage ? std::to_integer<std::size_t>(list[2]) * 256 + std::to_integer<std::size_t>(list[3])
                        : std::to_integer<std::size_t>(list[1]);
        const auto page = std::ranges::find_if(
            after, [&](const ModePage& each) { return each.code == code && each.subpage == subpage; });
        if (page == after.end()) {
            return invalid_parameter(offset, 5);
        }
        const std::size_t whole = page->current.size() - header;
        if (page->may_be_short ? length > whole : length != whole) {
            return invalid_parameter(offset + header - 1);
        }
        if (list.size() < header + length) {
            return parameter_list_length_error();
        }
        if (auto refused = take(*page, list.first(header + length), offset, changed)) {
            return refused;
        }
        list = list.subspan(header + length);
        offset += header + length;
    }
    pages_ = std::move(after);
    return std::nullopt;
}

void ModePages::reset() {
    for (ModePage& page : pages_) {
        page.current = page.standard;
    }
}

}  // namespace targe::vtl
