#include "scsi/handler_commands.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace targe::scsi {
namespace {

const CommandInfo& row_of(DeviceType type, std::vector<std::uint8_t> bytes) {
    static const std::vector<std::uint8_t> kPages{0xb0, 0xb1};
    bytes.resize(16);
    const auto found = find_handler_command(type, {}, kPages, std::as_bytes(std::span{bytes}));
    EXPECT_TRUE(found) << int{bytes[0]};
    return found ? **found : command_table()[0];
}

TEST(HandlerCommands, LeaveTheEngineWhatIsTheSameForAll) {
    const std::array<std::vector<std::uint8_t>, 7> kept{{
        {0x12},           // INQUIRY
        {0x12, 1, 0x83},  // and a page that is not the handler's
        {0x03},           // REQUEST SENSE
        {0xa0},           // REPORT LUNS
        {0x16},           // RESERVE(6)
        {0x17},           // RELEASE(6)
        {0x5e, 0x00},     // PERSISTENT RESERVE IN
    }};
    for (const auto& cdb : kept) {
        EXPECT_FALSE(is_for_handler(row_of(DeviceType::tape, cdb))) << int{cdb[0]};
    }
}

TEST(HandlerCommands, GiveTheHandlerAllElse) {
    const std::array<std::vector<std::uint8_t>, 7> given{{
        {0x00},              // TEST UNIT READY
        {0x12, 1, 0xb1},     // INQUIRY of a page of the handler
        {0x1a},              // MODE SENSE(6)
        {0x08, 1, 0, 0, 1},  // READ(6), with a bit that disks do not have
        {0xa3, 0x0c},        // REPORT SUPPORTED OPERATION CODES
        {0x28},              // READ(10), which disks have
        {0xff},
    }};
    for (const auto& cdb : given) {
        EXPECT_TRUE(is_for_handler(row_of(DeviceType::tape, cdb))) << int{cdb[0]};
    }
    EXPECT_TRUE(row_of(DeviceType::tape, {0x12, 1, 0xb1}).rules.skips_unit_attention);
}

TEST(HandlerCommands, ConflictWithReservationsUnlessTheyOnlyTell) {
    EXPECT_EQ(row_of(DeviceType::tape, {0x01}).rules.under_reserve, ReservedAccess::conflicts);
    EXPECT_EQ(row_of(DeviceType::tape, {0xff}).rules.under_write_exclusive, ReservedAccess::conflicts);
    EXPECT_EQ(row_of(DeviceType::tape, {0x00}).rules.under_exclusive_access, ReservedAccess::allowed);
    EXPECT_EQ(row_of(DeviceType::tape, {0x1a}).rules.under_write_exclusive, ReservedAccess::allowed);
    EXPECT_EQ(row_of(DeviceType::tape, {0x1a}).rules.under_exclusive_access, ReservedAccess::conflicts);
    EXPECT_EQ(row_of(DeviceType::tape, {0x4d}).rules.under_reserve, ReservedAccess::allowed);
    EXPECT_EQ(row_of(DeviceType::changer, {0x4d}).rules.under_exclusive_access, ReservedAccess::allowed);
    EXPECT_EQ(row_of(DeviceType::tape, {0x1e}).rules.under_reserve,
              ReservedAccess::allowed_if_it_allows_removal);
}

TEST(HandlerCommands, AreAsTheHandlerSays) {
    EXPECT_TRUE(scsi::row_of({.writes_medium = true}).rules.writes_medium);
    EXPECT_EQ(scsi::row_of(HandlerRule{}).rules.under_write_exclusive, ReservedAccess::conflicts);
    const CommandInfo& reads = scsi::row_of({.passes_write_exclusive = true});
    EXPECT_EQ(reads.rules.under_write_exclusive, ReservedAccess::allowed);
    EXPECT_EQ(reads.rules.under_exclusive_access, ReservedAccess::conflicts);
    const CommandInfo& passes = scsi::row_of({.passes_every_reservation = true});
    EXPECT_EQ(passes.rules.under_exclusive_access, ReservedAccess::allowed);
    EXPECT_TRUE(is_for_handler(passes));
}

TEST(HandlerCommands, OfDisksHaveTheRulesOfDisks) {
    // WRITE(10), UNMAP, EXTENDED COPY, WRITE(16), WRITE SAME(16)
    const std::array<std::vector<std::uint8_t>, 5> writes{{{0x2a}, {0x42}, {0x83, 0x00}, {0x8a}, {0x93}}};
    for (const auto& cdb : writes) {
        EXPECT_TRUE(row_of(DeviceType::disk, cdb).rules.writes_medium) << int{cdb[0]};
        EXPECT_TRUE(is_for_handler(row_of(DeviceType::disk, cdb)));
    }
    EXPECT_FALSE(row_of(DeviceType::changer, {0x2a}).rules.writes_medium);
    const CommandInfo& read = row_of(DeviceType::disk, {0x28});
    EXPECT_FALSE(read.rules.writes_medium);
    EXPECT_EQ(read.rules.under_write_exclusive, ReservedAccess::allowed);
    EXPECT_EQ(read.rules.under_exclusive_access, ReservedAccess::conflicts);
    EXPECT_EQ(row_of(DeviceType::disk, {0xff}).rules.under_write_exclusive, ReservedAccess::conflicts);
}

TEST(HandlerCommands, WriteWhereTheirTypeDoes) {
    EXPECT_TRUE(row_of(DeviceType::tape, {0x0a}).rules.writes_medium);
    EXPECT_TRUE(row_of(DeviceType::tape, {0x10}).rules.writes_medium);
    EXPECT_FALSE(row_of(DeviceType::changer, {0x10}).rules.writes_medium);
    EXPECT_FALSE(row_of(DeviceType::tape, {0x08}).rules.writes_medium);
}

}  // namespace
}  // namespace targe::scsi
