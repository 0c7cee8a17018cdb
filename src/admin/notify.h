// What systemd is told, [sd_notify(3)]. Nothing happens when it did not ask.
#pragma once

#include <string_view>

namespace targe::admin {

/// Sends `state`, such as "READY=1" or "STOPPING=1\nSTATUS=…", to $NOTIFY_SOCKET in one datagram. Whether it
/// was sent; the daemon goes on either way.
bool notify_service_manager(std::string_view state);

}  // namespace targe::admin
