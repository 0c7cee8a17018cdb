#include "cli/vtl_library.h"

#include "admin/control_message.h"
#include "admin/unix_socket.h"
#include "vtl/library_requests.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <system_error>

namespace targe::cli {
namespace {

using Json = nlohmann::ordered_json;
using admin::Problem;

/// What changes something awaits drives: one that is given a tape, or gives it out, ends its command before,
/// and makes durable what was written. Of that a drive may take 15 minutes, as its device is configured.
std::chrono::milliseconds patience_for(std::string_view verb) {
    const bool looks = verb == "vtl-list" || verb == "vtl-config" || verb == "vtl-place";
    return looks ? std::chrono::milliseconds(kPatience) : std::chrono::minutes(30);
}

Problem not_reached(const std::string& folder, std::string cause, std::string cure) {
    return {.what = fmt::format("{} is in use by another process", folder),
            .cause = std::move(cause),
            .cure = std::move(cure)};
}

}  // namespace

std::expected<VtlLibrary, Problem> VtlLibrary::open(const std::string& folder, const Ask& ask) {
    auto shelf = vtl::open_shelf(folder, false);
    if (!shelf && shelf.error().kind == vtl::FaultKind::in_use) {
        std::error_code failed;
        if (!std::filesystem::exists(vtl::control_socket(folder), failed)) {
            return std::unexpected(not_reached(folder,
                                               "it is another targe vtl, or a targe-vtl that begins or ends",
                                               "the same again in a moment"));
        }
        if (!admin::unix_address(vtl::control_socket(folder))) {
            return std::unexpected(not_reached(folder,
                                               "targe-vtl serves it by a shorter name: the path to its "
                                               "socket by this one is longer than the system takes",
                                               "the same again by that name"));
        }
        return VtlLibrary(folder, ask, nullptr);
    }
    if (!shelf) {
        return std::unexpected(
            Problem{.what = shelf.error().what,
                    .cause = "a library is a folder that 'targe vtl create' has made",
                    .cure = fmt::format("name that folder, or make one: targe vtl create {}", folder)});
    }
    auto library = vtl::Library::open(std::move(*shelf));
    if (!library) {
        return std::unexpected(vtl::problem_of(library.error(), "ls -l LIBRARY"));
    }
    return VtlLibrary(folder, ask, std::move(*library));
}

std::expected<Json, Problem> VtlLibrary::request(std::string_view verb, const Json& arguments) {
    const std::string request =
        admin::make_request(verb, arguments.dump(-1, ' ', false, Json::error_handler_t::replace));
    if (own_) {
        return result_of(vtl::handle_library_request(request, *own_));
    }
    const auto answer = (*ask_)(vtl::control_socket(folder_), request, patience_for(verb));
    if (!answer) {
        return std::unexpected(not_reached(
            folder_, fmt::format("targe-vtl serves it and does not answer: {}", answer.error().cause),
            "look at the log of targe-vtl"));
    }
    return result_of(*answer);
}

std::expected<std::unique_ptr<vtl::Cartridge>, Problem> VtlLibrary::borrow(const std::string& barcode) {
    // What is in a drive of a library that nobody serves is not locked.
    const auto listed = request("vtl-list", Json::object());
    if (!listed) {
        return std::unexpected(listed.error());
    }
    const auto elements = listed->find("elements");
    for (const Json& line : elements == listed->end() ? Json::array() : *elements) {
        if (text_in(line, "barcode") != barcode) {
            continue;
        }
        if (const auto element = text_in(line, "element"); element.starts_with("drive:")) {
            return std::unexpected(
                Problem{.what = fmt::format("{} is in {}", barcode, element),
                        .cause = "a drive has its cartridge to itself",
                        .cure = "targe vtl move LIBRARY BARCODE slot:N, then the same again"});
        }
        auto store = vtl::borrow_cartridge(folder_, barcode);
        auto cartridge = store ? vtl::Cartridge::open(std::move(*store)) : std::unexpected(store.error());
        if (!cartridge) {
            return std::unexpected(vtl::problem_of(cartridge.error()));
        }
        return std::move(*cartridge);
    }
    return std::unexpected(Problem{.what = fmt::format("there is no cartridge {}", barcode),
                                   .cause = {},
                                   .cure = "targe vtl list LIBRARY"});
}

}  // namespace targe::cli
