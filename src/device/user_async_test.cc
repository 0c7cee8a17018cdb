// Handlers whose methods are coroutines, targe_async.h.
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "libtarge/targe_async.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <ios>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

namespace targe::device {
namespace {

using testing::Bytes;

/// On a thread of its own to its end.
class Serving {
public:
    Serving(auto& handler, targe_attachment how, const std::string& socket) {
        how.socket = socket.c_str();
        how.name = "async 1";
        attachment_.emplace(handler, how, 10'000);
        thread_ = std::thread([this] { attachment_->run(); });
    }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    ~Serving() {
        attachment_->stop();
        thread_.join();
    }

private:
    std::optional<Attachment> attachment_;
    std::thread thread_;
};

/// Block 0 is fine, block 1 is away, the others cannot be read.
class Disk final : public BlockHandler {
public:
    [[nodiscard]] Abilities can() const override { return {.block_status = true}; }
    Answer read(targe_io& io) override {
        co_await workers_;
        if (io.offset == testing::kBlock) {
            throw std::system_error(ENODEV, std::generic_category());
        }
        if (io.offset == 2 * testing::kBlock) {
            throw std::ios_base::failure("it is broken");  // which has a code, too
        }
        if (io.offset != 0) {
            throw std::runtime_error("it is broken");
        }
        co_return 0;
    }
    Answer block_status(targe_io& io, targe_extent& extent) override {
        co_await workers_;
        extent.length = io.length / 2;
        extent.mapped = 0;
        co_return io.offset == 0 ? 0 : -EIO;
    }

private:
    Workers workers_{2};
};

/// Throws before it is a coroutine, as one does for which there is no memory.
class UnreadyDisk final : public BlockHandler {
public:
    [[nodiscard]] Abilities can() const override { return {.block_status = true}; }
    Answer read(targe_io& /*io*/) override { throw std::bad_alloc(); }
    Answer block_status(targe_io& /*io*/, targe_extent& /*extent*/) override { throw std::bad_alloc(); }
};
class UnreadyUnit final : public CommandHandler {
public:
    Execution execute(targe_command& command) override {
        command.data_in_length = 1;
        throw std::bad_alloc();
    }
};

constexpr std::uint8_t kTape = 0x01;
constexpr std::uint64_t kNexus = 7;
enum Opcode : std::uint8_t { kThrow = 0xc0, kGoOn = 0xc1, kFail = 0xc2, kNothing = 0xc3 };

class Unit final : public CommandHandler {
public:
    [[nodiscard]] Wants wants() const override { return {.sessions = true, .going_on = true}; }
    Execution execute(targe_command& command) override {
        co_await workers_;
        switch (command.cdb[0]) {
            case kThrow:
                command.data_in_length = 1;
                throw std::runtime_error("it is broken");
            case kGoOn:
                targe_go_on(&command);
                co_await workers_;
                co_return targe_fail(&command, 3, 0x0c, 0);
            case kFail:
                co_return targe_invalid_field(&command, 1, -1);
            default:
                co_return TARGE_DONE;
        }
    }
    bool session_attach(const targe_session& session) override { return session.handle == kNexus; }

private:
    Workers workers_{2};
};

struct Heard final : DeviceObserver {
    void changed() override {}
    void raise(std::uint16_t /*condition*/, std::uint64_t /*nexus*/,
               std::move_only_function<void()> told) override {
        told();
    }
    void defer(const DeferredError& error) override {
        deferred = std::uint32_t{error.key} << 16U | error.condition;
    }
    void admit(std::uint64_t /*nexus*/, Admission says) override {
        admission = says == Admission::admitted ? 1 : 0;
    }
    std::atomic<unsigned> deferred = 0;
    std::atomic<int> admission = -1;
};

class AsyncHandlers : public testing::WithHandlerHere {
protected:
    void join(std::uint64_t nexus) {
        on_.ask([&] {
            device().server()->join(
                {.nexus = nexus, .lun = 0, .read_only = false, .initiator = "iqn.one", .target = "iqn.two"});
            return true;
        });
    }
    ServerAnswer execute(Opcode opcode) {
        const std::array<std::byte, 6> cdb{std::byte{opcode}};
        ServerRequest request{.cdb = cdb, .nexus = kNexus};
        return on_.run([&](base::CommandArena& arena) { return device().server()->execute(arena, request); });
    }
    Heard heard_;
};

TEST_F(AsyncHandlers, EndRequestsAsTheirCoroutinesDo) {
    Disk disk;
    open(settings_);
    targe_attachment how{};
    how.size = 1U << 20U;
    const Serving serving(disk, how, settings_.socket);
    Bytes block(testing::kBlock);
    await([&] { return !device().away(); });
    EXPECT_TRUE(on_.read(device(), 0, block));
    EXPECT_EQ(on_.read(device(), 1, block).error().error, IoError::gone);
    EXPECT_EQ(on_.read(device(), 2, block).error().error, IoError::unreadable);
    EXPECT_EQ(on_.read(device(), 3, block).error().error, IoError::unreadable);
    const auto extent = on_.block_status(device(), 0, 8);
    ASSERT_TRUE(extent);
    EXPECT_EQ(extent->blocks, 4U);
    EXPECT_FALSE(on_.block_status(device(), 8, 8));
}

TEST_F(AsyncHandlers, EndRequestsOfWhichNoCoroutineCouldBeMade) {
    UnreadyDisk disk;
    open(settings_);
    targe_attachment how{};
    how.size = 1U << 20U;
    const Serving serving(disk, how, settings_.socket);
    Bytes block(testing::kBlock);
    EXPECT_EQ(on_.read(device(), 0, block).error().error, IoError::unreadable);
    EXPECT_FALSE(on_.block_status(device(), 0, 8));
}

TEST_F(AsyncHandlers, EndCommandsOfWhichNoCoroutineCouldBeMade) {
    UnreadyUnit unit;
    settings_.type = kTape;
    open(settings_);
    targe_attachment how{};
    how.peripheral_type = kTape;
    const Serving serving(unit, how, settings_.socket);
    const ServerAnswer thrown = execute(kNothing);
    EXPECT_EQ(thrown.key, 4);
    EXPECT_EQ(thrown.condition, 0x4400);
    EXPECT_EQ(thrown.in_bytes, 0U);
}

TEST_F(AsyncHandlers, EndCommandsAsTheirCoroutinesDo) {
    Unit unit;
    settings_.type = kTape;
    open(settings_);
    device().observe(&heard_);
    targe_attachment how{};
    how.peripheral_type = kTape;
    const Serving serving(unit, how, settings_.socket);
    await([&] { return !device().away(); });
    join(kNexus);
    EXPECT_EQ(execute(kNothing).status, 0x00);
    EXPECT_EQ(heard_.admission, 1);
    const ServerAnswer thrown = execute(kThrow);
    EXPECT_EQ(thrown.key, 4);
    EXPECT_EQ(thrown.condition, 0x4400);
    EXPECT_EQ(thrown.in_bytes, 0U);
    EXPECT_EQ(execute(kFail).condition, 0x2400);
    EXPECT_EQ(execute(kGoOn).status, 0x00);
    await([&] { return heard_.deferred == 0x030c00U; });
    join(kNexus + 1);
    await([&] { return heard_.admission == 0; });
}

}  // namespace
}  // namespace targe::device
