// Who uses a unit, as its handler is told, and what is left of an attachment that is over.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace targe {
namespace {

using testing::FakeTarged;
using testing::SocketFolder;

class Sessions : public ::testing::Test {
protected:
    Sessions() {
        ops_.struct_size = sizeof ops_;
        ops_.execute = [](void*, targe_command*) { return int{TARGE_DONE}; };
        ops_.session_attach = [](void* context, const targe_session* session) {
            static_cast<Sessions*>(context)->hear("+" + std::to_string(session->handle) + "." +
                                                  std::to_string(session->lun));
            return session->handle == kRefused ? -EACCES : 0;
        };
        ops_.session_detach = [](void* context, std::uint64_t handle) {
            static_cast<Sessions*>(context)->hear("-" + std::to_string(handle));
        };
        targe_attachment how = targed_.attachment({});
        how.level = TARGE_COMMANDS;
        how.block_ops = nullptr;
        how.command_ops = &ops_;
        how.context = this;
        device_ = targed_.attach(how);
        thread_ = std::thread([this] { EXPECT_EQ(targe_run(device_), 0); });
    }
    ~Sessions() override { end(); }
    void end() {
        if (thread_.joinable()) {
            targe_stop(device_);
            thread_.join();
            targe_detach(device_);
        }
    }
    std::int32_t told(std::uint8_t op, std::uint64_t session, std::uint16_t lun = 0) {
        targe_slot& slot = targed_.slot();
        slot.claim = ++slot.generation << TARGE_CLAIM_BITS | TARGE_CLAIM_OFFERED;
        slot.op = op;
        slot.session = session;
        slot.lun = lun;
        const std::int32_t error = targed_.end_of_slot().error;
        const std::scoped_lock lock{mutex_};
        return error;
    }
    void hear(std::string what) {
        const std::scoped_lock lock{mutex_};
        heard_.push_back(std::move(what));
    }
    std::int32_t attach(std::uint64_t session, std::uint16_t lun = 0) {
        return told(TARGE_OP_SESSION_ATTACH, session, lun);
    }
    std::int32_t execute(std::uint64_t session) { return told(TARGE_OP_EXECUTE, session); }

    static constexpr std::uint64_t kRefused = 13;

    const SocketFolder folder_;
    FakeTarged targed_{folder_};
    targe_command_ops ops_{};
    targe_device* device_ = nullptr;
    std::thread thread_;
    std::mutex mutex_;  ///< sanitizers do not see that memory that is mapped twice orders what threads do
    std::vector<std::string> heard_;
};

TEST_F(Sessions, AreToldOfOnceForEachLun) {
    EXPECT_EQ(attach(7), 0);
    EXPECT_EQ(attach(7), 0) << "from another core";
    EXPECT_EQ(attach(7, 1), 0);
    EXPECT_EQ(attach(7, 1), 0);
    EXPECT_EQ(told(TARGE_OP_SESSION_DETACH, 7), 0);
    EXPECT_EQ(told(TARGE_OP_SESSION_DETACH, 8), 0);
    end();
    EXPECT_EQ(heard_, (std::vector<std::string>{"+7.0", "+7.1", "-7", "-7"}));
}

TEST_F(Sessions, ThatAreLeftAreGoneWithTheDevice) {
    for (const std::uint64_t session : {1U, 2U, 3U, 4U}) {
        EXPECT_EQ(attach(session), 0);
    }
    EXPECT_EQ(told(TARGE_OP_SESSION_DETACH, 3), 0);
    heard_.clear();
    end();
    EXPECT_EQ(heard_, (std::vector<std::string>{"-4", "-2", "-1"}));
}

TEST_F(Sessions, ExecuteNothingUnlessTheyWereLetIn) {
    EXPECT_EQ(attach(9), 0);
    EXPECT_EQ(attach(kRefused), EACCES);
    EXPECT_EQ(execute(9), 0);
    for (const std::uint64_t other : {std::uint64_t{8}, std::uint64_t{10}, kRefused}) {
        EXPECT_EQ(execute(other), EACCES) << other;
    }
    EXPECT_EQ(told(TARGE_OP_SESSION_DETACH, 9), 0);
    EXPECT_EQ(execute(9), EACCES);
}

TEST_F(Sessions, AskForNoBlocks) {
    for (const std::uint8_t op : std::array<std::uint8_t, 5>{0, TARGE_OP_READ, TARGE_OP_BLOCK_STATUS,
                                                             TARGE_OP_WRITE_SAME, TARGE_OP_COPY}) {
        EXPECT_EQ(told(op, 7), ENOTSUP) << unsigned{op};
    }
}

/// Descriptors of this process, and mappings of the fake targed's memory.
std::ptrdiff_t in_use() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    std::ptrdiff_t count = std::distance(begin(all), end(all));
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        count += line.find("/memfd:targe") != std::string::npos ? 1 : 0;
    }
    return count;
}

TEST(Detaching, LeavesNothingBehind) {
    const SocketFolder folder;
    FakeTarged targed(folder, 2);
    targe_detach(targed.attach());
    const std::ptrdiff_t before = in_use();  // the fake one keeps its end of the last connection
    targe_device* const device = targed.attach();
    ASSERT_NE(device, nullptr);
    EXPECT_GT(in_use(), before);
    for (const int each : {device->connection, device->event, device->stop_event, device->queues[0].event,
                           device->queues[1].event}) {
        EXPECT_NE(::fcntl(each, F_GETFD) & FD_CLOEXEC, 0);
    }
    targe_detach(device);
    EXPECT_EQ(in_use(), before);
}

}  // namespace
}  // namespace targe
