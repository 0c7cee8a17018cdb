// A handler that does whatever bytes tell it to do with all that it shares with targed. For tests, the
// fuzzer, and a program of its own.
#pragma once

#include "device/evil_answers.h"
#include "libtarge/internal.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace targe::device::testing {

/// Attached from its beginning to its end.
class EvilHandler {
public:
    /// What targe_attach() gave; its own from now on.
    explicit EvilHandler(targe_device* device) : device_(device) {}
    EvilHandler(const EvilHandler&) = delete;
    EvilHandler& operator=(const EvilHandler&) = delete;
    ~EvilHandler() {
        if (device_ != nullptr) {
            targe_detach(device_);
        }
    }

    [[nodiscard]] bool attached() const { return device_ != nullptr; }
    [[nodiscard]] bool saw_generated() const { return saw_generated_; }
    [[nodiscard]] int connection() const { return device_->connection; }
    /// What it is woken by, and what it wakes targed by.
    [[nodiscard]] std::array<int, 2> ends() const { return {device_->event, device_->queues[0].event}; }
    [[nodiscard]] std::span<std::byte> region() const {
        return {static_cast<std::byte*>(device_->region), device_->region_bytes};
    }
    /// Of the region, in front of the data.
    [[nodiscard]] std::size_t control_bytes() const { return device_->queue_count * TARGE_QUEUE_STRIDE; }

