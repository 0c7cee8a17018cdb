// A device that is visited by evil handlers, for tests and the fuzzer.
#pragma once

#include "device/evil_handler.h"
#include "device/user_handler.h"
#include "device/user_lendable.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <span>
#include <string>
#include <vector>

namespace targe::device::testing {

/// A device and its reactor, for one evil handler after the other.
class EvilPlace {
public:
    EvilPlace() : medium_(1U << 20U), device_{open_user(settings()), on_} {}

    /// Operations are under way while a handler does what `bytes` say. Each must end. False: the handler
    /// could not even attach.
    bool visit(std::span<const std::byte> bytes) {
        constexpr std::size_t kOperations = 4;
        std::string error;
        EvilHandler evil(
            Handler::attach(settings().socket, medium_, kWholeDisk, error, 0, 10'000, memory_.descriptor));
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
    LendableMemory memory_{std::uint64_t{1} << 18U};
    OnReactor on_;
    Stopped device_;
};

}  // namespace targe::device::testing
