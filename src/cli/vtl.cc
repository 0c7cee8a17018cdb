#include "cli/vtl.h"

#include "admin/file_operations.h"
#include "admin/quantity.h"
#include "cli/command_line.h"
#include "cli/render.h"
#include "cli/table.h"
#include "vtl/device_names.h"
#include "vtl/generation.h"
#include "vtl/library.h"
#include "vtl/tar.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <expected>
#include <filesystem>
#include <fstream>
#include <utility>

namespace targe::cli {
namespace {

using Json = nlohmann::ordered_json;
using admin::Problem;
using vtl::Element;
using vtl::ElementType;
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
    return problem(fault.what);
}

std::expected<std::unique_ptr<Library>, Problem> open(const std::string& path) {
    auto shelf = vtl::open_shelf(path, false);
    if (!shelf) {
        return problem(shelf.error().what, "a library is a folder that 'targe vtl create' has made",
                       fmt::format("targe vtl list {}", path));
    }
    auto library = Library::open(std::move(*shelf));
    return library ? std::expected<std::unique_ptr<Library>, Problem>(std::move(*library))
                   : from(library.error());
}

/// "slot:1", counted as mtx counts: slots and ports from 1, drives from 0.
std::string name_of(const Element& element) {
    switch (element.type) {
        case ElementType::storage:
            return fmt::format("slot:{}", element.address - vtl::kFirstStorage + 1);
        case ElementType::import_export:
            return fmt::format("port:{}", element.address - vtl::kFirstImportExport + 1);
        case ElementType::drive:
            return fmt::format("drive:{}", element.address - vtl::kFirstDrive);
        case ElementType::transport:
            break;
    }
    return "transport";
}

std::expected<std::uint16_t, Problem> address_of(const std::string& name, const vtl::Inventory& inventory) {
    for (const Element& element : inventory.elements()) {
        if (name_of(element) == name && element.type != ElementType::transport) {
            return element.address;
        }
    }
    return problem(fmt::format("there is no element '{}'", name), "elements are slot:N, port:N and drive:N",
                   "targe vtl list LIBRARY");
}

std::expected<std::optional<std::uint16_t>, Problem> place(const VtlArguments& arguments, Library& library) {
    if (arguments.element.empty()) {
        return std::nullopt;
    }
    const auto address = address_of(arguments.element, library.elements());
    return address ? std::expected<std::optional<std::uint16_t>, Problem>(*address)
                   : std::unexpected(address.error());
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
    if (serial->size() != 6) {
        return problem(fmt::format("the serial number '{}' has not 6 characters", *serial), "",
                       "--serial ABC123");
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
        return from(shelf.error());
    }
    if (const auto made = Library::create(std::move(*shelf), description); !made) {
        return problem(made.error().what, "", "choose another folder, and names of printable characters");
    }
    return Shown{
        .text = fmt::format("Library {} has {} drives ({}), {} slots and {} ports.\n", arguments.library,
                            arguments.drives, (*generation)->name, arguments.slots, arguments.ports),
        .json = {{"library", arguments.library}, {"serial", *serial}}};
}

Outcome config(const VtlArguments& arguments, const Library& library) {
    const std::string name = arguments.name.empty() ? vtl::library_name(arguments.library) : arguments.name;
    const std::string text = vtl::configuration(name, library.description());
    return Shown{.text = text, .json = {{"name", name}, {"toml", text}}};
}

std::string remarks(const vtl::Label& label) {
    std::string text;
    for (const auto& [is, word] :
         {std::pair{label.worm, "WORM"}, std::pair{label.write_protected, "protected"},
          std::pair{label.cleaning, "cleaning"}}) {
        text += is ? fmt::format("{}{}", text.empty() ? "" : ", ", word) : "";
    }
    return text;
}

Outcome list(Library& library) {
    Table table(
        {{"element"}, {"address"}, {"cartridge"}, {"kind"}, {"capacity", Table::Align::right}, {"remarks"}});
    Json elements = Json::array();
    const vtl::Inventory inventory = library.elements();
    for (const Element& element : inventory.elements()) {
        if (element.type == ElementType::transport) {
            continue;
        }
        Json line{{"element", name_of(element)}, {"address", element.address}};
        std::string kind;
        std::string capacity;
        std::string said;
        if (element.barcode) {
            line["barcode"] = *element.barcode;
            if (const auto label = library.label(*element.barcode)) {
                kind = vtl::find_generation(label->generation)->name;
                capacity = bytes_for_people(label->capacity_bytes);
                said = remarks(*label);
                line["generation"] = kind;
                line["capacity_bytes"] = label->capacity_bytes;
                line["partitions"] = label->partitions.size();
                line["worm"] = label->worm;
                line["write_protected"] = label->write_protected;
            } else {
                said = label.error().what;
                line["trouble"] = said;
            }
        }
        table.add({name_of(element), fmt::format("{:04x}h", element.address), element.barcode.value_or(""),
                   kind, capacity, said});
        elements.push_back(std::move(line));
    }
    return Shown{.text = table.text(), .json = {{"elements", std::move(elements)}}};
}

std::expected<vtl::Label, Problem> new_label(const VtlArguments& arguments, const Library& library) {
    vtl::Label label{.barcode = arguments.barcode,
                     .generation = library.description().drives.front().generation->number,
                     .worm = arguments.worm};
    vtl::read_barcode(label);
    if (!arguments.generation.empty()) {
        const auto generation = generation_named(arguments.generation);
        if (!generation) {
            return std::unexpected(generation.error());
        }
        label.generation = (*generation)->number;
    }
    label.capacity_bytes = vtl::find_generation(label.generation)->native_bytes;
    if (!arguments.capacity.empty()) {
        const auto size = admin::parse_size(arguments.capacity);
        if (!size || *size < (1U << 20U)) {
            return problem(fmt::format("--capacity {}: {}", arguments.capacity,
                                       size ? "a cartridge has 1 MiB at least" : size.error()),
                           "", "--capacity 10GiB");
        }
        label.capacity_bytes = *size;
    }
    if (!vtl::valid_barcode(label.barcode)) {
        return problem(fmt::format("'{}' cannot be a label", label.barcode),
                       "labels have A to Z, 0 to 9, _ and -, and 32 characters at most",
                       "targe vtl add LIBRARY A00001L6");
    }
    return label;
}

Outcome added(Library& library, const vtl::Label& label, std::optional<std::uint16_t> at) {
    const auto address = library.add(label, at);
    if (!address) {
        return problem(address.error().what, "", "targe vtl list LIBRARY");
    }
    const vtl::Inventory inventory = library.elements();
    const std::string name = name_of(*inventory.find(*address));
    return Shown{.text = fmt::format("Cartridge {} is in {}.\n", label.barcode, name),
                 .json = {{"barcode", label.barcode}, {"element", name}}};
}

Outcome add(const VtlArguments& arguments, Library& library) {
    const auto label = new_label(arguments, library);
    if (!label) {
        return std::unexpected(label.error());
    }
    const auto at = place(arguments, library);
    return at ? added(library, *label, *at) : std::unexpected(at.error());
}

Outcome remove(const VtlArguments& arguments, Library& library) {
    if (!arguments.destroy_data) {
        return problem(
            fmt::format("{} is kept", arguments.barcode), "what is on it would be lost",
            fmt::format("targe vtl remove {} {} --destroy-data", arguments.library, arguments.barcode));
    }
    if (const auto gone = library.remove(arguments.barcode); !gone) {
        return from(gone.error());
    }
    return Shown{.text = fmt::format("Cartridge {} is gone.\n", arguments.barcode)};
}

Outcome move(const VtlArguments& arguments, Library& library) {
    const vtl::Inventory inventory = library.elements();
    const Element* const source = inventory.find_barcode(arguments.barcode);
    if (source == nullptr) {
        return problem(fmt::format("there is no cartridge {}", arguments.barcode), "",
                       "targe vtl list LIBRARY");
    }
    const auto address = address_of(arguments.element, inventory);
    if (!address) {
        return std::unexpected(address.error());
    }
    if (const auto moved = library.transfer(source->address, *address); !moved) {
        return from(moved.error());
    }
    return Shown{.text = fmt::format("Cartridge {} is in {}.\n", arguments.barcode, arguments.element)};
}

Outcome protect(const VtlArguments& arguments, Library& library) {
    const bool on = arguments.state == "on";
    if (const auto done = library.protect(arguments.barcode, on); !done) {
        return problem(done.error().what, "", "move it to a slot first: targe vtl move");
    }
    return Shown{.text = fmt::format("Cartridge {} {}.\n", arguments.barcode,
                                     on ? "is write-protected" : "can be written")};
}

Outcome export_tape(const VtlArguments& arguments, Library& library) {
    if (std::filesystem::exists(arguments.file)) {
        return problem(fmt::format("{} is there already", arguments.file), "", "choose another file");
    }
    std::ofstream file(arguments.file, std::ios::binary);
    if (!file) {
        return problem(fmt::format("{} cannot be written", arguments.file));
    }
    const auto done = library.use(
        arguments.barcode, [&](vtl::Cartridge& cartridge) { return vtl::export_tar(cartridge, file); });
    if (!done) {
        file.close();
        std::filesystem::remove(arguments.file);
        return from(done.error());
    }
    return Shown{.text = fmt::format("Cartridge {} is written to {}.\n", arguments.barcode, arguments.file)};
}

Outcome import_tape(const VtlArguments& arguments, Library& library) {
    std::ifstream file(arguments.file, std::ios::binary);
    if (!file) {
        return problem(fmt::format("{} cannot be read", arguments.file));
    }
    auto label = vtl::import_label(file);
    if (!label) {
        return problem(fmt::format("{}: {}", arguments.file, label.error().what),
                       "it is no archive that 'targe vtl export' has written");
    }
    if (!arguments.barcode.empty()) {
        label->barcode = arguments.barcode;
    }
    label->segment_bytes = vtl::Label{}.segment_bytes;
    const auto at = place(arguments, library);
    if (!at) {
        return std::unexpected(at.error());
    }
    Outcome made = added(library, *label, *at);
    if (!made) {
        return made;
    }
    const auto done = library.use(label->barcode, [&](vtl::Cartridge& cartridge) -> vtl::Result<> {
        if (label->partitions.size() > 1) {
            if (const auto formatted = cartridge.format(label->partitions); !formatted) {
                return formatted;
            }
        }
        return vtl::import_objects(file, cartridge);
    });
    if (!done) {
        (void)library.remove(label->barcode);
        return problem(fmt::format("{}: {}", arguments.file, done.error().what), "", "no cartridge was made");
    }
    return made;
}

Outcome perform(const VtlArguments& arguments) {
    if (arguments.verb == VtlVerb::create) {
        return create(arguments);
    }
    const auto library = open(arguments.library);
    if (!library) {
        return std::unexpected(library.error());
    }
    switch (arguments.verb) {
        case VtlVerb::create:
            break;
        case VtlVerb::config:
            return config(arguments, **library);
        case VtlVerb::list:
            return list(**library);
        case VtlVerb::add:
            return add(arguments, **library);
        case VtlVerb::remove:
            return remove(arguments, **library);
        case VtlVerb::move:
            return move(arguments, **library);
        case VtlVerb::protect:
            return protect(arguments, **library);
        case VtlVerb::export_tape:
            return export_tape(arguments, **library);
        case VtlVerb::import_tape:
            return import_tape(arguments, **library);
    }
    return Shown{};
}

}  // namespace

int run_vtl(const VtlArguments& arguments, bool json, std::ostream& out, std::ostream& err) {
    const Outcome outcome = perform(arguments);
    if (!outcome) {
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
