// Commands that came before their turn, with the data that follow them.
#include "iscsi/held_memory.h"
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

namespace targe::iscsi {
namespace {

using testing::HostTask;
using testing::Move;
using testing::Peer;
using testing::some_data;

constexpr std::uint32_t kLength = 512;

/// Its writes wait for unsolicited data, and the host answers nothing that moves data.
struct OutOfOrder : Peer {
    explicit OutOfOrder(const ConnectionOptions& options = {}) : Peer(1, options) {
        EXPECT_TRUE(log_in("ImmediateData=No;InitialR2T=No;FirstBurstLength=4096;"));
        host.on_command = [this](HostTask& task) {
            if (task.expected_data_out() > 0) {
                host.accept(task, task.expected_data_out());
            } else {
                host.respond_good(task);
            }
        };
    }
    /// Of a command that is still missing.
    void skip_one() { missing_ = cmd_sn++; }
    void send_missing() { send(command(99, Move::none, 0).put<RequestHeader::kCmdSn>(missing_)); }
    void begin_write(std::uint32_t tag, std::uint32_t length = kLength) {
        send(command(tag, Move::write, length).put<BasicHeader::kFinal>(0));
    }
    void send_data(std::uint32_t tag) {
        send(data_out(tag, kReservedTag, 0, 0, some_data(kLength, tag), true));
    }
    std::uint8_t abort(std::uint32_t tag) {
        send(management(TaskFunction::abort_task, tag));
        return static_cast<std::uint8_t>(next().get<TaskManagementResponsePdu::kResponse>());
    }

private:
    std::uint32_t missing_ = 0;
};

TEST(HeldRequests, HaveTheDataThatAreTheirs) {
    OutOfOrder peer;
    peer.skip_one();
    peer.begin_write(5);
    peer.begin_write(6);
    peer.send_data(6);
    peer.send_data(5);
    EXPECT_EQ(peer.host.commands, 0U);
    peer.send_missing();
    EXPECT_EQ(peer.host.commands, 3U);
    for (const std::uint32_t tag : {5U, 6U}) {
        HostTask* const task = peer.host.find(tag);
        ASSERT_NE(task, nullptr);
        EXPECT_EQ(task->memory, some_data(kLength, tag));
        peer.host.respond_good(*task);
    }
    EXPECT_TRUE(peer.host.failures.empty());
}

TEST(HeldRequests, LeaveDataOfNobodyToPassBy) {
    OutOfOrder peer;
    peer.skip_one();
    peer.begin_write(5);
    peer.send_data(9);
    EXPECT_FALSE(peer.connection.is_over());
    EXPECT_EQ(peer.abort(5), 0U);
    peer.send_data(5);
    EXPECT_FALSE(peer.connection.is_over()) << "of a command that was aborted before its turn";
    peer.begin_write(6);
    peer.send_data(6);
    peer.send_missing();
    EXPECT_EQ(peer.host.commands, 2U) << "the missing one and the last";
    ASSERT_NE(peer.host.find(6), nullptr);
    EXPECT_EQ(peer.host.find(6)->memory, some_data(kLength, 6));
    peer.host.respond_good(*peer.host.find(6));
}

TEST(HeldRequests, GiveTheirMemoryBackWhenTheyAreAborted) {
    HeldMemory memory(20000);
    OutOfOrder peer({.held_memory = &memory});
    peer.skip_one();
    peer.begin_write(5);
    peer.send_data(5);
    EXPECT_GT(memory.used(), kLength);
    EXPECT_EQ(peer.abort(5), 0U);
    EXPECT_EQ(memory.used(), 0U);
}

TEST(HeldRequests, CountTheirDataAmongWhatMayBeKept) {
    HeldMemory memory(20000);
    OutOfOrder peer({.max_held_bytes = 1500, .held_memory = &memory});
    peer.skip_one();
    peer.begin_write(5, 3 * kLength);
    for (std::uint32_t i = 0; i < 3 && !peer.connection.is_over(); ++i) {
        peer.send(peer.data_out(5, kReservedTag, i, i * kLength, some_data(kLength), i == 2));
    }
    EXPECT_TRUE(peer.connection.is_over());
    EXPECT_LE(memory.used(), 1500U);
}

// As many as the widest window has: none of those commands is carried out when it comes after all.
TEST(HeldRequests, RememberEveryNumberThatWasAborted) {
    constexpr std::uint32_t kCount = 5000;
    OutOfOrder peer({.command_window = 8192});
    peer.skip_one();
    const std::uint32_t first = peer.cmd_sn;
    for (std::uint32_t i = 0; i < kCount; ++i) {
        peer.send(peer.management(TaskFunction::abort_task, 1000 + i)
                      .put<BasicHeader::kImmediate>(1)
                      .put<RequestHeader::kCmdSn>(first + kCount)
                      .put<TaskManagementRequestPdu::kRefCmdSn>(first + i));
        ASSERT_EQ(peer.next().get<TaskManagementResponsePdu::kResponse>(),
                  static_cast<unsigned>(TaskFunctionResponse::function_complete));
    }
    for (std::uint32_t i = 0; i < kCount; ++i) {
        peer.send(peer.command(1000 + i, Move::none, 0).put<RequestHeader::kCmdSn>(first + i));
    }
    peer.send_missing();
    EXPECT_EQ(peer.host.commands, 1U);
}

}  // namespace
}  // namespace targe::iscsi