    /// As it ought to be, as far as zeroes are an answer.
    void serve() {
        for (queue& each : std::span{device_->queues, device_->queue_count}) {
            for (unsigned i = 0; i < TARGE_MAX_SLOTS && serve_one(each); ++i) {
            }
        }
    }
    /// What was offered next in each queue it has done by targed, if it may.
    void remap(std::span<const std::byte> bytes) {
        rest_ = bytes;
        for (queue& each : std::span{device_->queues, device_->queue_count}) {
            if (auto made = take_slot(each)) {
                const targe_slot& slot = each.shared->slots[made->slot];
                if (slot.op == TARGE_OP_EXECUTE && (slot.flags & TARGE_SLOT_MAY_REMAP) != 0) {
                    remap_oddly(*made, each.arena + slot.in_offset,
                                [this](std::size_t size) { return take(size); });
                }
                publish(each, *made);
            }
        }
    }
    void act(std::span<const std::byte> bytes) {
        rest_ = bytes;
        while (!rest_.empty()) {
            step();
        }
    }

private:
    std::uint64_t take(std::size_t size) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < size && !rest_.empty(); ++i) {
            value = value << 8U | std::to_integer<std::uint64_t>(rest_.front());
            rest_ = rest_.subspan(1);
        }
        return value;
    }
    queue& some_queue() {
        return device_->queues[device_->queue_count == 1 ? 0 : take(1) % device_->queue_count];
    }

    void step() {
        switch (take(1) % 13) {
            case 0:
            case 1:
                serve_one(some_queue());
                return;
            case 2:
                return complete_nonsense();
            case 3:
                return scribble();
            case 4:
                std::atomic_ref(some_queue().shared->completed)
                    .fetch_add(static_cast<std::uint32_t>(take(1)));
                return;
            case 5:
                return repeat_completion();
            case 6:
                return ring(some_queue());
            case 7:
                return send_nonsense();
            case 8:
                return change_descriptors();
            case 9:
            case 10:
                return answer_oddly(some_queue());
            case 11:
                take_slot(some_queue());  // and forgets it
                return;
            default:
                return linger();
        }
    }
    /// What was offered next, taken; nothing: there is none.
    std::optional<targe_completion> take_slot(queue& mine) {
        if (std::atomic_ref(mine.shared->offered).load() == mine.taken) {
            return std::nullopt;
        }
        targe_completion made{};
        made.slot = mine.shared->offered_slots[mine.taken++ % TARGE_MAX_SLOTS];
        targe_slot& slot = mine.shared->slots[made.slot];
        made.generation = slot.generation;
        std::uint32_t offered = made.generation << TARGE_CLAIM_BITS | TARGE_CLAIM_OFFERED;
        if (!std::atomic_ref(slot.claim)
                 .compare_exchange_strong(offered, made.generation << TARGE_CLAIM_BITS | TARGE_CLAIM_TAKEN)) {
            made.error = ECANCELED;
        }
        if (slot.op == TARGE_OP_BLOCK_STATUS) {
            made.information = static_cast<std::int64_t>(slot.length);
            made.wanted = 1;
        }
        if (slot.op == TARGE_OP_EXECUTE && (slot.flags & TARGE_SLOT_GENERATED) != 0) {
            made.in_length = slot.in_length;
            saw_generated_ = true;
        }
        return made;
    }
    bool serve_one(queue& mine) {
        const auto made = take_slot(mine);
        if (made) {
            publish(mine, *made);
        }
        return made.has_value();
    }
    /// What a handler may say, and none would.
    void answer_oddly(queue& mine) {
        constexpr std::array<std::int32_t, 6> kErrors{EIO, ENOSPC, ENODEV, EAGAIN, ENOTSUP, EROFS};
        auto made = take_slot(mine);
        if (!made) {
            return;
        }
        const targe_slot& slot = mine.shared->slots[made->slot];
        if (slot.op == TARGE_OP_EXECUTE) {
            end_oddly(*made, slot, [this](std::size_t size) { return take(size); });
        } else if (device_->how.lends != 0 && slot.op == TARGE_OP_READ && take(1) % 2 == 0) {
            made->flags = TARGE_COMPLETION_LENT;
            made->command_specific = take(1) % 2 == 0 ? take(2) : take(8);  // so much there is not
        } else {
            made->error = slot.op == TARGE_OP_SESSION_ATTACH ? EACCES : kErrors[take(1) % kErrors.size()];
        }
        if (slot.op == TARGE_OP_EXECUTE && slot.in_length == 0 && take(1) % 2 == 0) {
            goes_on_ = *made;
            made->flags = TARGE_COMPLETION_GOES_ON;
            made->status = 0;
        }
        publish(mine, *made);
        if (made->flags == TARGE_COMPLETION_GOES_ON && take(1) % 2 == 0) {
            publish(mine, goes_on_);
        }
    }
    void publish(queue& mine, const targe_completion& completion) {
        last_ = completion;
        const std::uint32_t at = std::atomic_ref(mine.shared->completed).load();
        mine.shared->completions[at % TARGE_MAX_SLOTS] = completion;
        std::atomic_ref(mine.shared->completed).store(at + 1);
        ring(mine);
    }
    void complete_nonsense() {
        queue& mine = some_queue();
        targe_completion made{};
        std::array<std::byte, sizeof made> raw{};
        for (std::byte& each : raw) {
            each = static_cast<std::byte>(take(1));
        }
        std::memcpy(&made, raw.data(), sizeof made);
        if (take(1) % 2 == 0) {
            made.slot %= TARGE_MAX_SLOTS;
            made.generation = mine.shared->slots[made.slot].generation;
        }
        publish(mine, made);
    }
    void scribble() {
        auto* const region = static_cast<std::byte*>(device_->region);
        // The part that is no data, mostly.
        const std::size_t size = take(1) % 8 == 0 ? device_->region_bytes : control_bytes();
        const std::size_t at = take(4) % size;
        const std::size_t count = std::min<std::size_t>(take(1), size - at);
        for (std::size_t i = 0; i < count; ++i) {
            std::atomic_ref(region[at + i]).store(static_cast<std::byte>(take(1)), std::memory_order_relaxed);
        }
    }
    void repeat_completion() { publish(some_queue(), last_); }
    static void ring(const queue& mine) { ::eventfd_write(mine.event, 1); }
    void send_nonsense() {
        if (take(1) % 2 == 0) {
            const targe_request request{.kind = static_cast<std::uint32_t>(take(1) % 6),
                                        .id = 1,
                                        .value = take(8),
                                        .session = take(1)};
            ::send(device_->connection, &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT);
            return;
        }
        const std::vector<std::byte> raw(take(1) + 1);
        ::send(device_->connection, raw.data(), raw.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    /// Both sides share the description of a queue's event, and so its flags.
    void change_descriptors() {
        queue& mine = some_queue();
        for (const int event : {mine.event, device_->event}) {
            ::fcntl(event, F_SETFL, take(1) % 2 == 0 ? O_NONBLOCK : 0);
        }
        if (take(1) % 4 == 0) {
            ::shutdown(device_->event, SHUT_RDWR);
        }
        std::atomic_ref(device_->queues[0].shared->handler_asleep).store(1);
    }
    void linger() { std::this_thread::sleep_for(std::chrono::microseconds{take(1)}); }

    targe_device* device_;
    std::span<const std::byte> rest_;
    targe_completion last_{};
    targe_completion goes_on_{};
    bool saw_generated_ = false;  ///< commands that it had asked for
};

}  // namespace targe::device::testing
