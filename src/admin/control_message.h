// The protocol of a control socket: one JSON object a line, one answer a line, in order.
//
//   {"targe": 1, "do": "device-refresh", "args": {"name": "disk0"}}
//   {"targe": 1, "result": {…}}
//   {"targe": 1, "error": {"what": "…", "cause": "…", "try": "…"}}
//
// Fields are added within a version, never changed; an answer's unknown fields are to be ignored. Which verbs
// there are is the matter of who serves: targed (control.h), targe-vtl (vtl/library_requests.h).
#pragma once

#include "admin/problem.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace targe::admin {

constexpr int kControlVersion = 1;
constexpr std::size_t kControlRequestLimit = 65'536;  ///< bytes, with the newline

using Answer = std::expected<nlohmann::ordered_json, Problem>;
/// Does what one request asks; `arguments` is an object.
using Act = std::function<Answer(const std::string& verb, const nlohmann::ordered_json& arguments)>;

/// The answer to one request, without a newline. Whatever the request is, the answer is well-formed.
[[nodiscard]] std::string answer_request(std::string_view request, const Act& act);

/// A request, without a newline. `arguments` is the text of a JSON object.
[[nodiscard]] std::string make_request(std::string_view verb, std::string_view arguments = "{}");

/// For a verb that is none of `names`.
[[nodiscard]] Problem unknown_verb(std::span<const std::string_view> names, const std::string& verb);
/// For an argument that is not there, or of another kind than `kind`: "a string".
[[nodiscard]] Problem lacks(std::string_view verb, std::string_view argument, std::string_view kind);

}  // namespace targe::admin
