// The other end of a control socket: how it is asked, and what its answer says.
#pragma once

#include "admin/problem.h"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

namespace targe::cli {

/// How whoever listens at `socket` is asked: admin::ask_daemon(), or a test's. A problem when there is no
/// answer within `patience`.
using Ask = std::function<std::expected<std::string, admin::Problem>(
    const std::string& socket, std::string_view request, std::chrono::milliseconds patience)>;

/// A refresh waits for the device, and a device may hang.
inline constexpr std::chrono::seconds kPatience{30};
/// A reload waits for some, one after the other.
inline constexpr std::chrono::seconds kReloadPatience{180};

/// The result in an answer, or the problem in it.
[[nodiscard]] std::expected<nlohmann::ordered_json, admin::Problem> result_of(std::string_view answer);

/// A member that is text, or nothing where there is none: a daemon of another version must not crash us.
[[nodiscard]] std::string text_in(const nlohmann::ordered_json& object, const char* key);

}  // namespace targe::cli
