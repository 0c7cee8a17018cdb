// Handlers of CDBs, one in the place of another.
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace targe::device {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t kTape = 0x01;

/// Hears what is raised, and says when it is in force.
struct Initiators final : DeviceObserver {
    void changed() override {}
    void raise(std::uint16_t condition, std::uint64_t nexus, std::move_only_function<void()> told) override {
        const std::scoped_lock lock{mutex};
        EXPECT_EQ(nexus, 0U);
        raised = condition;
        waits = std::move(told);
    }
    void tell() {
        const std::scoped_lock lock{mutex};
        std::exchange(waits, {})();
    }
    std::atomic<unsigned> raised = 0;
    std::mutex mutex;
    std::move_only_function<void()> waits;
};

constexpr targe_command_ops kCounts = testing::executing([](void* context, targe_command* /*command*/) {
    ++*static_cast<std::atomic<unsigned>*>(context);
    return int{TARGE_DONE};
});

targe_device* attach(const std::string& socket, std::atomic<unsigned>& executed) {
    targe_attachment how{};
    how.struct_size = sizeof how;
    how.level = TARGE_COMMANDS;
    how.socket = socket.c_str();
    how.name = "tape 1";
    how.context = &executed;
    how.command_ops = &kCounts;
    how.peripheral_type = kTape;
    std::array<char, 256> error{};
    targe_device* const made = targe_attach(&how, 10'000, error.data(), error.size());
    EXPECT_NE(made, nullptr) << error.data();
    return made;
}

/// Executes whatever comes, and counts it, until it goes.
class Tape {
public:
    Tape(const std::string& socket, std::atomic<unsigned>& executed) : device_(attach(socket, executed)) {
        thread_ = std::thread([this] { targe_run(device_); });
    }
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;
    ~Tape() {
        targe_stop(device_);
        thread_.join();
        targe_detach(device_);
    }

private:
    targe_device* device_;
    std::thread thread_;
};

class ReplacedHandler : public testing::WithHandlerHere {
protected:
    void SetUp() override {
        WithHandlerHere::SetUp();
        if (IsSkipped()) {
            return;
        }
        settings_.type = kTape;
        open(settings_);
        tape().observe(&initiators_);
    }
    UserDevice& tape() { return device(); }
    ServerAnswer::End write() {
        ServerRequest request;
        return write(request);
    }
    ServerAnswer::End write(ServerRequest& request) {
        const std::array<std::byte, 6> cdb{std::byte{0x0a}};
        request.cdb = cdb;
        return on_.run([&](base::CommandArena& arena) { return tape().server()->execute(arena, request); })
            .end;
    }

    std::atomic<unsigned> executed_ = 0;
    Initiators initiators_;
};

TEST_F(ReplacedHandler, ServesOnceEveryInitiatorWasToldOfAReset) {
    {
        const Tape first(settings_.socket, executed_);
        EXPECT_EQ(write(), ServerAnswer::End::answered);
        EXPECT_EQ(initiators_.raised, 0U) << "the first one takes nobody's place";
    }
    await([&] { return tape().away(); });
    auto waiting = std::async(std::launch::async, [&] { return write(); });
    auto second =
        std::async(std::launch::async, [&] { return std::make_unique<Tape>(settings_.socket, executed_); });
    await([&] { return initiators_.raised != 0U; });
    EXPECT_EQ(initiators_.raised, 0x2904U);
    EXPECT_EQ(waiting.wait_for(50ms), std::future_status::timeout);
    EXPECT_TRUE(tape().away());
    initiators_.tell();
    EXPECT_EQ(waiting.get(), ServerAnswer::End::reset);
    EXPECT_EQ(executed_, 1U) << "what waited was not for this one";
    const auto serving = second.get();
    EXPECT_EQ(write(), ServerAnswer::End::answered);
    EXPECT_EQ(executed_, 2U);
}

TEST_F(ReplacedHandler, IsNotToldOfAbortsInMemoryThatIsGone) {
    targe_device* const idle = attach(settings_.socket, executed_);
    ServerRequest request;
    auto waiting = std::async(std::launch::async, [&] { return write(request); });
    await([&] { return std::atomic_ref(idle->queues[0].shared->offered).load() != 0; });
    targe_detach(idle);
    await([&] { return tape().away(); });
    static_cast<void>(on_.refresh(tape()));  // a turn later the queue has heard of it
    on_.ask([&] {
        EXPECT_EQ(request.told, nullptr);
        request.abort();
        return true;
    });
    auto second =
        std::async(std::launch::async, [&] { return std::make_unique<Tape>(settings_.socket, executed_); });
    await([&] { return initiators_.raised != 0U; });
    initiators_.tell();
    EXPECT_EQ(waiting.get(), ServerAnswer::End::reset);
    const auto serving = second.get();
    EXPECT_EQ(executed_, 0U);
}

}  // namespace
}  // namespace targe::device
