#include "cli/vtl.h"

#include "admin/file_operations.h"
#include "admin/quantity.h"
#include "cli/command_line.h"
#include "cli/render.h"
#include "cli/table.h"
#include "cli/vtl_library.h"
#include "vtl/device_names.h"
#include "vtl/generation.h"
#include "vtl/library.h"
#include "vtl/library_requests.h"
#include "vtl/posix_store.h"
#include "vtl/tar.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <expected>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string_view>
#include <utility>

namespace targe::cli {
namespace {

using Json = nlohmann::ordered_json;
using admin::Problem;
using vtl::Library;

/// What is shown: lines for people, and the same for scripts.
struct Shown {
    std::string text;
    Json json = Json::object();
};
using Outcome = std::expected<Shown, Problem>;

std::unexpected<Problem> problem(std::string what, std::string cause = {}, std::string cure = {}) {
    return std::unexpected(
        Problem{.what = std::move(what), .cause = std::move(cause), .cure = std::move(cure)});
}

std::unexpected<Problem> from(const vtl::Fault& fault) {
    return std::unexpected(vtl::problem_of(fault));
}

std::expected<const vtl::Generation*, Problem> generation_named(const std::string& name) {
    const vtl::Generation* const found = vtl::find_generation(name);
    if (found == nullptr) {
        return problem(fmt::format("there is no generation '{}' here", name), "LTO-5 to LTO-9 are",
                       "--generation LTO-6");
    }
    return found;
}

/// Six characters that nobody else has.
std::expected<std::string, Problem> serial_by_lot() {
    std::array<std::byte, 6> random{};
    if (const auto drawn = admin::posix_files().random(random); !drawn) {
        return problem(drawn.error().what);
    }
    constexpr std::string_view kDigits = "0123456789ABCDEFGHJKLMNPQRSTUVWX";
    std::string serial;
    for (const std::byte byte : random) {
        serial.push_back(kDigits[std::to_integer<std::size_t>(byte) % kDigits.size()]);
    }
    return serial;
}

constexpr std::string_view kLettersAndDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What INQUIRY has room for.
std::expected<void, Problem> names_fit(const VtlArguments& arguments) {
    struct Name {
        std::string_view option;
        const std::string& value;
        std::size_t most;
    };
    for (const Name& name : {Name{"--vendor", arguments.vendor, 8}, Name{"--product", arguments.product, 16},
                             Name{"--revision", arguments.revision, 4}}) {
        if (name.value.size() > name.most) {
            return problem(
                fmt::format("{} '{}' has more than {} characters", name.option, name.value, name.most),
                "INQUIRY has no room for more", "choose a shorter one, or leave it out");
        }
    }
    return {};
}

Outcome create(const VtlArguments& arguments) {
    const auto generation = generation_named(arguments.generation.empty() ? "LTO-6" : arguments.generation);
    if (!generation) {
        return std::unexpected(generation.error());
    }
    const auto serial =
        arguments.serial.empty() ? serial_by_lot() : std::expected<std::string, Problem>(arguments.serial);
    if (!serial) {
        return std::unexpected(serial.error());
    }
    if (serial->size() != 6 || serial->find_first_not_of(kLettersAndDigits) != std::string::npos) {
        return problem(fmt::format("the serial number '{}' is not 6 letters and digits", *serial),
                       "serial numbers of units are made of it", "--serial ABC123");
    }
    if (const auto good = names_fit(arguments); !good) {
        return std::unexpected(good.error());
    }
    vtl::LibraryDescription description =
        vtl::standard_library(**generation, arguments.drives, arguments.slots, arguments.ports, *serial);
    for (vtl::DriveUnit& drive : description.drives) {
        drive.name.vendor = arguments.vendor.empty() ? drive.name.vendor : arguments.vendor;
        drive.name.product = arguments.product.empty() ? drive.name.product : arguments.product;
        drive.name.revision = arguments.revision.empty() ? drive.name.revision : arguments.revision;
    }
    auto shelf = vtl::open_shelf(arguments.library, true);
    if (!shelf) {
        return std::unexpected(vtl::problem_of(shelf.error(), "choose a folder whose parent is there"));
    }
    if (const auto made = Library::create(std::move(*shelf), description); !made) {
        return problem(made.error().what, "", "choose another folder, and names of printable characters");
    }
    return Shown{
        .text = fmt::format("Library {} has {} drives ({}), {} slots and {} ports.\n", arguments.library,
                            arguments.drives, (*generation)->name, arguments.slots, arguments.ports),
        .json = {{"library", arguments.library}, {"serial", *serial}}};
}

/// The same for what the library answered: its sentence for people is made of that.
Outcome shown(const std::expected<Json, Problem>& answer,
              const std::function<std::string(const Json&)>& text) {
    return answer ? Outcome(Shown{.text = text(*answer), .json = *answer}) : std::unexpected(answer.error());
}

std::string where_it_is(const Json& answer) {
    return fmt::format("Cartridge {} is in {}.\n", printable(text_in(answer, "barcode")),
                       printable(text_in(answer, "element")));
}

std::string remarks(const Json& line) {
    std::string text = text_in(line, "trouble");
    for (const auto& [key, word] : {std::pair{"worm", "WORM"}, std::pair{"write_protected", "protected"},
                                    std::pair{"cleaning", "cleaning"}}) {
        const auto is = line.find(key);
        text += is != line.end() && *is == true ? fmt::format("{}{}", text.empty() ? "" : ", ", word) : "";
    }
    return text;
}

std::string table_of(const Json& answer) {
    Table table(
        {{"element"}, {"address"}, {"cartridge"}, {"kind"}, {"capacity", Table::Align::right}, {"remarks"}});
    const auto elements = answer.find("elements");
    for (const Json& line : elements == answer.end() ? Json::array() : *elements) {
        const auto capacity = line.find("capacity_bytes");
        const auto address = line.find("address");
        table.add({text_in(line, "element"),
                   address != line.end() && address->is_number_unsigned()
                       ? fmt::format("{:04x}h", address->get<std::uint64_t>())
                       : "",
                   text_in(line, "barcode"), text_in(line, "generation"),
                   capacity != line.end() && capacity->is_number_unsigned()
                       ? bytes_for_people(capacity->get<std::uint64_t>())
                       : "",
                   remarks(line)});
    }
    return table.text();
}

Outcome config(const VtlArguments& arguments, VtlLibrary& library) {
    const std::string name = arguments.name.empty() ? vtl::library_name(arguments.library) : arguments.name;
    return shown(library.request("vtl-config", {{"name", name}}),
                 [](const Json& answer) { return text_in(answer, "toml"); });
}

/// Of a cartridge, and of the element that was named.
Json named(const std::string& barcode, const VtlArguments& arguments) {
    Json made{{"barcode", barcode}};
    if (!arguments.element.empty()) {
        made["element"] = arguments.element;
    }
    return made;
}

Outcome add(const VtlArguments& arguments, VtlLibrary& library) {
    Json asked = named(arguments.barcode, arguments);
    if (!arguments.generation.empty()) {
        asked["generation"] = arguments.generation;
    }
    if (!arguments.capacity.empty()) {
        const auto size = admin::parse_size(arguments.capacity);
        if (!size) {
            return problem(fmt::format("--capacity {}: {}", arguments.capacity, size.error()), "",
                           "--capacity 10GiB");
        }
        asked["capacity_bytes"] = *size;
    }
    asked["worm"] = arguments.worm;
    return shown(library.request("vtl-add", asked), where_it_is);
}

Outcome remove(const VtlArguments& arguments, VtlLibrary& library) {
    if (!arguments.destroy_data) {
        return problem(
            fmt::format("{} is kept", arguments.barcode), "what is on it would be lost",
            fmt::format("targe vtl remove {} {} --destroy-data", arguments.library, arguments.barcode));
    }
    return shown(library.request("vtl-remove", {{"barcode", arguments.barcode}}),
                 [&](const Json&) { return fmt::format("Cartridge {} is gone.\n", arguments.barcode); });
}

Outcome protect(const VtlArguments& arguments, VtlLibrary& library) {
    const bool on = arguments.state == "on";
    return shown(library.request("vtl-protect", {{"barcode", arguments.barcode}, {"on", on}}),
                 [&](const Json&) {
                     return fmt::format("Cartridge {} {}.\n", arguments.barcode,
                                        on ? "is write-protected" : "can be written");
                 });
}

/// Who has been told that the archive is written may destroy the cartridge.
vtl::Result<> made_durable(const std::filesystem::path& file) {
    const auto folder = vtl::open_folder(file.has_parent_path() ? file.parent_path().string() : ".", false);
    const auto archive =
        folder ? (*folder)->open(file.filename().string(), false) : std::unexpected(folder.error());
    if (!archive) {
        return std::unexpected(archive.error());
    }
    // Not every file system can sync a folder.
    static_cast<void>((*folder)->sync());
    return (*archive)->sync();
}

/// One word for the shell, whatever is in it.
std::string quoted(std::string_view word) {
    if (word.find_first_of(" \t\n!\"#$&'()*;<>?[\\]^`{|}~") == std::string_view::npos) {
        return std::string(word);
    }
    std::string made = "'";
    for (const char c : word) {
        made += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return made + "'";
}

Outcome export_tape(const VtlArguments& arguments, VtlLibrary& library) {
    if (std::filesystem::exists(arguments.file)) {
        return problem(fmt::format("{} is there already", arguments.file), "", "choose another file");
    }
    const auto cartridge = library.borrow(arguments.barcode);
    if (!cartridge) {
        return std::unexpected(cartridge.error());
    }
    std::ofstream file(arguments.file, std::ios::binary);
    if (!file) {
        return problem(fmt::format("{} cannot be written", arguments.file),
                       "its folder is not there, or not yours", "choose another file");
    }
    const auto unreadable = vtl::export_tar(**cartridge, file);
    file.close();
    const auto done = unreadable ? made_durable(arguments.file) : std::unexpected(unreadable.error());
    if (!done) {
        std::filesystem::remove(arguments.file);
        return file ? Outcome(from(done.error()))
                    : problem(fmt::format("{} could not be written whole", arguments.file),
                              "its file system has no space left, or its disk fails",
                              "choose another file, where there is more space");
    }
    if (!unreadable->empty()) {
        return problem(fmt::format("{} is written to {} but for what is damaged: {}", arguments.barcode,
                                   arguments.file, vtl::text_of(*unreadable)),
                       "files of the cartridge were changed from outside, or their disk fails",
                       fmt::format("tar tf {}, which has them as .damaged, and an import as blocks that "
                                   "cannot be read",
                                   cli::quoted(arguments.file)));
    }
    return Shown{.text = fmt::format("Cartridge {} is written to {}.\n", arguments.barcode, arguments.file)};
}

/// Builds the cartridge beside the library, which has it when it is complete.
vtl::Result<> build(const std::string& folder, const vtl::Label& label, std::istream& archive) {
    auto store = vtl::incoming_cartridge(folder, label.barcode);
    auto cartridge =
        store ? vtl::Cartridge::create(std::move(*store), label) : std::unexpected(store.error());
    if (!cartridge) {
        return std::unexpected(cartridge.error());
    }
    if (label.partitions != (*cartridge)->label().partitions) {
        if (const auto formatted = (*cartridge)->format(label.partitions); !formatted) {
            return formatted;
        }
    }
    return vtl::import_objects(archive, **cartridge);
}

Outcome import_tape(const VtlArguments& arguments, VtlLibrary& library) {
    std::ifstream file(arguments.file, std::ios::binary);
    if (!file) {
        return problem(fmt::format("{} cannot be read", arguments.file), "it is not there, or not yours",
                       fmt::format("ls -l {}", arguments.file));
    }
    auto label = vtl::import_label(file);
    if (!label) {
        return problem(fmt::format("{}: {}", arguments.file, label.error().what),
                       "it is no archive that 'targe vtl export' has written",
                       fmt::format("tar tf {}", arguments.file));
    }
    if (!arguments.barcode.empty()) {
        label->barcode = arguments.barcode;
    }
    label->segment_bytes = vtl::Label{}.segment_bytes;
    const Json asked = named(label->barcode, arguments);
    // Not only when many gigabytes have been read.
    if (const auto place = library.request("vtl-place", asked); !place) {
        return std::unexpected(place.error());
    }
    const auto built = build(library.folder(), *label, file);
    const auto adopted =
        built ? library.request("vtl-adopt", asked) : std::unexpected(vtl::problem_of(built.error()));
    if (!adopted) {
        // What was built is in nobody's way, and takes no space. Where another builds it, that stays.
        static_cast<void>(vtl::incoming_cartridge(library.folder(), label->barcode));
        return problem(fmt::format("{}: {}; no cartridge was made", arguments.file, adopted.error().what),
                       adopted.error().cause, adopted.error().cure);
    }
    return shown(adopted, where_it_is);
}

/// What is to be done next can be run as it is printed.
void name_library(std::string& cure, const VtlArguments& arguments) {
    for (const auto& [word, name] :
         {std::pair{std::string_view("LIBRARY"), std::string_view(arguments.library)},
          std::pair{std::string_view("BARCODE"), std::string_view(arguments.barcode)}}) {
        if (const std::size_t at = cure.find(word); at != std::string::npos && !name.empty()) {
            cure.replace(at, word.size(), quoted(name));
        }
    }
}

Outcome perform(const VtlArguments& arguments, const Ask& ask) {
    if (arguments.verb == VtlVerb::create) {
        return create(arguments);
    }
    auto library = VtlLibrary::open(arguments.library, ask);
    if (!library) {
        return std::unexpected(library.error());
    }
    switch (arguments.verb) {
        case VtlVerb::create:
            break;
        case VtlVerb::config:
            return config(arguments, *library);
        case VtlVerb::list:
            return shown(library->request("vtl-list", Json::object()), table_of);
        case VtlVerb::add:
            return add(arguments, *library);
        case VtlVerb::remove:
            return remove(arguments, *library);
        case VtlVerb::move:
            return shown(library->request("vtl-move", named(arguments.barcode, arguments)), where_it_is);
        case VtlVerb::protect:
            return protect(arguments, *library);
        case VtlVerb::export_tape:
            return export_tape(arguments, *library);
        case VtlVerb::import_tape:
            return import_tape(arguments, *library);
    }
    return Shown{};
}

}  // namespace

int run_vtl(const VtlArguments& arguments, bool json, const Ask& ask, std::ostream& out, std::ostream& err) {
    Outcome outcome = perform(arguments, ask);
    if (!outcome) {
        name_library(outcome.error().cure, arguments);
        print_problem(outcome.error(), json, out, err);
        return kFailed;
    }
    if (json) {
        out << outcome->json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    } else {
        out << outcome->text;
    }
    return out ? kDone : kFailed;
}

}  // namespace targe::cli
