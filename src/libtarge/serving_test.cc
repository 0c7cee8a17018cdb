// What a handler gets of a slot, and what targed gets of its answer.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace targe {
namespace {

using testing::FakeTarged;
using testing::SocketFolder;

constexpr std::uint64_t kSize = 1U << 20U;  // of good_welcome()

/// A handler that is served by the targed of the test from serve() on.
class OfASlot : public ::testing::Test {
protected:
    ~OfASlot() override {
        if (device_ != nullptr) {
            targe_stop(device_);
            thread_.join();
            targe_detach(device_);
        }
    }
    void serve(const targe_attachment& how, std::uint32_t does = 0) {
        device_ = targed_.attach(how, does);
        ASSERT_NE(device_, nullptr);
        thread_ = std::thread([this] { EXPECT_EQ(targe_run(device_), 0); });
    }
    targe_completion end_of(std::uint8_t op, std::uint64_t offset = 0, std::uint64_t length = 512,
                            std::uint64_t source = 0) {
        targe_slot& slot = targed_.slot();
        slot.claim = ++slot.generation << TARGE_CLAIM_BITS | TARGE_CLAIM_OFFERED;
        slot.op = op;
        slot.offset = offset;
        slot.length = length;
        slot.tag = source;
        return end_of_slot();
    }
    targe_completion end_of_slot() {
        hand_over();
        const targe_completion ended = targed_.end_of_slot();
        hand_over();
        return ended;
    }
    /// What orders the two sides goes by memory that is mapped twice, which the thread sanitizer does not
    /// know.
    void hand_over() { const std::scoped_lock lock{mutex_}; }

    const SocketFolder folder_;
    FakeTarged targed_{folder_};
    targe_device* device_ = nullptr;
    std::thread thread_;
    std::mutex mutex_;  ///< held by callbacks
};

class BlocksOfASlot : public OfASlot {
protected:
    template <std::uint8_t Op>
    static int note(void* context, targe_io* io) {
        auto& self = *static_cast<BlocksOfASlot*>(context);
        const std::scoped_lock lock{self.mutex_};
        self.op_ = Op;
        self.seen_ = *io;
        ++self.calls_;
        return 0;
    }
    static targe_block_ops all() {
        targe_block_ops ops = FakeTarged::reading(note<TARGE_OP_READ>);
        ops.write = note<TARGE_OP_WRITE>;
        ops.flush = note<TARGE_OP_FLUSH>;
        ops.unmap = note<TARGE_OP_UNMAP>;
        ops.write_zeroes = note<TARGE_OP_WRITE_ZEROES>;
        ops.write_same = note<TARGE_OP_WRITE_SAME>;
        ops.copy = note<TARGE_OP_COPY>;
        ops.block_status = [](void* context, targe_io* io, targe_extent* extent) {
            extent->length = io->length;
            return note<TARGE_OP_BLOCK_STATUS>(context, io);
        };
        return ops;
    }
    void serve_blocks(const targe_block_ops& ops) {
        targe_attachment how = targed_.attachment(ops);
        how.context = this;
        serve(how);
    }

