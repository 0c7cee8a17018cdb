// The small parameter lists: LUN inventory, capacity, LBA status.
#include "scsi/capacity.h"
#include "scsi/lba_status.h"
#include "scsi/report_luns.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::thin_disk;
using testing::written;
using testing::operator+;

ByteVector luns(std::uint8_t select, std::size_t room = 4096) {
    constexpr Lun kLuns[] = {Lun{0}, Lun{255}, Lun{256}};
    return written([&](ParameterWriter& out) { EXPECT_EQ(report_luns(select, kLuns, out), std::nullopt); },
                   room);
}

TEST(ReportLuns, ListsUnitsAndNothingWellKnown) {
    const ByteVector all = bytes({0, 0, 0, 24, 0, 0, 0, 0}) + ByteVector(8) +
                           bytes({0x00, 0xff, 0, 0, 0, 0, 0, 0}) + bytes({0x41, 0x00, 0, 0, 0, 0, 0, 0});
    const ByteVector none(8);
    for (const std::uint8_t select : std::initializer_list<std::uint8_t>{0x00, 0x02, 0x11}) {
        EXPECT_EQ(luns(select), all) << int{select};
    }
    for (const std::uint8_t select : std::initializer_list<std::uint8_t>{0x01, 0x10, 0x12}) {
        EXPECT_EQ(luns(select), none) << int{select};
    }
}

TEST(ReportLuns, TellsTheWholeLengthWhenCut) {
    EXPECT_EQ(luns(0, 16), bytes({0, 0, 0, 24, 0, 0, 0, 0}) + ByteVector(8));
}

TEST(ReportLuns, RefusesEveryOtherSelect) {
    for (unsigned select = 0; select < 256; ++select) {
        if (select <= 0x02 || (select >= 0x10 && select <= 0x12)) {
            continue;
        }
        ParameterWriter out{{}};
        EXPECT_EQ(report_luns(static_cast<std::uint8_t>(select), {}, out), invalid_field(wire::bytes(2, 2)));
    }
}

TEST(ReadCapacity, Of10BytesTellsTheLastBlock) {
    UnitDescription unit = thin_disk();
    const auto data = [&] { return written([&](ParameterWriter& out) { read_capacity_10(unit, out); }); };
    EXPECT_EQ(data(), bytes({0x00, 0x1f, 0x3f, 0xff, 0, 0, 2, 0}));
    unit.blocks = 0xffff'ffff;
    EXPECT_EQ(data(), bytes({0xff, 0xff, 0xff, 0xfe, 0, 0, 2, 0}));
    unit.blocks = 0x1'0000'0001;
    EXPECT_EQ(data(), bytes({0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0}));
}

TEST(ReadCapacity, Of16BytesTellsAlignmentAndProvisioning) {
    UnitDescription unit = thin_disk();
    unit.block_size = 4096;
    const auto data = [&] { return written([&](ParameterWriter& out) { read_capacity_16(unit, out); }); };
    EXPECT_EQ(data(),
              bytes({0, 0, 0, 0, 0x00, 0x1f, 0x3f, 0xff, 0, 0, 0x10, 0, 0, 3, 0xc0, 0}) + ByteVector(16));
    unit.provisioning.managed = false;
    EXPECT_EQ(data()[14], std::byte{0});
}

TEST(LbaStatus, WritesOneDescriptorARun) {
    constexpr LbaStatus kRuns[] = {
        {.lba = 0x1'0000'0000, .blocks = 8, .status = ProvisioningStatus::mapped},
        {.lba = 0x1'0000'0008, .blocks = 16, .status = ProvisioningStatus::deallocated}};
    EXPECT_EQ(written([&](ParameterWriter& out) { lba_status(kRuns, out); }),
              bytes({0, 0, 0, 36, 0, 0, 0, 0}) +                             //
                  bytes({0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0}) +  //
                  bytes({0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 16, 1, 0, 0, 0}));
}

TEST(LbaStatus, HasRoomForAtLeastOneDescriptor) {
    EXPECT_EQ(lba_status_descriptors(0), 1U);
    EXPECT_EQ(lba_status_descriptors(24), 1U);
    EXPECT_EQ(lba_status_descriptors(39), 1U);
    EXPECT_EQ(lba_status_descriptors(40), 2U);
}

}  // namespace
}  // namespace targe::scsi
