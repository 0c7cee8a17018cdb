// The table of commands, and what it makes of CDBs.
#include "vtl/drive_table.h"

#include "vtl/testing_drive.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace targe::vtl {
namespace {

using testing::Answer;
using testing::Bytes;
using testing::DriveTest;
using testing::number_at;
using testing::text;

class DriveCommands : public DriveTest {};

TEST_F(DriveCommands, PointAtEveryBitThatIsNotTheirs) {
    for (const CommandShape& command : Drive::commands()) {
        SCOPED_TRACE(command.name);
        for (std::size_t bit = 8; bit < command.usage.size() * 8; ++bit) {
            const auto mask = static_cast<std::byte>(0x80U >> (bit % 8));
            const bool control = bit / 8 + 1 == command.usage.size() && mask == std::byte{0x04};
            if ((command.usage[bit / 8] & mask) != std::byte{0} || control) {
                continue;
            }
            Bytes cdb(command.usage.size());
            cdb[0] = std::byte{command.opcode};
            cdb[1] |= static_cast<std::byte>(command.service_action.value_or(0));
            cdb[bit / 8] |= mask;
            const Answer answer = testing::send(drive_, cdb);
            ASSERT_EQ(text(answer), "5/2400") << "bit " << bit;
            ASSERT_TRUE(answer.sense->field);
            EXPECT_EQ(answer.sense->field->byte, bit / 8);
            EXPECT_EQ(answer.sense->field->bit, 7 - bit % 8);
        }
    }
}

TEST_F(DriveCommands, AreUnknownWhenNotInTheTable) {
    for (unsigned opcode = 0; opcode < 256; ++opcode) {
        const bool known = std::ranges::any_of(Drive::commands(),
                                               [&](const CommandShape& row) { return row.opcode == opcode; });
        Bytes cdb(16);
        cdb[0] = static_cast<std::byte>(opcode);
        if (!known) {
            EXPECT_EQ(text(testing::send(drive_, cdb)), "5/2000") << opcode;
        }
    }
    EXPECT_EQ(text(run({0xa3, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})), "5/2400");
    EXPECT_EQ(text(run({0x92, 0, 0, 0, 0, 0})), "5/2000");  // cut short
}

TEST_F(DriveCommands, AreReportedAsTheyAre) {
    const Answer all = run({0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0});
    ASSERT_TRUE(all.good());
    const auto rows = Drive::commands();
    ASSERT_EQ(number_at(all.data, 0, 4), rows.size() * 8);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(number_at(all.data, 4 + i * 8, 1), rows[i].opcode);
        EXPECT_EQ(number_at(all.data, 4 + i * 8 + 2, 2), rows[i].service_action.value_or(0));
        EXPECT_EQ(number_at(all.data, 4 + i * 8 + 6, 2), rows[i].usage.size());
    }
    const Answer one = run({0xa3, 0x0c, 1, 0x08, 0, 0, 0, 0, 0xff, 0xff, 0, 0});
    ASSERT_TRUE(one.good());
    EXPECT_EQ(one.data, testing::bytes_of({0, 3, 0, 6, 0x08, 3, 0xff, 0xff, 0xff, 4}));
    const Answer action = run({0xa3, 0x0c, 2, 0x34, 0, 6, 0, 0, 0xff, 0xff, 0, 0});
    EXPECT_EQ(number_at(action.data, 5, 1), 6U);
    EXPECT_EQ(number_at(run({0xa3, 0x0c, 3, 0x28, 0, 0, 0, 0, 0xff, 0xff, 0, 0}).data, 1, 1), 1U);
    EXPECT_EQ(text(run({0xa3, 0x0c, 1, 0x34, 0, 0, 0, 0, 0xff, 0xff, 0, 0})), "5/2400");
    EXPECT_EQ(text(run({0xa3, 0x0c, 2, 0x08, 0, 0, 0, 0, 0xff, 0xff, 0, 0})), "5/2400");
}

// What a hostile initiator may send: whatever comes of it, the drive lives, keeps to the room, and what it
// says of itself is consistent.
TEST_F(DriveCommands, SurviveAnyCdbAndAnyParameters) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto rows = Drive::commands();
    for (int i = 0; i < 30'000; ++i) {
        const CommandShape& command = rows[random() % rows.size()];
        Bytes cdb(command.usage.size());
        for (std::size_t at = 0; at < cdb.size(); ++at) {
            cdb[at] = static_cast<std::byte>(random() % 3 == 0 ? 0 : random()) & command.usage[at];
        }
        cdb[0] = std::byte{command.opcode};
        if (command.service_action) {
            cdb[1] = (cdb[1] & std::byte{0xe0}) | static_cast<std::byte>(*command.service_action);
        }
        // Lengths of 24 bits are kept small: it is not about moving data.
        if (command.opcode == 0x0a || command.opcode == 0x10 || command.opcode == 0x08) {
            cdb[2] = std::byte{0};
            cdb[3] &= std::byte{0x0f};
        }
        Bytes data_out(random() % 300);
        for (std::byte& byte : data_out) {
            byte = static_cast<std::byte>(random() % 4 == 0 ? random() : 0);
        }
        (void)testing::send(drive_, cdb, std::move(data_out), random() % 400, 1 + random() % 3);
        if (!drive_.threaded()) {
            drive_.session_gone(1 + random() % 3);
            (void)run({0x1b, 0, 0, 0, 1, 0});
        }
    }
}

}  // namespace
}  // namespace targe::vtl
