// A handler that is attached: its memory, its socket, and what it said of itself.
#pragma once

#include "base/core.h"
#include "device/user_memory.h"
#include "reactor/file_descriptor.h"

#include <sys/types.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace targe::device {

struct UserPeer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/// What a handler says when it comes.
struct UserGreeting : targe_hello {
    std::vector<targe_rule> rules;
};

/// Shared by the thread that speaks with the handler and the cores that work with it; the last one to let go
/// of it unmaps the memory. From any thread, but for what `memory` holds.
struct UserAttachment {
    std::unique_ptr<UserMemory> memory;
    std::unique_ptr<LentMemory> lent;  ///< the handler's; may be null
    reactor::FileDescriptor connection;
    reactor::FileDescriptor bell;  ///< targed's end of what the handler is woken by, see make_bell()
    std::vector<reactor::FileDescriptor> queue_events;
    UserGreeting hello;
    UserPeer peer;
    bool replaces = false;  ///< another handler was attached before
    /// Of each queue: how many the handler wants at once, which it may say anew. What goes on after it was
    /// answered is not among them.
    std::atomic<std::uint32_t> slot_limit = TARGE_MAX_SLOTS;

    /// When each queue heard last that something had ended: a cache line that its core alone writes.
    struct alignas(64) Heard {
        std::atomic<base::Time> at{};
    };
    std::array<Heard, TARGE_MAX_QUEUES> heard;
    [[nodiscard]] base::Time heard_last() const;

    /// The handler did what it must not, or nothing for too long: nothing of it counts from now on. It is
    /// told so, and what it has taken stays with it until it closes its socket. The first reason stays.
    void give_up(std::string why);
    [[nodiscard]] bool given_up() const { return given_up_.load(std::memory_order_acquire); }
    [[nodiscard]] std::string reason() const;

private:
    std::atomic<bool> given_up_ = false;
    mutable std::mutex mutex_;
    std::string reason_;
};

}  // namespace targe::device
