// A handler that does whatever bytes tell it to do with all that it shares with targed. For tests and the
// fuzzer.
#pragma once

#include "device/user_handler.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <future>
#include <span>
#include <string>
#include <vector>

namespace targe::device::testing {

/// Attached from its beginning to its end.
class EvilHandler {
public:
    EvilHandler(const std::string& socket, HandlersMedium& medium)
        : device_(Handler::attach(socket, medium, kWholeDisk, error_)) {}
    EvilHandler(const EvilHandler&) = delete;
    EvilHandler& operator=(const EvilHandler&) = delete;
    ~EvilHandler() {
        if (device_ != nullptr) {
            targe_detach(device_);
        }
    }

    [[nodiscard]] bool attached() const { return device_ != nullptr; }

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
    queue& first_queue() { return device_->queues[0]; }

    void step() {
        switch (take(1) % 10) {
            case 0:
            case 1:
                return serve_one();
            case 2:
                return complete_nonsense();
            case 3:
                return scribble();
            case 4:
                std::atomic_ref(first_queue().shared->completed)
                    .fetch_add(static_cast<std::uint32_t>(take(1)));
                return;
            case 5:
                return repeat_completion();
            case 6:
                return ring();
            case 7:
                return send_nonsense();
            case 8:
                return change_descriptors();
            default:
                return linger();
        }
    }
    /// As it ought to be.
    void serve_one() {
        queue& mine = first_queue();
        if (std::atomic_ref(mine.shared->offered).load() == mine.taken) {
            return;
        }
        const std::uint8_t slot = mine.shared->offered_slots[mine.taken++ % TARGE_MAX_SLOTS];
        last_ = {};
        last_.slot = slot;
        last_.generation = mine.shared->slots[slot].generation;
        publish(last_);
    }
    void publish(const targe_completion& completion) {
        queue& mine = first_queue();
        const std::uint32_t at = std::atomic_ref(mine.shared->completed).load();
        mine.shared->completions[at % TARGE_MAX_SLOTS] = completion;
        std::atomic_ref(mine.shared->completed).store(at + 1);
        ring();
    }
    void complete_nonsense() {
        targe_completion made{};
        std::array<std::byte, sizeof made> raw{};
        for (std::byte& each : raw) {
            each = static_cast<std::byte>(take(1));
        }
        std::memcpy(&made, raw.data(), sizeof made);
        if (take(1) % 2 == 0) {
            made.slot %= TARGE_MAX_SLOTS;
            made.generation = first_queue().shared->slots[made.slot].generation;
        }
        publish(made);
    }
    void scribble() {
        auto* const region = static_cast<std::byte*>(device_->region);
        // The part that is no data, mostly.
        const std::size_t size = take(1) % 8 == 0 ? device_->region_bytes : sizeof(targe_queue);
        const std::size_t at = take(4) % size;
        const std::size_t count = std::min<std::size_t>(take(1), size - at);
        for (std::size_t i = 0; i < count; ++i) {
            std::atomic_ref(region[at + i]).store(static_cast<std::byte>(take(1)), std::memory_order_relaxed);
        }
    }
    void repeat_completion() { publish(last_); }
    void ring() { write_event(first_queue().event, 1); }
    static void write_event(int event, std::uint64_t count) {
        if (::write(event, &count, sizeof count) < 0) {
            return;
        }
    }
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
    /// Both sides share these descriptions, and so their flags.
    void change_descriptors() {
        for (const int event : {first_queue().event, device_->event}) {
            ::fcntl(event, F_SETFL, take(1) % 2 == 0 ? O_NONBLOCK : 0);
        }
        const int flags = ::fcntl(device_->event, F_GETFL);
        ::fcntl(device_->event, F_SETFL, flags | O_NONBLOCK);
        write_event(device_->event, UINT64_MAX - 1);  // no room for another
        ::fcntl(device_->event, F_SETFL, flags);
        std::atomic_ref(first_queue().shared->handler_asleep).store(1);
    }
    void linger() { std::this_thread::sleep_for(std::chrono::microseconds{take(1)}); }

    std::string error_;
    targe_device* device_;
    std::span<const std::byte> rest_;
    targe_completion last_{};
};

/// A device and its reactor, for one evil handler after the other.
class EvilPlace {
public:
    EvilPlace() : medium_(1U << 20U), device_{open_user(settings()), on_} {}

    /// Operations are under way while a handler does what `bytes` say. Each must end. False: the handler
    /// could not even attach.
    bool visit(std::span<const std::byte> bytes) {
        constexpr std::size_t kOperations = 4;
        EvilHandler evil(settings().socket, medium_);
        if (!evil.attached()) {
            return false;
        }
        std::vector<Bytes> buffers(kOperations, Bytes(4096));
        std::vector<std::future<bool>> ends;
        for (std::size_t i = 0; i < kOperations; ++i) {
            ends.push_back(std::async(std::launch::async, [&, i] {
                if (i == 2) {
                    return read_lent(i);
                }
                return i % 2 == 0 ? on_.read(*device_, i, buffers[i]).has_value()
                                  : on_.write(*device_, i, buffers[i]).has_value();
            }));
        }
        evil.act(bytes);
        for (auto& end : ends) {
            end.wait();  // the deadline is the device's
        }
        return true;
    }

private:
    bool read_lent(std::uint64_t lba) {
        const auto loan =
            on_.run([&](base::CommandArena& arena) { return device_->read_lent(arena, lba, 8); });
        if (loan) {
            on_.ask([&] {
                device_->give_back(loan->number);
                return true;
            });
        }
        return loan.has_value();
    }
    UserSettings settings() {
        UserSettings made = settings_of(directory_);
        made.hold = std::chrono::milliseconds{0};
        made.deadline = std::chrono::milliseconds{20};
        return made;
    }

    ScratchDirectory directory_;
    HandlersMedium medium_;
    OnReactor on_;
    Stopped device_;
};

}  // namespace targe::device::testing
