// What holds for every command that names a range of blocks.
#include "scsi/medium_access.h"

#include "scsi/command_table.h"
#include "scsi/testing_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace targe::scsi {
namespace {

using testing::ByteVector;
using testing::thin_disk;

constexpr std::uint64_t kBlocks = 2048000;
constexpr std::uint64_t kLbaMax = std::numeric_limits<std::uint64_t>::max();

/// What zero blocks mean.
enum class Zero : std::uint8_t { none, to_the_end, two_hundred_and_fifty_six };

struct Kind {
    CommandId id;
    Zero zero = Zero::none;
    unsigned data_in = 0;   ///< blocks of data-in for each block of the range
    unsigned data_out = 0;  ///< blocks of data-out for each block of the range
    unsigned data_out_once = 0;
};

using enum CommandId;
constexpr Kind kKinds[] = {
    {.id = read_6, .zero = Zero::two_hundred_and_fifty_six, .data_in = 1},
    {.id = read_10, .data_in = 1},
    {.id = read_12, .data_in = 1},
    {.id = read_16, .data_in = 1},
    {.id = write_6, .zero = Zero::two_hundred_and_fifty_six, .data_out = 1},
    {.id = write_10, .data_out = 1},
    {.id = write_12, .data_out = 1},
    {.id = write_16, .data_out = 1},
    {.id = write_and_verify_10, .data_out = 1},
    {.id = write_and_verify_12, .data_out = 1},
    {.id = write_and_verify_16, .data_out = 1},
    {.id = verify_10},
    {.id = verify_12},
    {.id = verify_16},
    {.id = pre_fetch_10, .zero = Zero::to_the_end},
    {.id = pre_fetch_16, .zero = Zero::to_the_end},
    {.id = synchronize_cache_10, .zero = Zero::to_the_end},
    {.id = synchronize_cache_16, .zero = Zero::to_the_end},
    {.id = write_same_10, .zero = Zero::to_the_end, .data_out_once = 1},
    {.id = write_same_16, .zero = Zero::to_the_end, .data_out_once = 1},
    {.id = compare_and_write, .data_out = 2},
};

const CommandInfo& row_of(CommandId id) {
    for (const CommandInfo& command : command_table()) {
        if (command.id == id && offered(command.available, {.thin = true})) {
            return command;
        }
    }
    return command_table().front();
}

wire::Field lba_field(const CommandInfo& command) {
    return command.cdb_length() == 6    ? wire::Field{.byte = 1, .msb = 4, .width = 21}
           : command.cdb_length() == 16 ? wire::bytes(2, 9)
                                        : wire::bytes(2, 5);
}

void put_field(ByteVector& cdb, wire::Field field, std::uint64_t value) {
    for (unsigned n = 0; n < field.width; ++n) {
        const std::size_t at = field.byte * 8U + 7U - field.msb + field.width - 1U - n;
        if ((value >> n & 1U) != 0) {
            cdb[at / 8] |= static_cast<std::byte>(0x80U >> (at % 8));
        }
    }
}

std::expected<MediumAccess, Sense> plan(const Kind& kind, std::uint64_t lba, std::uint64_t blocks,
                                        const UnitDescription& unit) {
    const CommandInfo& command = row_of(kind.id);
    ByteVector cdb(command.cdb_length());
    cdb[0] = std::byte{command.opcode};
    put_field(cdb, lba_field(command), lba);
    put_field(cdb, command.length, blocks);
    const auto found = find_command(traits_of(unit), cdb);
    EXPECT_TRUE(found && *found == &command);
    return plan_medium_access(kind.id, cdb, unit);
}

MediumAccess expected_access(const Kind& kind, std::uint64_t lba, std::uint64_t blocks) {
    return {.lba = lba,
            .blocks = blocks,
            .data_out_bytes = (kind.data_out * blocks + kind.data_out_once) * 512,
            .data_in_bytes = kind.data_in * blocks * 512};
}

/// A disk whose end every command can reach; 6-byte commands have 21 bits for the address.
UnitDescription disk() {
    UnitDescription unit = thin_disk();
    unit.blocks = kBlocks;
    return unit;
}

TEST(MediumAccess, AcceptsTheLastBlocksOfTheMedium) {
    for (const Kind& kind : kKinds) {
        SCOPED_TRACE(row_of(kind.id).name);
        EXPECT_EQ(plan(kind, kBlocks - 8, 8, disk()), expected_access(kind, kBlocks - 8, 8));
        EXPECT_EQ(plan(kind, 0, 1, disk()), expected_access(kind, 0, 1));
    }
}

TEST(MediumAccess, NamesTheFirstBlockBehindTheMedium) {
    for (const Kind& kind : kKinds) {
        SCOPED_TRACE(row_of(kind.id).name);
        EXPECT_EQ(plan(kind, kBlocks - 8, 9, disk()).error(), lba_out_of_range(kBlocks));
        EXPECT_EQ(plan(kind, kBlocks, 1, disk()).error(), lba_out_of_range(kBlocks));
        EXPECT_EQ(plan(kind, kBlocks + 1, 1, disk()).error(), lba_out_of_range(kBlocks + 1));
        EXPECT_EQ(plan(kind, kBlocks + 1, 0, disk()).error(), lba_out_of_range(kBlocks + 1));
    }
}

TEST(MediumAccess, RejectsARangeWhoseEndWouldWrap) {
    for (const Kind& kind : kKinds) {
        const CommandInfo& command = row_of(kind.id);
        SCOPED_TRACE(command.name);
        if (command.cdb_length() == 16) {
            EXPECT_EQ(plan(kind, kLbaMax, 2, disk()).error(), lba_out_of_range(kLbaMax));
            EXPECT_EQ(plan(kind, kLbaMax, 0, disk()).error(), lba_out_of_range(kLbaMax));
            // The largest unit there can be: only the end of the range is out of it.
            UnitDescription whole = disk();
            whole.blocks = kLbaMax;
            EXPECT_EQ(plan(kind, kLbaMax - 1, 2, whole).error(), lba_out_of_range(kLbaMax));
        } else if (command.cdb_length() > 6) {
            EXPECT_EQ(plan(kind, 0xffff'ffff, 1, disk()).error(), lba_out_of_range(0xffff'ffff));
        }
    }
}

TEST(MediumAccess, KnowsWhatZeroBlocksMean) {
    for (const Kind& kind : kKinds) {
        SCOPED_TRACE(row_of(kind.id).name);
        const std::uint64_t lba = 1000;
        const std::uint64_t blocks = kind.zero == Zero::none         ? 0
                                     : kind.zero == Zero::to_the_end ? kBlocks - lba
                                                                     : 256;
        EXPECT_EQ(plan(kind, lba, 0, disk()), expected_access(kind, lba, blocks));
        if (kind.zero != Zero::two_hundred_and_fifty_six) {
            EXPECT_EQ(plan(kind, kBlocks, 0, disk()), expected_access(kind, kBlocks, 0));
        }
    }
}

TEST(MediumAccess, HoldsEachCommandToItsMaximum) {
    UnitDescription unit = disk();
    unit.limits.max_transfer = 16;
    unit.limits.max_prefetch = 16;
    unit.limits.max_write_same = 16;
    unit.limits.max_compare_and_write = 16;
    for (const Kind& kind : kKinds) {
        const CommandInfo& command = row_of(kind.id);
        SCOPED_TRACE(command.name);
        const bool unlimited = kind.id == synchronize_cache_10 || kind.id == synchronize_cache_16;
        EXPECT_TRUE(plan(kind, 0, 16, unit));
        const auto longer = plan(kind, 0, 17, unit);
        ASSERT_EQ(longer.has_value(), unlimited);
        if (!unlimited) {
            EXPECT_EQ(longer.error(), invalid_field(command.length));
        }
        EXPECT_EQ(plan(kind, kBlocks - 16, 17, unit).error(), lba_out_of_range(kBlocks));
    }
}

TEST(MediumAccess, TakesTheLongestTransferWithoutOverflow) {
    UnitDescription unit = disk();
    unit.blocks = kLbaMax;
    unit.block_size = 4096;
    EXPECT_EQ(plan({.id = read_16}, 0, 0xffff'ffff, unit)->data_in_bytes, 0xffff'ffffULL * 4096);
    EXPECT_EQ(plan({.id = write_12}, 0, 0xffff'ffff, unit)->data_out_bytes, 0xffff'ffffULL * 4096);
}

TEST(MediumAccess, RefusesProtectionInformation) {
    for (const Kind& kind : kKinds) {
        const CommandInfo& command = row_of(kind.id);
        SCOPED_TRACE(command.name);
        const bool has_protect = (command.usage[1] & std::byte{0xe0}) == std::byte{0xe0};
        for (unsigned protect = 1; protect < 8 && has_protect; ++protect) {
            ByteVector cdb(command.cdb_length());
            cdb[0] = std::byte{command.opcode};
            cdb[1] = static_cast<std::byte>(protect << 5);
            EXPECT_EQ(plan_medium_access(kind.id, cdb, disk()).error(), invalid_field(wire::bits(1, 7, 5)));
        }
    }
}

}  // namespace
}  // namespace targe::scsi
