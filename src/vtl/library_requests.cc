#include "vtl/library_requests.h"

#include "vtl/device_names.h"
#include "vtl/generation.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <utility>

namespace targe::vtl {
namespace {

using Json = nlohmann::ordered_json;
using admin::Answer;
using admin::Problem;

constexpr std::uint64_t kLeastCapacity = std::uint64_t{1} << 20U;

std::unexpected<Problem> problem(std::string what, std::string cause = {}, std::string cure = {}) {
    return std::unexpected(
        Problem{.what = std::move(what), .cause = std::move(cause), .cure = std::move(cure)});
}

std::unexpected<Problem> from(const Fault& fault) {
    return std::unexpected(problem_of(fault));
}

constexpr const char* kMoveToASlot = "targe vtl move LIBRARY BARCODE slot:N, then the same again";

/// Of a cartridge that must be in no drive.
std::optional<Problem> in_a_drive(const std::string& barcode, Library& library) {
    const Inventory inventory = library.elements();
    const Element* const element = inventory.find_barcode(barcode);
    if (element == nullptr || element->type != ElementType::drive) {
        return std::nullopt;
    }
    return Problem{.what = fmt::format("{} is in {}", barcode, element_name(*element)),
                   .cause = "a drive has its cartridge to itself",
                   .cure = kMoveToASlot};
}

/// Empty where there is none.
std::string text_of(const Json& arguments, const char* key) {
    const auto found = arguments.find(key);
    return found != arguments.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

bool flag_of(const Json& arguments, const char* key) {
    const auto found = arguments.find(key);
    return found != arguments.end() && found->is_boolean() && found->get<bool>();
}

std::expected<std::uint16_t, Problem> address_of(const std::string& name, const Inventory& inventory) {
    const Element* const found = inventory.find_name(name);
    if (found == nullptr) {
        return problem(fmt::format("there is no element '{}'", name),
                       "elements are slot:N, port:N and drive:N", "targe vtl list LIBRARY");
    }
    return found->address;
}

using Place = std::optional<std::uint16_t>;

std::expected<Place, Problem> place_of(const Json& arguments, Library& library) {
    const std::string name = text_of(arguments, "element");
    if (name.empty()) {
        return Place{};
    }
    const auto address = address_of(name, library.elements());
    return address ? std::expected<Place, Problem>(*address) : std::unexpected(address.error());
}

Answer is_in(const std::string& barcode, Library& library, const Result<std::uint16_t>& address) {
    if (!address) {
        return from(address.error());
    }
    const Inventory inventory = library.elements();
    return Json{{"barcode", barcode}, {"element", element_name(*inventory.find(*address))}};
}

Answer list(const Json& /*arguments*/, Library& library) {
    Json elements = Json::array();
    const Inventory inventory = library.elements();
    for (const Element& element : inventory.elements()) {
        if (element.type == ElementType::transport) {
            continue;
        }
        Json line{{"element", element_name(element)}, {"address", element.address}};
        if (element.barcode) {
            line["barcode"] = *element.barcode;
            if (const auto label = library.label(*element.barcode)) {
                line["generation"] = find_generation(label->generation)->name;
                if (!label->cleaning) {  // nothing can be written to it
                    line["capacity_bytes"] = label->capacity_bytes;
                    line["partitions"] = label->partitions.size();
                }
                line["worm"] = label->worm;
                line["write_protected"] = label->write_protected;
                line["cleaning"] = label->cleaning;
            } else {
                line["trouble"] = label.error().what;
            }
        }
        elements.push_back(std::move(line));
    }
    return Json{{"elements", std::move(elements)}};
}

Answer config(const Json& arguments, Library& library) {
    const std::string name = text_of(arguments, "name");
    if (name != library_name(name)) {
        return problem(fmt::format("devices cannot be called '{}'", name),
                       "names have letters, digits, '-', '_' and '.', and 48 characters at most",
                       fmt::format("targe vtl config LIBRARY --name {}", library_name(name)));
    }
    return Json{{"name", name}, {"toml", configuration(name, library.description())}};
}

std::unexpected<Problem> no_label(const std::string& barcode, std::string cure) {
    return problem(fmt::format("'{}' cannot be a label", barcode),
                   "labels have A to Z, 0 to 9, _ and -, and 32 characters at most", std::move(cure));
}

std::expected<Label, Problem> new_label(const Json& arguments, const Library& library) {
    Label label{.barcode = text_of(arguments, "barcode"),
                .generation = library.description().drives.front().generation->number,
                .worm = flag_of(arguments, "worm")};
    read_barcode(label);
    if (const std::string name = text_of(arguments, "generation"); !name.empty()) {
        const Generation* const generation = find_generation(name);
        if (generation == nullptr) {
            return problem(fmt::format("there is no generation '{}' here", name), "LTO-5 to LTO-9 are",
                           "--generation LTO-6");
        }
        label.generation = generation->number;
    }
    label.capacity_bytes = find_generation(label.generation)->native_bytes;
    if (const auto size = arguments.find("capacity_bytes"); size != arguments.end()) {
        if (!size->is_number_unsigned() || size->get<std::uint64_t>() < kLeastCapacity ||
            size->get<std::uint64_t>() > kMostCapacity) {
            return problem(fmt::format("a cartridge of {} bytes cannot be made", size->dump()),
                           "a cartridge has 1 MiB at least, and 1024 PiB at most", "--capacity 10GiB");
        }
        label.capacity_bytes = size->get<std::uint64_t>();
    }
    if (!valid_barcode(label.barcode)) {
        return no_label(label.barcode, "targe vtl add LIBRARY A00001L6");
    }
    return label;
}

Answer add(const Json& arguments, Library& library) {
    const auto label = new_label(arguments, library);
    if (!label) {
        return std::unexpected(label.error());
    }
    const auto at = place_of(arguments, library);
    return at ? is_in(label->barcode, library, library.add(*label, *at)) : std::unexpected(at.error());
}

Answer place(const Json& arguments, Library& library) {
    const std::string barcode = text_of(arguments, "barcode");
    if (!valid_barcode(barcode)) {
        return no_label(barcode, "--barcode A00001L6");
    }
    const auto at = place_of(arguments, library);
    return at ? is_in(barcode, library, library.place(barcode, *at)) : std::unexpected(at.error());
}

Answer adopt(const Json& arguments, Library& library) {
    const std::string barcode = text_of(arguments, "barcode");
    const auto at = place_of(arguments, library);
    return at ? is_in(barcode, library, library.adopt(barcode, *at)) : std::unexpected(at.error());
}

Answer remove(const Json& arguments, Library& library) {
    const std::string barcode = text_of(arguments, "barcode");
    if (auto refused = in_a_drive(barcode, library)) {
        return std::unexpected(std::move(*refused));
    }
    const auto gone = library.remove(barcode);
    return gone ? Answer(Json::object()) : from(gone.error());
}

Answer move(const Json& arguments, Library& library) {
    const std::string barcode = text_of(arguments, "barcode");
    const Inventory inventory = library.elements();
    const Element* const source = inventory.find_barcode(barcode);
    if (source == nullptr) {
        return problem(fmt::format("there is no cartridge {}", barcode), "", "targe vtl list LIBRARY");
    }
    const auto address = address_of(text_of(arguments, "element"), inventory);
    if (!address) {
        return std::unexpected(address.error());
    }
    auto moved = library.transfer(source->address, *address);
    if (!moved) {
        moved.error().what = fmt::format("{} from {} to {}: {}", barcode, element_name(*source),
                                         text_of(arguments, "element"), moved.error().what);
        return from(moved.error());
    }
    return is_in(barcode, library, *address);
}

Answer protect(const Json& arguments, Library& library) {
    const std::string barcode = text_of(arguments, "barcode");
    if (auto refused = in_a_drive(barcode, library)) {
        return std::unexpected(std::move(*refused));
    }
    const auto done = library.protect(barcode, flag_of(arguments, "on"));
    return done ? Answer(Json::object()) : from(done.error());
}

struct Verb {
    std::string_view name;
    Answer (*run)(const Json& arguments, Library& library);
    bool of_a_cartridge;  ///< needs "barcode"
};

constexpr auto kVerbs = std::to_array<Verb>({
    {"vtl-list", list, false},
    {"vtl-config", config, false},
    {"vtl-add", add, true},
    {"vtl-remove", remove, true},
    {"vtl-move", move, true},
    {"vtl-protect", protect, true},
    {"vtl-place", place, true},
    {"vtl-adopt", adopt, true},
});

}  // namespace

admin::Problem problem_of(const Fault& fault, std::string cure) {
    switch (fault.kind) {
        case FaultKind::host:
            return {.what = fault.what, .cause = {}, .cure = std::move(cure)};
        case FaultKind::full:
            return {.what = fault.what,
                    .cause = "the file system has no space left, or the user's quota is used up",
                    .cure = "df -h LIBRARY"};
        case FaultKind::damaged:
            return {.what = fault.what,
                    .cause = "a file was changed from outside, is missing, or its disk fails",
                    .cure = "restore that file from a copy, or see the log of the kernel: dmesg"};
        case FaultKind::in_use:
            return {.what = fault.what,
                    .cause = "targe-vtl or another targe vtl has it at this moment",
                    .cure = "the same again when that has ended"};
    }
    return {};
}

std::string handle_library_request(std::string_view request, Library& library) {
    return admin::answer_request(request, [&](const std::string& verb, const Json& arguments) -> Answer {
        const auto found = std::ranges::find(kVerbs, verb, &Verb::name);
        if (found == kVerbs.end()) {
            std::array<std::string_view, kVerbs.size()> names;
            std::ranges::transform(kVerbs, names.begin(), &Verb::name);
            return std::unexpected(admin::unknown_verb(names, verb));
        }
        if (found->of_a_cartridge && text_of(arguments, "barcode").empty()) {
            return std::unexpected(admin::lacks(verb, "barcode", "a string"));
        }
        return found->run(arguments, library);
    });
}

}  // namespace targe::vtl
