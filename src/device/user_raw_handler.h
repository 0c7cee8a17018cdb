// A handler for tests that says of each request what the test wants it to, true or not.
#pragma once

#include "libtarge/internal.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

namespace targe::device::testing {

/// Attached from its beginning to its end, by memory with one queue.
class RawHandler {
public:
    RawHandler(const std::string& socket, targe_attachment how) {
        how.struct_size = sizeof how;
        how.socket = socket.c_str();
        how.name = "raw 1";
        std::array<char, 256> error{};
        device_ = targe_attach(&how, 10'000, error.data(), error.size());
        EXPECT_NE(device_, nullptr) << error.data();
    }
    RawHandler(const RawHandler&) = delete;
    RawHandler& operator=(const RawHandler&) = delete;
    ~RawHandler() { targe_detach(device_); }

    /// Whether something was offered that it has not taken.
    [[nodiscard]] bool has_more() const { return std::atomic_ref(shared().offered).load() != taken_; }
    /// What was offered next, claimed, as it is to be completed; waits for it.
    targe_completion take() {
        while (!has_more()) {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
        targe_completion made{};
        made.slot = std::atomic_ref(shared().offered_slots[taken_++ % TARGE_MAX_SLOTS]).load();
        targe_slot& slot = slot_of(made);
        made.generation = slot.generation;
        std::uint32_t offered = made.generation << TARGE_CLAIM_BITS | TARGE_CLAIM_OFFERED;
        const std::uint32_t taken = made.generation << TARGE_CLAIM_BITS | TARGE_CLAIM_TAKEN;
        if (!std::atomic_ref(slot.claim).compare_exchange_strong(offered, taken)) {
            made.error = ECANCELED;
        }
        return made;
    }
    [[nodiscard]] targe_slot& slot_of(const targe_completion& completion) const {
        return shared().slots[completion.slot];
    }
    [[nodiscard]] std::byte* arena() const { return reinterpret_cast<std::byte*>(device_->queues[0].arena); }
    /// All at once.
    void complete(const auto&... completions) {
        complete_quietly(completions...);
        ring();
    }
    /// As a process that dies before it wakes anybody.
    void complete_quietly(const auto&... completions) {
        ((shared().completions[completed_++ % TARGE_MAX_SLOTS] = completions), ...);
        std::atomic_ref(shared().completed).store(completed_);
    }
    /// Says that it has completed so many more, which are what lies there.
    void claim_to_have_completed(std::uint32_t count) {
        completed_ += count;
        std::atomic_ref(shared().completed).store(completed_);
        ring();
    }
    void ring() const { ::eventfd_write(device_->queues[0].event, 1); }
    /// Whether targed has not heard it yet.
    [[nodiscard]] bool is_ringing() const {
        pollfd heard{.fd = device_->queues[0].event, .events = POLLIN, .revents = 0};
        return ::poll(&heard, 1, 0) > 0;
    }
    void say_nonsense() const { ::send(device_->connection, "?", 1, MSG_NOSIGNAL); }
    /// As a process that dies.
    void lose_connection() const { ::shutdown(device_->connection, SHUT_RDWR); }

private:
    [[nodiscard]] targe_queue& shared() const { return *device_->queues[0].shared; }
    targe_device* device_;
    std::uint32_t taken_ = 0;
    std::uint32_t completed_ = 0;
};

}  // namespace targe::device::testing
