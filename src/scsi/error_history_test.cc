#include "scsi/error_history.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::ByteVector;

constexpr std::size_t kDirectoryBytes = 48;
constexpr ErrorHistory::Nexus kOne = 1;
constexpr ErrorHistory::Nexus kOther = 2;
const Sense kBusyWithAnother = illegal_request(Asc::operation_in_progress);

struct Answer {
    std::optional<Sense> refused;
    ByteVector data;
};

Answer read(ErrorHistory& history, ErrorHistory::Nexus nexus, std::uint8_t id, std::uint32_t offset = 0) {
    Answer answer;
    answer.data = testing::written(
        [&](ParameterWriter& out) {
            answer.refused = history.read(
                {.mode = BufferMode::error_history, .buffer_id = id, .offset = offset}, {}, nexus, out);
        },
        4096);
    return answer;
}

ErrorRecord record(std::uint64_t lba) {
    return {.unix_ms = 5,
            .lba = lba,
            .opcode = 0x28,
            .key = SenseKey::medium_error,
            .asc = Asc::unrecovered_read_error};
}

std::size_t records(const Answer& directory) {
    return std::to_integer<std::size_t>(directory.data.at(47)) +
           256 * std::to_integer<std::size_t>(directory.data.at(46));
}

TEST(ErrorHistory, GivesADirectoryAndThenTheRecords) {
    ErrorHistory history;
    history.remember(record(0x0102));
    const Answer directory = read(history, kOne, 0);
    ASSERT_EQ(directory.data.size(), kDirectoryBytes);
    EXPECT_EQ(directory.data.at(9), std::byte{0x12}) << "not retrieved yet, made by this command";
    EXPECT_EQ(records(directory), ErrorHistory::kRecordBytes);
    const Answer all = read(history, kOne, 0x10);
    EXPECT_EQ(all.data,
              testing::bytes({0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 1, 2, 0x28, 3, 0x11, 0, 0, 0, 0, 0}));
    EXPECT_EQ(read(history, kOne, 0x10, 16).data.size(), 8U);
    EXPECT_EQ(read(history, kOne, 0x10, 25).refused, invalid_field(ReadBufferCdb::kBufferOffset));
}

TEST(ErrorHistory, KeepsASnapshotAsItWasTaken) {
    ErrorHistory history;
    static_cast<void>(read(history, kOne, 0));
    history.remember(record(1));
    const Answer again = read(history, kOne, 0);
    EXPECT_EQ(records(again), 0U);
    EXPECT_EQ(again.data.at(9), std::byte{0x14}) << "made by an earlier command";
    EXPECT_EQ(records(read(history, kOne, 1)), ErrorHistory::kRecordBytes);
}

TEST(ErrorHistory, BelongsToOneNexusAtATime) {
    ErrorHistory history;
    static_cast<void>(read(history, kOne, 0));
    for (const unsigned number : {0x00U, 0x01U, 0x10U, 0xfeU, 0xffU}) {
        const auto id = static_cast<std::uint8_t>(number);
        EXPECT_EQ(read(history, kOther, id).refused, kBusyWithAnother) << number;
    }
    EXPECT_EQ(read(history, kOther, 2).refused, std::nullopt) << "takes over";
    EXPECT_EQ(read(history, kOne, 0x10).refused, kBusyWithAnother);
    history.release(kOne);
    EXPECT_EQ(read(history, kOne, 0x10).refused, kBusyWithAnother);
    history.release(kOther);
    EXPECT_EQ(read(history, kOne, 0x10).refused, illegal_request(Asc::command_sequence_error));
    EXPECT_EQ(read(history, kOne, 0).refused, std::nullopt);
}

TEST(ErrorHistory, IsClearedOnRequest) {
    ErrorHistory history;
    static_cast<void>(read(history, kOne, 0));
    history.remember(record(1));
    EXPECT_EQ(read(history, kOne, 0xfe).refused, std::nullopt);
    const Answer kept = read(history, kOther, 0);
    EXPECT_EQ(records(kept), 0U);
    EXPECT_EQ(kept.data.at(9), std::byte{0x0c}) << "retrieved";
    EXPECT_EQ(read(history, kOther, 0xff).refused, std::nullopt);
    EXPECT_EQ(records(read(history, kOne, 0)), ErrorHistory::kRecordBytes);
}

TEST(ErrorHistory, KeepsTheNewest) {
    ErrorHistory history;
    for (std::uint64_t lba = 0; lba < ErrorHistory::kRecords + 3; ++lba) {
        history.remember(record(lba));
    }
    EXPECT_EQ(records(read(history, kOne, 0)), ErrorHistory::kRecords * ErrorHistory::kRecordBytes);
    EXPECT_EQ(read(history, kOne, 0x10).data.at(15), std::byte{3});
}

TEST(ErrorHistory, RefusesOtherBuffers) {
    ErrorHistory history;
    EXPECT_EQ(read(history, kOne, 0x04).refused, invalid_field(ReadBufferCdb::kBufferId));
    EXPECT_EQ(read(history, kOne, 0xef).refused, invalid_field(ReadBufferCdb::kBufferId));
    EXPECT_EQ(read(history, kOne, 0x00, 1).refused, invalid_field(ReadBufferCdb::kBufferOffset));
}

}  // namespace
}  // namespace targe::scsi
