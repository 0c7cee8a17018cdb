// What an administrator may set for a connection.
#pragma once

#include "base/core.h"
#include "iscsi/directory.h"
#include "iscsi/held_memory.h"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace targe::iscsi {

struct ConnectionOptions {
    Viewpoint from = {};
    /// Commands that the initiator may have under way, immediate ones not counted. At least 1.
    std::uint32_t command_window = 128;
    std::uint32_t max_immediate_commands = 8;
    /// Enough for a batch of 32 writes of 4 KiB. Only what is used of it takes memory.
    std::size_t input_buffer_bytes = std::size_t{144} * 1024;
    /// Requests out of order, and write data that the host has no memory for yet.
    std::size_t max_held_bytes = std::size_t{4} * 1024 * 1024;
    /// Where those of all connections are counted; null: nowhere. Outlives the connection.
    HeldMemory* held_memory = nullptr;

    base::Duration login_timeout = std::chrono::seconds(15);
    /// After this long without a byte from the initiator it is pinged.
    base::Duration nop_interval = std::chrono::seconds(30);
    base::Duration nop_timeout = std::chrono::seconds(30);
    /// How long the initiator may take nothing of what waits to be sent.
    base::Duration send_timeout = std::chrono::seconds(90);
    /// How long the initiator may send no data for any write while one waits for them. That one waits ten
    /// times as long at most: the link may be slow, and bring those of others first.
    base::Duration data_out_timeout = std::chrono::seconds(90);
    /// How long the host may take to end the tasks of a session that is logged out.
    base::Duration logout_timeout = std::chrono::seconds(15);
};

/// What a session is given once its target is known.
struct SessionTuning {
    std::uint32_t command_window =
        128;  ///< at least the ConnectionOptions::command_window that logins are told
    base::Duration nop_interval = std::chrono::seconds(30);
    base::Duration nop_timeout = std::chrono::seconds(30);
};

/// Tasks beyond the window that may be on their last bytes.
inline constexpr std::uint32_t kMaxEnding = 64;

}  // namespace targe::iscsi
