#include "vtl/device_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace targe::vtl {
namespace {

/// With what device_name() appends it stays below the 64 that targe.toml allows.
constexpr std::size_t kMostNameBytes = 48;
/// Long tapes are searched, erased and made durable by one command.
constexpr const char* kDeadline = "15min";

bool in_device_names(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/// In a basic string of TOML; serial numbers are printable ASCII.
std::string escaped(std::string_view text) {
    std::string made;
    for (const char c : text) {
        made += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    }
    return made;
}

std::string device(std::string_view name, std::string_view type, std::string_view serial) {
    return fmt::format(
        "[[device]]\nname     = \"{}\"\nhandler  = \"user\"\ntype     = \"{}\"\nserial   = \"{}\"\n"
        "deadline = \"{}\"\n\n",
        name, type, escaped(serial), kDeadline);
}

std::string lower(std::string_view text) {
    std::string made(text);
    std::ranges::transform(made, made.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '_' ? '-' : c;
    });
    return made;
}

}  // namespace

std::string library_name(std::string_view folder) {
    while (folder.ends_with('/')) {
        folder.remove_suffix(1);
    }
    const std::size_t slash = folder.rfind('/');
    std::string name(slash == std::string_view::npos ? folder : folder.substr(slash + 1));
    std::ranges::replace_if(name, [](char c) { return !in_device_names(c); }, '-');
    if (name.find_first_not_of("-._") == std::string::npos) {
        return "vtl";
    }
    return name.substr(0, kMostNameBytes);
}

std::string device_name(std::string_view library, UnitIndex unit) {
    return unit ? fmt::format("{}-drive{}", library, *unit) : fmt::format("{}-changer", library);
}

std::string configuration(std::string_view library, const LibraryDescription& description) {
    std::string text = device(device_name(library, {}), "changer", description.changer.serial);
    std::string luns = fmt::format("{{ lun = 0, device = \"{}\" }}", device_name(library, {}));
    for (std::size_t drive = 0; drive < description.drives.size(); ++drive) {
        const std::string name = device_name(library, drive);
        text += device(name, "tape", description.drives[drive].name.serial);
        luns += fmt::format(",\n            {{ lun = {}, device = \"{}\" }}", drive + 1, name);
    }
    return text + fmt::format("[[target]]\nname     = \"iqn.2026-11.io.targe:{}\"\nluns     = [{}]\n",
                              lower(library), luns);
}

}  // namespace targe::vtl
