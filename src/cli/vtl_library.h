// A library as `targe vtl` reaches it: its folder, or the process that serves it.
#pragma once

#include "admin/problem.h"
#include "cli/answer.h"
#include "vtl/library.h"

#include <nlohmann/json_fwd.hpp>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace targe::cli {

/// Either has the library for itself, until it ends, or asks who has it. Both answer alike.
class VtlLibrary {
public:
    /// `ask` outlives it.
    [[nodiscard]] static std::expected<VtlLibrary, admin::Problem> open(const std::string& folder,
                                                                        const Ask& ask);

    /// See vtl/library_requests.h.
    [[nodiscard]] std::expected<nlohmann::ordered_json, admin::Problem> request(
        std::string_view verb, const nlohmann::ordered_json& arguments);
    /// A cartridge that is in no drive, and gets into none as long as it is held.
    [[nodiscard]] std::expected<std::unique_ptr<vtl::Cartridge>, admin::Problem> borrow(
        const std::string& barcode);
    [[nodiscard]] const std::string& folder() const { return folder_; }

private:
    VtlLibrary(std::string folder, const Ask& ask, std::unique_ptr<vtl::Library> own)
        : folder_(std::move(folder)), ask_(&ask), own_(std::move(own)) {}

    std::string folder_;
    const Ask* ask_;
    std::unique_ptr<vtl::Library> own_;  ///< nothing: another process serves it
};

}  // namespace targe::cli