    std::uint8_t op_ = 0;  ///< whose callback was called last
    targe_io seen_{};
    unsigned calls_ = 0;
};

constexpr std::array<std::uint8_t, 8> kOfBlocks{
    TARGE_OP_READ,         TARGE_OP_WRITE,        TARGE_OP_FLUSH,      TARGE_OP_UNMAP,
    TARGE_OP_WRITE_ZEROES, TARGE_OP_BLOCK_STATUS, TARGE_OP_WRITE_SAME, TARGE_OP_COPY};

TEST_F(BlocksOfASlot, AreWhatTheHandlerIsAskedFor) {
    serve_blocks(all());
    targe_slot& slot = targed_.slot();
    slot.flags = TARGE_SLOT_DURABLE | TARGE_SLOT_MAY_LEND;
    slot.deadline_ns = 77;
    slot.in_offset = 64;
    slot.out_offset = 128;
    for (const std::uint8_t op : kOfBlocks) {
        SCOPED_TRACE(unsigned{op});
        EXPECT_EQ(end_of(op, 1024, 512, op == TARGE_OP_COPY ? 4096 : 0).error, 0);
        EXPECT_EQ(std::exchange(calls_, 0), 1U);
        EXPECT_EQ(op_, op);
        EXPECT_EQ(seen_.offset, 1024U);
        EXPECT_EQ(seen_.length, 512U);
        EXPECT_EQ(seen_.flags, std::uint32_t{TARGE_IO_DURABLE});
        EXPECT_EQ(seen_.deadline_ns, 77U);
        EXPECT_EQ(seen_.source, op == TARGE_OP_COPY ? 4096U : 0U);
        const std::ptrdiff_t at =
            seen_.data == nullptr ? 0 : static_cast<std::uint8_t*>(seen_.data) - device_->queues[0].arena;
        EXPECT_EQ(at, op == TARGE_OP_READ ? 64 : op == TARGE_OP_WRITE || op == TARGE_OP_WRITE_SAME ? 128 : 0);
    }
}

// It has become smaller while they were on their way.
TEST_F(BlocksOfASlot, LieWithinTheDevice) {
    serve_blocks(all());
    for (const std::uint8_t op : kOfBlocks) {
        SCOPED_TRACE(unsigned{op});
        EXPECT_EQ(end_of(op, kSize - 512, 512).error, 0);
        EXPECT_EQ(end_of(op, 0, kSize).error, 0);
        const unsigned before = calls_;
        EXPECT_EQ(end_of(op, kSize, 512).error, EIO);
        EXPECT_EQ(end_of(op, kSize + 512, 0).error, EIO);
        EXPECT_EQ(end_of(op, kSize - 512, 1024).error, EIO);
        EXPECT_EQ(end_of(op, 512, UINT64_MAX).error, EIO);
        EXPECT_EQ(end_of(op, UINT64_MAX - 511, 1024).error, EIO);
        EXPECT_EQ(calls_, before);
    }
    EXPECT_EQ(end_of(TARGE_OP_COPY, 0, 512, kSize - 512).error, 0);
    const unsigned before = calls_;
    EXPECT_EQ(end_of(TARGE_OP_COPY, 0, 512, kSize - 511).error, EIO);
    EXPECT_EQ(end_of(TARGE_OP_COPY, 0, 512, UINT64_MAX).error, EIO);
    EXPECT_EQ(calls_, before);
}

TEST_F(BlocksOfASlot, AreLeftToTargedWhereTheHandlerDoesNothingOfThatKind) {
    serve_blocks(FakeTarged::reading(note<TARGE_OP_READ>));
    for (const std::uint8_t op : kOfBlocks) {
        EXPECT_EQ(end_of(op).error, op == TARGE_OP_READ ? 0 : ENOTSUP) << unsigned{op};
    }
    for (const std::uint8_t op :
         std::array<std::uint8_t, 6>{TARGE_OP_EXECUTE, TARGE_OP_SESSION_ATTACH, TARGE_OP_SESSION_DETACH,
                                     TARGE_OP_MANAGEMENT, TARGE_OP_DELIVERED, 99}) {
        EXPECT_EQ(end_of(op).error, ENOTSUP) << unsigned{op};
    }
    EXPECT_EQ(end_of(TARGE_OP_RESERVATIONS).error, 0);
}

TEST_F(BlocksOfASlot, AreNotTouchedOnceTheyWereTakenBack) {
    serve_blocks(all());
    targe_slot& slot = targed_.slot();
    slot.op = TARGE_OP_WRITE;
    slot.length = 512;
    slot.generation = 5;
    slot.claim = 5U << TARGE_CLAIM_BITS | TARGE_CLAIM_REVOKED;
    const targe_completion ended = end_of_slot();
    EXPECT_EQ(ended.error, ECANCELED);
    EXPECT_EQ(ended.generation, 5U);
    EXPECT_EQ(calls_, 0U);
    EXPECT_EQ(end_of(TARGE_OP_WRITE).error, 0);
    EXPECT_EQ(slot.claim, 6U << TARGE_CLAIM_BITS | TARGE_CLAIM_TAKEN);
}

TEST_F(BlocksOfASlot, AreLentWithinTheMemoryThatTheHandlerHas) {
    constexpr std::uint64_t kMemory = 4096;
    struct Lending {
        std::atomic<std::uint64_t> at = 0;
        std::atomic<int> lent = 1;
        std::atomic<int> result = 0;
    } lending;
    const targe_block_ops ops = FakeTarged::reading([](void* context, targe_io* io) {
        auto& self = *static_cast<Lending*>(context);
        self.lent = targe_lend(io, self.at);
        return self.result.load();
    });
    void* memory = nullptr;
    targe_attachment how = targed_.attachment(ops);
    how.context = &lending;
    how.lends = 1;
    how.memory = targe_make_memory(kMemory, &memory);
    ASSERT_GE(how.memory, 0);
    serve(how, TARGE_LENDS);
    const auto read = [&](std::uint64_t at) {
        lending.at = at;
        return end_of(TARGE_OP_READ);
    };
    targed_.slot().flags = TARGE_SLOT_MAY_LEND;
    const targe_completion last = read(kMemory - 512);
    EXPECT_EQ(lending.lent, 0);
    EXPECT_EQ(last.flags, std::uint32_t{TARGE_COMPLETION_LENT});
    EXPECT_EQ(last.command_specific, kMemory - 512);
    for (const std::uint64_t at : {kMemory - 511, kMemory, kMemory + 1, UINT64_MAX - 511, UINT64_MAX}) {
        EXPECT_EQ(read(at).flags, 0U) << at;
        EXPECT_EQ(lending.lent, -EINVAL) << at;
    }
    lending.result = -EIO;
    EXPECT_EQ(read(0).flags, 0U) << "it has failed";
    lending.result = 0;
    targed_.slot().flags = 0;
    EXPECT_EQ(read(0).flags, 0U);
    EXPECT_EQ(lending.lent, -ENOTSUP);
    ::munmap(memory, kMemory);
    ::close(how.memory);
}

/// Does with commands what the test says.
class CommandsOfASlot : public OfASlot {
protected:
    using Execute = std::function<int(targe_command*)>;

