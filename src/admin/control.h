// What targed answers at its control socket, in the protocol of control_message.h.
#pragma once

#include "admin/administration.h"

#include <string>
#include <string_view>

namespace targe::admin {

/// The answer to one request, without a newline. Whatever the request is, the answer is well-formed.
[[nodiscard]] std::string handle_request(std::string_view request, Administration& administration);

/// Whether it may wait for a store that does not answer: nobody else should wait for that.
[[nodiscard]] bool takes_long(std::string_view request);

}  // namespace targe::admin
