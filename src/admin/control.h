// What targed answers at its control socket, in the protocol of control_message.h.
#pragma once

#include "admin/administration.h"

#include <string>
#include <string_view>

namespace targe::admin {

/// The answer to one request, without a newline. Whatever the request is, the answer is well-formed.
[[nodiscard]] std::string handle_request(std::string_view request, Administration& administration);

}  // namespace targe::admin
