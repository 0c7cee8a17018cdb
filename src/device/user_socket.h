// The socket of a device whose handler is another program.
#pragma once

#include "device/open.h"
#include "device/user_attachment.h"
#include "reactor/file_descriptor.h"

#include <sys/socket.h>

#include <expected>
#include <optional>
#include <span>
#include <string>

namespace targe::device {

/// Listens there; a socket that nobody listens on any more is taken over. `open_to_all`: everybody may
/// connect, and is looked at then.
[[nodiscard]] std::expected<reactor::FileDescriptor, OpenError> listen_for_handlers(const std::string& path,
                                                                                    bool open_to_all);
/// Who connected. Nothing when the system does not say.
[[nodiscard]] std::optional<UserPeer> peer_of(int connection);
/// Whether one of the peer's supplementary groups is `group`.
[[nodiscard]] bool peer_is_in_group(int connection, gid_t group);
/// What a handler is woken by: its end can be read from once something was sent to `targeds`. The ends are
/// two open file descriptions, so that a send of targed does not wait, whatever the handler does to its own.
struct Bell {
    reactor::FileDescriptor targeds;
    reactor::FileDescriptor handlers;
};
/// Empty when the process has no descriptors left.
[[nodiscard]] Bell make_bell();
/// The first descriptor that comes with the next message, which is left there with MSG_PEEK; -1: none does.
[[nodiscard]] int receive_descriptor(int connection, int flags);
/// Sends the welcome with the descriptors, without waiting.
[[nodiscard]] bool send_welcome(int connection, const targe_welcome& welcome,
                                std::span<const int> descriptors);
/// Neither side hears any more of the other, and what had not been heard yet is dropped, with all that was
/// passed along: nothing of it is left to whoever closes the connection.
void hear_no_more(int connection);
void send_refusal(int connection, int error, const std::string& text);

}  // namespace targe::device
