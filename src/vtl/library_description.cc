#include "vtl/library_description.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace targe::vtl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint16_t kMostDrives = 32;
constexpr std::uint16_t kMostStorage = 10'000;
constexpr std::uint16_t kMostImportExport = 128;

Json name_of(const UnitName& name) {
    return {{"vendor", name.vendor},
            {"product", name.product},
            {"revision", name.revision},
            {"serial", name.serial}};
}

std::optional<std::string> text_in(const Json& object, const char* key, std::size_t most) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (!object.is_object() || found == object.end() || !found->is_string()) {
        return std::nullopt;
    }
    auto text = found->get<std::string>();
    const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
    return printable && !text.empty() && text.size() <= most ? std::optional(std::move(text)) : std::nullopt;
}

/// Or the member that is wrong.
std::expected<UnitName, std::string> read_name(const Json& object) {
    struct Member {
        const char* key;
        std::size_t most;
        std::string UnitName::* member;
    };
    UnitName name;
    for (const Member& each :
         {Member{"vendor", 8, &UnitName::vendor}, Member{"product", 16, &UnitName::product},
          Member{"revision", 4, &UnitName::revision}, Member{"serial", 10, &UnitName::serial}}) {
        auto text = text_in(object, each.key, each.most);
        if (!text) {
            return std::unexpected(std::string(each.key));
        }
        name.*each.member = std::move(*text);
    }
    return name;
}

std::optional<std::uint16_t> count_in(const Json& object, const char* key, std::uint16_t least,
                                      std::uint16_t most) {
    const auto found = object.find(key);
    const bool good = found != object.end() && found->is_number_unsigned() &&
                      found->get<std::uint64_t>() >= least && found->get<std::uint64_t>() <= most;
    return good ? std::optional(found->get<std::uint16_t>()) : std::nullopt;
}

std::unexpected<Fault> wrong(std::string_view member) {
    return damaged(fmt::format("library.json: the member \"{}\" is missing or wrong", member));
}

}  // namespace

LibraryDescription standard_library(const Generation& generation, std::uint16_t drives, std::uint16_t storage,
                                    std::uint16_t import_export, std::string_view serial) {
    LibraryDescription made{.changer = {.vendor = "IBM",
                                        .product = "03584L32",
                                        .revision = "0100",
                                        .serial = fmt::format("{}L0", serial)},
                            .drives = {},
                            .storage = storage,
                            .import_export = import_export};
    for (std::uint16_t i = 0; i < drives; ++i) {
        made.drives.push_back({.name = {.vendor = "IBM",
                                        .product = std::string(generation.product),
                                        .revision = "0100",
                                        .serial = fmt::format("{}D{:02}", serial, i)},
                               .generation = &generation});
    }
    return made;
}

std::string encode(const LibraryDescription& description) {
    Json drives = Json::array();
    for (const DriveUnit& drive : description.drives) {
        Json line = name_of(drive.name);
        line["generation"] = drive.generation->name;
        drives.push_back(std::move(line));
    }
    return Json{{"changer", name_of(description.changer)},
                {"drives", std::move(drives)},
                {"storage", description.storage},
                {"import_export", description.import_export}}
               .dump(1) +
           "\n";
}

Result<LibraryDescription> decode_library(std::string_view text) {
    const Json body = Json::parse(text, nullptr, false);
    if (!body.is_object()) {
        return damaged("library.json is not JSON");
    }
    LibraryDescription made;
    auto changer = read_name(body.contains("changer") ? body["changer"] : Json{});
    if (!changer) {
        return wrong("changer." + changer.error());
    }
    made.changer = std::move(*changer);
    const Json drives = body.contains("drives") ? body["drives"] : Json{};
    if (!drives.is_array() || drives.empty() || drives.size() > kMostDrives) {
        return wrong("drives");
    }
    for (const Json& line : drives) {
        auto name = read_name(line);
        if (!name) {
            return wrong("drives." + name.error());
        }
        const auto generation = text_in(line, "generation", 8);
        const Generation* const found = generation ? find_generation(*generation) : nullptr;
        if (found == nullptr) {
            return wrong("drives.generation");
        }
        made.drives.push_back({.name = std::move(*name), .generation = found});
    }
    const auto storage = count_in(body, "storage", 1, kMostStorage);
    const auto import_export = count_in(body, "import_export", 0, kMostImportExport);
    if (!storage || !import_export) {
        return wrong(storage ? "import_export" : "storage");
    }
    made.storage = *storage;
    made.import_export = *import_export;
    return made;
}

}  // namespace targe::vtl
