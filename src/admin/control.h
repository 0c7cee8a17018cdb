// The protocol of the control socket: one JSON object a line, one answer a line, in order.
//
//   {"targe": 1, "do": "device-refresh", "args": {"name": "disk0"}}
//   {"targe": 1, "result": {…}}
//   {"targe": 1, "error": {"what": "…", "cause": "…", "try": "…"}}
//
// Fields are added within a version, never changed; an answer's unknown fields are to be ignored.
#pragma once

#include "admin/administration.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace targe::admin {

constexpr int kControlVersion = 1;
constexpr std::size_t kControlRequestLimit = 65'536;  ///< bytes, with the newline

/// The answer to one request, without a newline. Whatever the request is, the answer is well-formed.
[[nodiscard]] std::string handle_request(std::string_view request, Administration& administration);

/// A request, without a newline. `arguments` is the text of a JSON object.
[[nodiscard]] std::string make_request(std::string_view verb, std::string_view arguments = "{}");

}  // namespace targe::admin
