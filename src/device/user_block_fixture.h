// What tests have of a disk whose handler says what the test wants it to.
#pragma once

#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "device/user_raw_handler.h"

#include <chrono>
#include <future>
#include <optional>

namespace targe::device::testing {

/// How a handler of blocks attaches that has 1 MiB.
[[nodiscard]] inline targe_attachment of_blocks() {
    targe_attachment how{};
    how.block_ops = &kWholeDisk;
    how.size = 1U << 20U;
    return how;
}

/// A disk that waits for no handler that is away, and long for one that is there.
class WithRawBlocks : public WithHandlerHere {
protected:
    void SetUp() override {
        WithHandlerHere::SetUp();
        if (IsSkipped()) {
            return;
        }
        settings_.hold = std::chrono::milliseconds{0};
        settings_.deadline = std::chrono::minutes{10};
        open(settings_);
    }
    /// One that lends `memory`, unless that is -1, in the place of the one that is there.
    RawHandler& attach(int memory = -1) {
        handler_.reset();
        targe_attachment how = of_blocks();
        how.lends = memory >= 0 ? 1 : 0;
        how.memory = memory;
        await([&] { return device().away(); });
        handler_.emplace(settings_.socket, how);
        await([&] { return static_cast<bool>(on_.probe(device())); });
        return *handler_;
    }
    std::future<IoResult> read_later(Bytes& into) {
        return std::async(std::launch::async, [&] { return on_.read(device(), 8, into); });
    }

    Bytes data_ = Bytes(512);
    std::optional<RawHandler> handler_;
};

}  // namespace targe::device::testing
