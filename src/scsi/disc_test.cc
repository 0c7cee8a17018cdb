#include "scsi/disc.h"

#include "scsi/command_table.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <optional>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::written;

constexpr std::uint64_t kCd = 5000;
constexpr std::uint64_t kDvd = 2'000'000;

UnitDescription drive(std::uint64_t blocks) {
    UnitDescription unit;
    unit.type = DeviceType::cdrom;
    unit.removable = true;
    unit.blocks = blocks;
    unit.block_size = kDiscBlockSize;
    unit.limits.max_transfer = 4096;
    return unit;
}

/// What the command answers, and its refusal.
struct Said {
    ByteVector data;
    std::optional<Sense> refused;
};

template <class Layout, class Answer>
Said said(Answer answer, std::initializer_list<unsigned> cdb, std::uint64_t blocks) {
    Said result;
    const ByteVector raw = bytes(cdb);
    result.data = written(
        [&](ParameterWriter& out) { result.refused = answer(layout_of<Layout::kSize>(raw), blocks, out); });
    return result;
}

Said toc(std::initializer_list<unsigned> cdb, std::uint64_t blocks = kCd) {
    return said<ReadTocCdb>(read_toc, cdb, blocks);
}

TEST(Disc, IsWhatItsSizeSays) {
    EXPECT_EQ(profile_of(0), Profile::none);
    EXPECT_EQ(profile_of(1), Profile::cd_rom);
    EXPECT_EQ(profile_of(360'000), Profile::cd_rom) << "80 minutes";
    EXPECT_EQ(profile_of(360'001), Profile::dvd_rom);
    EXPECT_EQ(profile_of(4'173'824), Profile::dvd_rom) << "8.5 GB";
    EXPECT_EQ(profile_of(4'173'825), Profile::bd_rom);
    EXPECT_EQ(profile_of(kMaxDiscBlocks), Profile::bd_rom);
}

TEST(Disc, TellsItsTracks) {
    EXPECT_EQ(toc({0x43, 0, 0, 0, 0, 0, 0, 0, 20, 0}).data,
              bytes({0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 0x13, 0x88}));
    EXPECT_EQ(toc({0x43, 2, 0, 0, 0, 0, 1, 0, 20, 0}).data,
              bytes({0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 2, 0, 0, 0x14, 0xaa, 0, 0, 1, 8, 50}))
        << "5,150 frames are 1 minute, 8 seconds and 50 frames";
    EXPECT_EQ(toc({0x43, 0, 0, 0, 0, 0, 0xaa, 0, 20, 0}).data,
              bytes({0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 0x13, 0x88}));
    EXPECT_EQ(toc({0x43, 0, 0, 0, 0, 0, 2, 0, 20, 0}).refused, invalid_field(ReadTocCdb::kNumber));
}

TEST(Disc, TellsSessionsWhereverTheFormatStands) {
    const ByteVector one = bytes({0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0});
    EXPECT_EQ(toc({0x43, 0, 1, 0, 0, 0, 0, 0, 12, 0}).data, one);
    EXPECT_EQ(toc({0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0x40}).data, one) << "as Linux asks";
}

TEST(Disc, HasALeadInOnlyWhereItIsACd) {
    EXPECT_EQ(toc({0x43, 0, 2, 0, 0, 0, 1, 0, 48, 0}).data, bytes({0, 46,   1, 1,                           //
                                                                   1, 0x14, 0, 0xa0, 0, 0, 0, 0, 1, 0, 0,   //
                                                                   1, 0x14, 0, 0xa1, 0, 0, 0, 0, 1, 0, 0,   //
                                                                   1, 0x14, 0, 0xa2, 0, 0, 0, 0, 1, 8, 50,  //
                                                                   1, 0x14, 0, 1,    0, 0, 0, 0, 0, 2, 0}));
    EXPECT_EQ(toc({0x43, 0, 2, 0, 0, 0, 1, 0, 48, 0}, kDvd).refused, invalid_field(ReadTocCdb::kFormat));
    for (const unsigned format : {3U, 4U, 5U, 15U}) {
        EXPECT_EQ(toc({0x43, 0, format, 0, 0, 0, 0, 0, 48, 0}).refused, invalid_field(ReadTocCdb::kFormat));
    }
}

TEST(Disc, TellsTimesBeyondTheLastAsTheLast) {
    const ByteVector data = toc({0x43, 2, 0, 0, 0, 0, 0xaa, 0, 20, 0}, kDvd).data;
    EXPECT_EQ(ByteVector(data.begin() + 8, data.end()), bytes({0, 0xff, 59, 74}));
}

TEST(Disc, IsCompleteAndHasOneTrack) {
    const Said disc =
        said<ReadDiscInformationCdb>(read_disc_information, {0x51, 0, 0, 0, 0, 0, 0, 0, 34, 0}, kCd);
    ASSERT_EQ(disc.data.size(), 34U);
    EXPECT_EQ(ByteVector(disc.data.begin(), disc.data.begin() + 9),
              bytes({0, 32, 0x0e, 1, 1, 1, 1, 0x20, 0x00}));
    EXPECT_EQ(
        said<ReadDiscInformationCdb>(read_disc_information, {0x51, 1, 0, 0, 0, 0, 0, 0, 34, 0}, kCd).refused,
        invalid_field(ReadDiscInformationCdb::kDataType));

    const auto track = [](std::initializer_list<unsigned> cdb) {
        return said<ReadTrackInformationCdb>(read_track_information, cdb, kCd);
    };
    const ByteVector one = track({0x52, 1, 0, 0, 0, 1, 0, 0, 36, 0}).data;
    ASSERT_EQ(one.size(), 36U);
    EXPECT_EQ(ByteVector(one.begin(), one.begin() + 8), bytes({0, 34, 1, 1, 0, 4, 1, 0}));
    EXPECT_EQ(ByteVector(one.begin() + 24, one.begin() + 28), bytes({0, 0, 0x13, 0x88}));
    EXPECT_EQ(track({0x52, 0, 0, 0, 0x13, 0x87, 0, 0, 36, 0}).data, one);
    EXPECT_EQ(track({0x52, 0, 0, 0, 0x13, 0x88, 0, 0, 36, 0}).refused, lba_out_of_range(kCd));
    EXPECT_EQ(track({0x52, 1, 0, 0, 0, 2, 0, 0, 36, 0}).refused,
              invalid_field(ReadTrackInformationCdb::kNumber));
    EXPECT_EQ(track({0x52, 3, 0, 0, 0, 1, 0, 0, 36, 0}).refused,
              invalid_field(ReadTrackInformationCdb::kNumberType));
}

TEST(Disc, HasStructuresWhereItIsADvd) {
    const auto structure = [](unsigned format, std::uint64_t blocks) {
        return said<ReadDiscStructureCdb>(read_disc_structure,
                                          {0xad, 0, 0, 0, 0, 0, 0, format, 0x10, 0, 0, 0}, blocks);
    };
    const ByteVector physical = structure(0, kDvd).data;
    ASSERT_EQ(physical.size(), 2052U);
    EXPECT_EQ(ByteVector(physical.begin(), physical.begin() + 20),
              bytes({0x08, 0x02, 0, 0, 0x01, 0x0f, 0x01, 0, 0, 0x03, 0, 0, 0, 0x21, 0x84, 0x7f, 0, 0, 0, 0}));
    EXPECT_EQ(structure(1, kDvd).data, bytes({0, 6, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(structure(4, kDvd).data.size(), 2052U);
    EXPECT_EQ(structure(0xff, kDvd).data, bytes({0, 14, 0, 0, 0, 0x40, 8, 4, 1, 0x40, 0, 8, 4, 0x40, 8, 4}));
    EXPECT_EQ(structure(3, kDvd).refused, invalid_field(ReadDiscStructureCdb::kFormat));
    EXPECT_EQ(structure(0, kCd).refused, illegal_request(Asc::cannot_read_medium_incompatible_format));
    EXPECT_EQ(said<ReadDiscStructureCdb>(read_disc_structure, {0xad, 1, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0}, kDvd)
                  .refused,
              invalid_field(ReadDiscStructureCdb::kMediaType));
    EXPECT_EQ(said<ReadDiscStructureCdb>(read_disc_structure, {0xad, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0}, kDvd)
                  .refused,
              invalid_field(ReadDiscStructureCdb::kLayer));
}

TEST(Disc, HasDiscInformationWhereItIsABd) {
    const auto structure = [](unsigned media, unsigned format, std::uint64_t blocks) {
        return said<ReadDiscStructureCdb>(read_disc_structure,
                                          {0xad, media, 0, 0, 0, 0, 0, format, 0x20, 0, 0, 0}, blocks);
    };
    const ByteVector information = structure(1, 0, 5'000'000).data;
    ASSERT_EQ(information.size(), 4100U);
    EXPECT_EQ(ByteVector(information.begin(), information.begin() + 17),
              bytes({0x10, 0x02, 0, 0, 'D', 'I', 1, 1, 0, 0, 32, 0, 'B', 'D', 'O', 0x01, 0x11}));
    EXPECT_EQ(structure(1, 0, 20'000'000).data.at(16), std::byte{0x21}) << "two layers";
    EXPECT_EQ(structure(1, 0, kMaxDiscBlocks).data.at(16), std::byte{0x41});
    EXPECT_EQ(structure(1, 0xff, 5'000'000).data, bytes({0, 6, 0, 0, 0, 0x40, 0x10, 4}));
    EXPECT_EQ(structure(1, 1, 5'000'000).refused, invalid_field(ReadDiscStructureCdb::kFormat));
    EXPECT_EQ(structure(0, 0, 5'000'000).refused, invalid_field(ReadDiscStructureCdb::kMediaType));
}

TEST(Disc, TellsOneSpeed) {
    const auto performance = [](std::initializer_list<unsigned> cdb) {
        return said<GetPerformanceCdb>(get_performance, cdb, kCd);
    };
    EXPECT_EQ(
        performance({0xac, 0x10, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0}).data,
        bytes({0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x13, 0, 0, 0x13, 0x87, 0, 0, 0x21, 0x13}));
    const ByteVector none = bytes({0, 0, 0, 4, 0, 0, 0, 0});
    EXPECT_EQ(performance({0xac, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}).data, none);
    EXPECT_EQ(performance({0xac, 0x11, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0}).data, none) << "exceptions";
    EXPECT_EQ(performance({0xac, 0x14, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0}).data, bytes({0, 0, 0, 4, 2, 0, 0, 0}));
    EXPECT_EQ(performance({0xac, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0}).refused,
              invalid_field(GetPerformanceCdb::kTolerance));
    EXPECT_EQ(performance({0xac, 0x10, 0, 0, 0x13, 0x88, 0, 0, 0, 4, 0, 0}).refused, lba_out_of_range(kCd));
}

/// The plan of a CDB that the table lets through.
std::expected<MediumAccess, Sense> plan(std::initializer_list<unsigned> cdb, std::uint64_t blocks = kCd,
                                        bool present = true) {
    const UnitDescription unit = drive(blocks);
    const ByteVector raw = bytes(cdb);
    const auto found = find_multimedia_command(traits_of(unit), raw);
    if (!found) {
        return std::unexpected(found.error());
    }
    EXPECT_TRUE(accesses_disc((*found)->id));
    return plan_disc_access((*found)->id, raw, unit, present);
}

MediumAccess access(std::uint64_t lba, std::uint64_t blocks, std::uint64_t bytes_in) {
    return {.lba = lba, .blocks = blocks, .data_in_bytes = bytes_in};
}

TEST(DiscAccess, ReadsWholeBlocks) {
    EXPECT_EQ(plan({0x28, 0, 0, 0, 0x13, 0x86, 0, 0, 2, 0}), access(4998, 2, 4096));
    EXPECT_EQ(plan({0x28, 0x18, 0, 0, 0, 1, 0, 0, 0, 0}), access(1, 0, 0)) << "DPO and FUA change nothing";
    EXPECT_EQ(plan({0xa8, 0, 0, 0, 0, 16, 0, 0, 0, 3, 0, 0}), access(16, 3, 6144));
    EXPECT_EQ(plan({0x2f, 0, 0, 0, 0, 16, 0, 0, 3, 0}), access(16, 3, 0));
    EXPECT_EQ(plan({0x2b, 0, 0, 0, 0x13, 0x87, 0, 0, 0, 0}), access(4999, 1, 0));
    EXPECT_EQ(plan({0x28, 0, 0, 0, 0x13, 0x87, 0, 0, 2, 0}).error(), lba_out_of_range(kCd));
    EXPECT_EQ(plan({0x2b, 0, 0, 0, 0x13, 0x88, 0, 0, 0, 0}).error(), lba_out_of_range(kCd));
    EXPECT_EQ(plan({0x28, 0x20, 0, 0, 0, 0, 0, 0, 1, 0}).error(), invalid_field(wire::bit(1, 5)))
        << "no protection information";
    EXPECT_EQ(plan({0xa8, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0}).error(), invalid_field(DiscRead12Cdb::kBlocks))
        << "more than the limit of a transfer";
}

TEST(DiscAccess, ReadsUserDataOfSectorsOfMode1) {
    EXPECT_EQ(plan({0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0x10, 0, 0}), access(16, 2, 4096));
    EXPECT_EQ(plan({0xbe, 0x08, 0, 0, 0, 16, 0, 0, 2, 0x10, 0, 0}), access(16, 2, 4096));
    EXPECT_EQ(plan({0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0, 0, 0}), access(16, 0, 0)) << "no part of a sector";
    EXPECT_EQ(plan({0xbe, 0x04, 0, 0, 0, 16, 0, 0, 2, 0x10, 0, 0}).error(),
              illegal_request(Asc::illegal_mode_for_this_track))
        << "audio";
    EXPECT_EQ(plan({0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0x10, 0, 0}, kDvd).error(),
              illegal_request(Asc::illegal_mode_for_this_track));
    EXPECT_EQ(plan({0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0xf8, 0, 0}).error(), invalid_field(wire::bit(9, 7)))
        << "raw sectors";
    EXPECT_EQ(plan({0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0x10, 1, 0}).error(), invalid_field(wire::bit(10, 0)))
        << "sub-channels";
}

TEST(DiscAccess, ReadsFromTimeToTime) {
    EXPECT_EQ(plan({0xb9, 0, 0, 0, 2, 16, 0, 2, 18, 0x10, 0, 0}), access(16, 2, 4096));
    EXPECT_EQ(plan({0xb9, 0, 0, 0, 1, 74, 0, 2, 18, 0x10, 0, 0}).error(), invalid_field(ReadCdMsfCdb::kStart))
        << "before the first block";
    EXPECT_EQ(plan({0xb9, 0, 0, 0, 2, 75, 0, 3, 18, 0x10, 0, 0}).error(),
              invalid_field(ReadCdMsfCdb::kStart));
    EXPECT_EQ(plan({0xb9, 0, 0, 0, 2, 16, 0, 2, 15, 0x10, 0, 0}).error(), invalid_field(ReadCdMsfCdb::kEnd));
    EXPECT_EQ(plan({0xb9, 0, 0, 0, 2, 16, 0, 60, 0, 0x10, 0, 0}).error(), invalid_field(ReadCdMsfCdb::kEnd));
    EXPECT_EQ(plan({0xb9, 0, 0, 0, 2, 16, 2, 2, 15, 0x10, 0, 0}).error(), lba_out_of_range(kCd));
}

TEST(DiscAccess, RefusesNoRangeWithoutADisc) {
    EXPECT_EQ(plan({0x28, 0, 0xff, 0, 0, 0, 0, 0, 2, 0}, 0, false), access(0xff00'0000, 2, 4096));
    EXPECT_EQ(plan({0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0x10, 0, 0}, 0, false), access(16, 2, 4096));
}

}  // namespace
}  // namespace targe::scsi
