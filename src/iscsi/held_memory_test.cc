// What all connections together may keep that came before its turn.
#include "iscsi/held_memory.h"

#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace targe::iscsi {
namespace {

using testing::HostTask;
using testing::Move;
using testing::Pdu;
using testing::Peer;
using testing::some_data;

/// A connection whose writes wait.
struct Waiting : Peer {
    explicit Waiting(HeldMemory& memory) : Peer(1, {.held_memory = &memory}) {
        EXPECT_TRUE(log_in());
        host.on_command = [](HostTask& /*task*/) {};
    }
    void write(std::uint32_t tag, std::uint32_t length) {
        Pdu pdu = command(tag, Move::write, length);
        pdu.data = some_data(length);
        send(pdu);
    }
    void let_go(std::uint32_t tag, std::uint32_t length) { host.accept(*host.find(tag), length); }
    void skip_one_and_write(std::uint32_t tag, std::uint32_t length) {
        ++cmd_sn;
        write(tag, length);
    }
};

TEST(HeldMemory, IsOneForTheEarlyDataOfAllConnections) {
    HeldMemory memory(8000);
    Waiting one(memory);
    Waiting other(memory);
    one.write(1, 5000);
    EXPECT_EQ(memory.used(), 5000U);
    other.write(1, 4000);
    other.let_go(1, 4000);
    EXPECT_EQ(other.host.failures, std::vector{DataOutFailure::no_room});
    EXPECT_TRUE(std::ranges::any_of(
        other.host.logs, [](const std::string& line) { return line.find("BUSY") != std::string::npos; }));
    one.let_go(1, 5000);
    EXPECT_EQ(one.host.written, some_data(5000));
    EXPECT_EQ(memory.used(), 0U);
    other.write(2, 4000);
    EXPECT_EQ(memory.used(), 4000U);
    other.let_go(2, 4000);
    EXPECT_EQ(other.host.written, some_data(4000));
}

TEST(HeldMemory, IsOneForTheRequestsOutOfOrderOfAllConnections) {
    HeldMemory memory(8000);
    Waiting one(memory);
    {
        Waiting other(memory);
        one.skip_one_and_write(1, 5000);
        other.skip_one_and_write(1, 5000);
        EXPECT_FALSE(one.connection.is_over());
        EXPECT_TRUE(other.connection.is_over());
    }
    EXPECT_GT(memory.used(), 5000U);
}

TEST(HeldMemory, IsFreeWhenTheConnectionsAreGone) {
    HeldMemory memory(20000);
    {
        Waiting peer(memory);
        peer.write(1, 5000);
        peer.skip_one_and_write(2, 5000);
        EXPECT_GT(memory.used(), 10000U);
    }
    EXPECT_EQ(memory.used(), 0U);
}

}  // namespace
}  // namespace targe::iscsi
