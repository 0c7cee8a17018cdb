// What tests have of a unit whose handler of CDBs says what the test wants it to.
#pragma once

#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "device/user_raw_handler.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>

namespace targe::device::testing {

/// Keeps what it hears.
struct HeardOfCommands final : DeviceObserver {
    void changed() override {}
    void raise(std::uint16_t /*condition*/, std::uint64_t /*nexus*/,
               std::move_only_function<void()> told) override {
        told();
    }
    void defer(const DeferredError& error) override {
        information = error.information.value_or(-1);
        deferred = std::uint32_t{error.key} << 16U | error.condition;
    }
    void admit(std::uint64_t /*nexus*/, Admission says) override {
        last = says;
        ++said;
    }
    std::atomic<Admission> last{};
    std::atomic<unsigned> said = 0;
    std::atomic<std::uint32_t> deferred = 0;
    std::atomic<std::int64_t> information = 0;
};

/// A unit whose handler says of commands what the test wants it to.
class WithRawCommands : public WithHandlerHere {
public:
    static constexpr std::uint64_t kNexus = 7;
    static constexpr std::uint32_t kRoom = 64;  ///< of data-in of a command
    using Say = std::function<void(targe_completion&)>;

protected:
    void SetUp() override {
        WithHandlerHere::SetUp();
        if (IsSkipped()) {
            return;
        }
        settings_.type = 0x01;
        settings_.hold = std::chrono::milliseconds{0};
        settings_.deadline = std::chrono::minutes{1};
        open(settings_);
        device().observe(&heard_);
    }
    /// Its queue may not know of it yet.
    void come(bool goes_on = true) {
        ops_.goes_on = goes_on ? 1 : 0;
        targe_attachment how{};
        how.level = TARGE_COMMANDS;
        how.command_ops = &ops_;
        how.peripheral_type = 0x01;
        how.depth = depth_;
        await([&] { return device().away(); });
        handler_.emplace(settings_.socket, how);
    }
    RawHandler& attach(bool goes_on = true) {
        handler_.reset();
        come(goes_on);
        await([&] { return static_cast<bool>(on_.probe(device())); });
        return *handler_;
    }
    /// Whether a handler is to be asked. On the reactor.
    bool join(std::uint64_t nexus = kNexus) {
        return device().server()->join(
            {.nexus = nexus, .lun = 0, .read_only = false, .initiator = "iqn.one", .target = "iqn.two"});
    }
    std::future<ServerAnswer> execute_later(std::uint32_t room, bool may_remap = false) {
        return std::async(std::launch::async, [this, room, may_remap] {
            const std::array<std::byte, 6> cdb{std::byte{0xc0}};
            const std::array<base::Segment, 2> in{
                {{data_.data(), room / 4}, {data_.data() + room / 4, room - room / 4}}};
            ServerRequest request{.cdb = cdb,
                                  .nexus = kNexus,
                                  .in = {in.data(), room > 0 ? in.size() : 0},
                                  .may_remap = may_remap};
            return on_.run(
                [&](base::CommandArena& arena) { return device().server()->execute(arena, request); });
        });
    }
    ServerAnswer::End ends(std::uint32_t room, const Say& say) {
        RawHandler& handler = attach();
        auto ended = execute_later(room);
        targe_completion made = handler.take();
        say(made);
        handler.complete(made);
        return ended.get().end;
    }
    /// What is made of what it says of a command without data.
    ServerAnswer answered(const Say& say) {
        auto ended = execute_later(0);
        targe_completion made = handler_->take();
        say(made);
        handler_->complete(made);
        return ended.get();
    }
    bool is_given_up() {
        on_.ask([] { return true; });
        return device().away();
    }
    /// What goes on ends as `say` has it: whether the attachment goes on.
    bool goes_on_and(const Say& say) {
        RawHandler& handler = attach();
        heard_.deferred = 0;
        auto ended = execute_later(0);
        targe_completion made = handler.take();
        targe_completion answer = made;
        answer.flags = TARGE_COMPLETION_GOES_ON;
        handler.complete(answer);
        EXPECT_EQ(ended.get().end, ServerAnswer::End::answered);
        say(made);
        handler.complete(made);
        auto next = execute_later(0);
        await([&] { return handler.has_more() || device().away(); });
        if (!device().away()) {
            handler.complete(handler.take());
        }
        return next.get().end == ServerAnswer::End::answered;
    }

    std::uint32_t depth_ = 0;
    Bytes data_ = Bytes(kRoom);
    targe_command_ops ops_ = executing([](void*, targe_command*) { return int{TARGE_DONE}; });
    HeardOfCommands heard_;
    std::optional<RawHandler> handler_;
};

}  // namespace targe::device::testing