    [[nodiscard]] targe_attachment unit() {
        ops_.struct_size = sizeof ops_;
        ops_.execute = [](void* context, targe_command* command) {
            auto& self = *static_cast<CommandsOfASlot*>(context);
            const std::scoped_lock lock{self.mutex_};
            ++self.calls_;
            return self.execute_ ? self.execute_(command) : int{TARGE_DONE};
        };
        targe_attachment how = targed_.attachment({});
        how.level = TARGE_COMMANDS;
        how.block_ops = nullptr;
        how.command_ops = &ops_;
        how.context = this;
        return how;
    }
    void serve_commands(std::uint32_t does = 0) { serve(unit(), does); }
    targe_completion executed(Execute execute, std::uint32_t room = 0) {
        execute_ = std::move(execute);
        targed_.slot().in_length = room;
        return end_of(TARGE_OP_EXECUTE);
    }

    targe_command_ops ops_{};
    Execute execute_;
    unsigned calls_ = 0;
};

TEST_F(CommandsOfASlot, AreWhatTheHandlerIsAskedFor) {
    serve_commands();
    targe_slot& slot = targed_.slot();
    slot.attribute = TARGE_ORDERED;
    slot.session = 7;
    slot.deadline_ns = 77;
    slot.flags = TARGE_SLOT_GENERATED;
    slot.out_offset = 64;
    slot.in_offset = 128;
    slot.long_cdb_offset = 256;
    targe_command seen{};
    const auto look = [&](targe_command* command) {
        seen = *command;
        return int{TARGE_DONE};
    };
    const std::uint8_t* const arena = device_->queues[0].arena;  // the same memory, as the handler sees it
    const targe_slot& same = device_->queues[0].shared->slots[0];
    slot.cdb_length = sizeof slot.cdb;
    EXPECT_EQ(executed(look).status, 0);
    EXPECT_EQ(seen.cdb, same.cdb);
    EXPECT_EQ(seen.cdb_length, sizeof slot.cdb);
    EXPECT_EQ(seen.attribute, std::uint32_t{TARGE_ORDERED});
    EXPECT_EQ(seen.session, 7U);
    EXPECT_EQ(seen.deadline_ns, 77U);
    EXPECT_EQ(seen.generated, 1U);
    EXPECT_EQ(seen.data_out, nullptr);
    EXPECT_EQ(seen.data_in, nullptr);
    slot.flags = 0;
    slot.cdb_length = sizeof slot.cdb + 1;
    slot.out_length = 5;
    EXPECT_EQ(executed(look, 6).status, 0);
    EXPECT_EQ(seen.cdb, arena + 256);
    EXPECT_EQ(seen.data_out, arena + 64);
    EXPECT_EQ(seen.data_out_length, 5U);
    EXPECT_EQ(seen.data_in, arena + 128);
    EXPECT_EQ(seen.data_in_room, 6U);
    EXPECT_EQ(seen.generated, 0U);
    EXPECT_EQ(end_of(TARGE_OP_EXECUTE, 0, 0, 99).status, 0);
    EXPECT_EQ(seen.tag, 99U);
}

TEST_F(CommandsOfASlot, GetNoMoreDataThanThereIsRoomFor) {
    serve_commands();
    const std::string data = "0123456789";
    const auto reply = [&](targe_command* command) { return targe_reply(command, data.data(), data.size()); };
    for (const std::uint32_t room : {0U, 4U, 9U, 10U, 12U}) {
        std::fill_n(targed_.arena(), 16, std::byte{'-'});
        const targe_completion ended = executed(reply, room);
        const std::size_t filled = std::min<std::size_t>(room, data.size());
        EXPECT_EQ(ended.in_length, filled);
        EXPECT_EQ(ended.wanted, data.size());
        EXPECT_EQ(std::string(reinterpret_cast<const char*>(targed_.arena()), 16),
                  data.substr(0, filled) + std::string(16 - filled, '-'));
    }
    const targe_completion failed = executed(
        [&](targe_command* command) {
            targe_reply(command, data.data(), data.size());
            return -EIO;
        },
        10);
    EXPECT_EQ(failed.status, TARGE_CHECK_CONDITION);
    EXPECT_EQ(failed.in_length, 0U) << "what it filled is not to be seen";
    EXPECT_EQ(failed.wanted, 0U);
    EXPECT_EQ(executed([](targe_command* command) {
                  command->wanted = std::uint64_t{1} << 32U;
                  return int{TARGE_DONE};
              }).wanted,
              UINT32_MAX);
}

TEST_F(CommandsOfASlot, SayWhichFieldIsWrong) {
    serve_commands();
    const auto specific = [&](unsigned byte, int bit) {
        const targe_completion ended =
            executed([&](targe_command* command) { return targe_invalid_field(command, byte, bit); });
        EXPECT_EQ(ended.status, TARGE_CHECK_CONDITION);
        EXPECT_EQ(ended.key << 16 | ended.asc << 8 | ended.ascq, 0x052400);
        EXPECT_EQ(ended.sense_flags, TARGE_SENSE_SPECIFIC);
        return ended.specific[0] << 16 | ended.specific[1] << 8 | ended.specific[2];
    };
    EXPECT_EQ(specific(2, -1), 0x400002);
    EXPECT_EQ(specific(2, 0), 0x480002);
    EXPECT_EQ(specific(0x0103, 7), 0x4f0103);
    const targe_completion unknown = executed(targe_unknown_opcode);
    EXPECT_EQ(unknown.key << 16 | unknown.asc << 8 | unknown.ascq, 0x052000);
    EXPECT_EQ(unknown.sense_flags, 0);
}

TEST_F(CommandsOfASlot, HaveSenseDataWhereTheyFailAndNowhereElse) {
    serve_commands();
    for (const std::uint8_t status : {TARGE_CHECK_CONDITION, TARGE_BUSY}) {
        const targe_completion ended = executed([&](targe_command* command) {
            targe_fail(command, 1, 2, 3);
            command->status = status;
            command->sense.information = 4;
            command->sense.command_specific = 5;
            return int{TARGE_DONE};
        });
        const bool failed = status == TARGE_CHECK_CONDITION;
        EXPECT_EQ(ended.key << 16 | ended.asc << 8 | ended.ascq, failed ? 0x010203 : 0);
        EXPECT_EQ(ended.information, failed ? 4 : 0);
        EXPECT_EQ(ended.command_specific, failed ? 5U : 0U);
    }
}

TEST_F(CommandsOfASlot, GoOnOnceAndWhereTargedKnowsOfThat) {
    ops_.goes_on = 1;
    serve_commands(TARGE_MAY_GO_ON);
    std::vector<int> results;
    const auto go_on = [&](targe_command* command) {
        command->wanted = 9;
        command->report = 8;
        results = {targe_go_on(command), targe_go_on(command)};
        command->data_in_length = 3;
        return int{TARGE_DONE};
    };
    const targe_completion answer = executed(go_on);
    const targe_completion end = targed_.take();
    EXPECT_EQ(results, (std::vector{0, -ENOTSUP}));
    EXPECT_EQ(answer.flags, std::uint32_t{TARGE_COMPLETION_GOES_ON});
    EXPECT_EQ(answer.wanted, 9U);
    EXPECT_EQ(answer.report, 8U);
    EXPECT_EQ(end.flags, 0U);
    EXPECT_EQ(end.wanted + end.report + end.in_length, 0U) << "that was said";
    EXPECT_EQ(executed(go_on, 512).flags, 0U) << "it has data-in";
    EXPECT_EQ(results[0], -ENOTSUP);
    EXPECT_EQ(executed(go_on).flags, std::uint32_t{TARGE_COMPLETION_GOES_ON}) << "the next one may";
    static_cast<void>(targed_.take());
}

TEST_F(CommandsOfASlot, DoNotGoOnWhereTargedKnowsNothingOfThat) {
    ops_.goes_on = 1;
    serve_commands();
    int result = 0;
    EXPECT_EQ(executed([&](targe_command* command) {
                  result = targe_go_on(command);
                  return int{TARGE_DONE};
              }).flags,
              0U);
    EXPECT_EQ(result, -ENOTSUP);
}

}  // namespace
}  // namespace targe
