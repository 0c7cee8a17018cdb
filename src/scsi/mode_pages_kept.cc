// Saved mode pages as text: a line for each field, so that fields may come and go between releases.
#include "scsi/mode_page_table.h"
#include "scsi/mode_pages.h"

#include <algorithm>
#include <charconv>

namespace targe::scsi {
namespace {

/// Page, subpage, byte and most significant bit.
std::string name_of(const ModeField& field) {
    return std::to_string(field.page) + "." + std::to_string(field.subpage) + "." +
           std::to_string(field.where.byte) + "." + std::to_string(field.where.msb);
}

const ModeField* find(std::string_view name) {
    for (const ModeField& field : mode_fields()) {
        if (!field.configured && name_of(field) == name) {
            return &field;
        }
    }
    return nullptr;
}

/// A field that is not known is from another release, and is left alone.
bool take_line(std::string_view line, ModePages& pages) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
        return false;
    }
    std::uint8_t value = 0;
    const std::string_view digits = line.substr(equals + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        return false;
    }
    const ModeField* const field = find(line.substr(0, equals));
    return field == nullptr || field->set(pages, value);
}

/// Or anything of the threshold that it is a part of does.
bool differs(const ModeField& field, const ModePages& pages, const ModePages& defaults) {
    return std::ranges::any_of(mode_fields(), [&](const ModeField& each) {
        const bool same = &each == &field || (field.part_of != 0 && each.part_of == field.part_of);
        return same && each.get(pages) != each.get(defaults);
    });
}

}  // namespace

std::string keep(const ModePages& pages, const ModePages& defaults) {
    std::string text;
    for (const ModeField& field : mode_fields()) {
        if (!field.configured && differs(field, pages, defaults)) {
            text += name_of(field) + "=" + std::to_string(field.get(pages)) + "\n";
        }
    }
    return text;
}

std::optional<ModePages> kept_mode_pages(std::string_view text, const ModePages& otherwise) {
    ModePages pages = otherwise;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos || !take_line(text.substr(0, end), pages)) {
            return std::nullopt;
        }
        text.remove_prefix(end + 1);
    }
    return pages;
}

}  // namespace targe::scsi
