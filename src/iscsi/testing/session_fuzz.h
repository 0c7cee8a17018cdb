// Sessions recorded, damaged and replayed: for mutation tests, and as the body of a fuzz target.
#pragma once

#include "iscsi/testing/peer.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace targe::iscsi::testing {

/// All that an initiator sends in a session of random shape: a login, and unless `login_only` reads, writes
/// of every kind, pings, text, task management and a logout.
[[nodiscard]] std::vector<std::byte> record_session(std::uint32_t seed, bool login_only);

/// Bits flipped, numbers replaced, pieces cut out, doubled and moved.
void mutate(std::vector<std::byte>& bytes, std::mt19937& random);

struct ReplayResult {
    std::size_t commands = 0;
    std::size_t ended = 0;
    bool reached_full_feature = false;
};

/// Gives `bytes` to a new connection, in pieces of random size, with a host that answers at random and at
/// random times, and loses the connection in the end. Aborts when a task does not end exactly once, or memory
/// is used after its task.
ReplayResult replay(wire::Bytes bytes, std::uint32_t seed);

}  // namespace targe::iscsi::testing
