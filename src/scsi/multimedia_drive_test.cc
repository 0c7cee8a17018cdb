#include "scsi/multimedia_drive.h"

#include "scsi/command_table.h"
#include "scsi/mode_pages.h"
#include "scsi/report_supported_operation_codes.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::written;

constexpr UnitTraits kDrive{.removable = true, .set = CommandSet::multimedia};
constexpr DriveStatus kEmpty{};
constexpr DriveStatus kOpen{.tray_open = true};
constexpr DriveStatus kWithCd{.blocks = 5000};
constexpr DriveStatus kWithDvd{.blocks = 2'000'000};
constexpr DriveStatus kWithBd{.blocks = 12'000'000};

ByteVector configuration(const DriveStatus& drive, unsigned type = 0, unsigned from = 0) {
    const ByteVector cdb = bytes({0x46, type, from >> 8U, from & 0xffU, 0, 0, 0, 0x10, 0, 0});
    return written([&](ParameterWriter& out) {
        EXPECT_EQ(get_configuration(layout_of<GetConfigurationCdb::kSize>(cdb), drive, "serial", out),
                  std::nullopt);
    });
}

/// Code of each feature, and the byte with its version and whether it is persistent and current.
std::map<unsigned, unsigned> features(const ByteVector& answer) {
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(answer.at(i)); };
    std::map<unsigned, unsigned> found;
    for (std::size_t i = 8; i < answer.size(); i += 4 + at(i + 3)) {
        found[at(i) << 8U | at(i + 1)] = at(i + 2);
    }
    return found;
}

TEST(GetConfiguration, TellsWhatIsCurrentWithTheDisc) {
    EXPECT_EQ(features(configuration(kWithCd)), (std::map<unsigned, unsigned>{{0x0000, 0x03},
                                                                              {0x0001, 0x0b},
                                                                              {0x0002, 0x07},
                                                                              {0x0003, 0x0b},
                                                                              {0x0010, 0x01},
                                                                              {0x001e, 0x09},
                                                                              {0x001f, 0x00},
                                                                              {0x0040, 0x00},
                                                                              {0x0100, 0x03},
                                                                              {0x0105, 0x03},
                                                                              {0x0108, 0x03}}));
    const auto dvd = features(configuration(kWithDvd));
    EXPECT_EQ(dvd.at(0x1e), 0x08U);
    EXPECT_EQ(dvd.at(0x1f), 0x01U);
    const auto bd = features(configuration(kWithBd));
    EXPECT_EQ(bd.at(0x1f), 0x00U);
    EXPECT_EQ(bd.at(0x40), 0x01U);
    const auto none = features(configuration(kEmpty));
    EXPECT_EQ(none.at(0x10), 0x00U);
    for (const auto& [drive, profile] : std::initializer_list<std::pair<DriveStatus, unsigned>>{
             {kEmpty, 0x00}, {kWithCd, 0x08}, {kWithDvd, 0x10}, {kWithBd, 0x40}}) {
        const ByteVector answer = configuration(drive);
        EXPECT_EQ(ByteVector(answer.begin() + 4, answer.begin() + 8), bytes({0, 0, 0, profile}));
        EXPECT_EQ(std::to_integer<std::size_t>(answer[2]) << 8U | std::to_integer<std::size_t>(answer[3]),
                  answer.size() - 4);
    }
}

TEST(GetConfiguration, ListsProfilesTheBestFirst) {
    EXPECT_EQ(configuration(kWithCd, 2, 0),
              bytes({0, 0, 0, 20, 0, 0, 0, 8, 0, 0, 3, 12, 0, 0x40, 0, 0, 0, 0x10, 0, 0, 0, 8, 1, 0}));
}

TEST(GetConfiguration, TellsWhichBdsAreRead) {
    const ByteVector answer = configuration(kWithBd, 2, 0x40);
    ASSERT_EQ(answer.size(), 8U + 32U);
    EXPECT_EQ(ByteVector(answer.begin() + 8, answer.begin() + 12), bytes({0, 0x40, 1, 28}));
    EXPECT_EQ(ByteVector(answer.begin() + 32, answer.begin() + 36), bytes({0, 2, 0, 0})) << "BD-ROM";
    EXPECT_EQ(configuration(kWithBd, 2, 0x10).at(8 + 9), std::byte{32}) << "BLOCKING";
}

/// Not whether a jumper prevents removal from the start on: none does.
TEST(GetConfiguration, TellsWhatTheTrayCan) {
    EXPECT_EQ(configuration(kEmpty, 2, 3), bytes({0, 0, 0, 12, 0, 0, 0, 0, 0, 3, 0x0b, 4, 0x39, 0, 0, 0}))
        << "a tray, LOAD, EJECT, LOCK";
}

TEST(GetConfiguration, TellsWhatIsAskedFor) {
    EXPECT_FALSE(features(configuration(kWithCd, 1)).contains(0x1f)) << "current features alone";
    EXPECT_TRUE(features(configuration(kWithCd, 1)).contains(0x1e));
    EXPECT_EQ(features(configuration(kWithCd, 0, 0x101)).begin()->first, 0x105U) << "from a feature on";
    EXPECT_EQ(features(configuration(kWithCd, 2, 0x1f)).size(), 1U) << "current or not";
    EXPECT_EQ(features(configuration(kWithCd, 2, 0x20)).size(), 0U);
    const ByteVector cdb = bytes({0x46, 3, 0, 0, 0, 0, 0, 0, 8, 0});
    written([&](ParameterWriter& out) {
        EXPECT_EQ(get_configuration(layout_of<GetConfigurationCdb::kSize>(cdb), kEmpty, "", out),
                  invalid_field(GetConfigurationCdb::kRequestedType));
    });
}

/// The features bring these commands with them, [MMC-6 r2g].
TEST(GetConfiguration, AnnouncesNothingThatTheTableLacks) {
    for (const unsigned opcode : {0x00U, 0x03U, 0x12U, 0x1bU, 0x1eU, 0x25U, 0x28U, 0x43U, 0x46U, 0x4aU, 0x51U,
                                  0x52U, 0x55U, 0x5aU, 0xa8U, 0xadU, 0xb9U, 0xbdU, 0xbeU}) {
        EXPECT_NE(offered_command(kDrive, static_cast<std::uint8_t>(opcode), std::nullopt), nullptr)
            << opcode;
    }
}

struct Event {
    ByteVector data;
    std::expected<EventTold, Sense> told;
};

Event event(unsigned classes, const DriveStatus& drive, const DriveEvents& events, unsigned room = 8) {
    Event result{.data = {}, .told = EventTold::none};
    const ByteVector cdb = bytes({0x4a, 1, 0, 0, classes, 0, 0, 0, room, 0});
    result.data = written([&](ParameterWriter& out) {
        result.told = get_event_status_notification(layout_of<GetEventStatusNotificationCdb::kSize>(cdb),
                                                    drive, events, out);
    });
    return result;
}

TEST(EventStatus, TellsOfTheMedium) {
    const Event fresh = event(0x10, kWithCd, {.media = MediaEvent::new_media});
    EXPECT_EQ(fresh.data, bytes({0, 6, 4, 0x56, 2, 2, 0, 0}));
    EXPECT_EQ(fresh.told, EventTold::media);
    EXPECT_EQ(event(0x10, kOpen, {.media = MediaEvent::media_removal}).data,
              bytes({0, 6, 4, 0x56, 3, 1, 0, 0}));
    EXPECT_EQ(event(0x10, kWithCd, {.media = MediaEvent::eject_request}).data,
              bytes({0, 6, 4, 0x56, 1, 2, 0, 0}));
    const Event nothing = event(0x10, kEmpty, {});
    EXPECT_EQ(nothing.data, bytes({0, 6, 4, 0x56, 0, 0, 0, 0}));
    EXPECT_EQ(nothing.told, EventTold::none);
}

TEST(EventStatus, TellsOneClassAtATime) {
    const DriveEvents both{.media = MediaEvent::new_media, .operational_change = true};
    EXPECT_EQ(event(0x12, kWithCd, both).data, bytes({0, 6, 1, 0x56, 2, 0, 0, 1}));
    EXPECT_EQ(event(0x12, kWithCd, both).told, EventTold::operational_change);
    EXPECT_EQ(event(0x14, kWithCd, both).told, EventTold::media)
        << "power comes first, and has nothing to say";
    EXPECT_EQ(event(0x44, kWithCd, both).data, bytes({0, 6, 2, 0x56, 0, 1, 0, 0}));
    EXPECT_EQ(event(0x40, kWithCd, both).data, bytes({0, 6, 6, 0x56, 0, 0, 0, 0}));
}

TEST(EventStatus, TellsOfPersistentPrevention) {
    const DriveStatus drive{.blocks = 5000, .persistent_prevention = true};
    EXPECT_EQ(event(0x02, drive, {}).data, bytes({0, 6, 1, 0x56, 0, 0x80, 0, 0}));
    EXPECT_EQ(event(0x02, drive, {.operational_change = true}).data, bytes({0, 6, 1, 0x56, 2, 0x80, 0, 1}));
    EXPECT_EQ(event(0x02, drive, {}).told, EventTold::none) << "a state, which is no event";
}

TEST(EventStatus, KeepsWhatWasNotTold) {
    EXPECT_EQ(event(0x10, kWithCd, {.media = MediaEvent::new_media}, 4).told, EventTold::none);
    const Event other = event(0x28, kWithCd, {.media = MediaEvent::new_media});
    EXPECT_EQ(other.data, bytes({0, 2, 0x80, 0x56})) << "classes that there are not";
    EXPECT_EQ(other.told, EventTold::none);
    const ByteVector cdb = bytes({0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8, 0});
    written([&](ParameterWriter& out) {
        EXPECT_EQ(get_event_status_notification(layout_of<GetEventStatusNotificationCdb::kSize>(cdb), kEmpty,
                                                {}, out)
                      .error(),
                  invalid_field(GetEventStatusNotificationCdb::kPolled));
    });
}

TEST(MechanismStatus, TellsOfTheTray) {
    EXPECT_EQ(written([](ParameterWriter& out) { mechanism_status(kOpen, out); }),
              bytes({0, 0x10, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(written([](ParameterWriter& out) { mechanism_status(kWithCd, out); }),
              bytes({0, 0, 0, 0, 0, 0, 0, 0}));
}

// --- The command table of such drives ---

TEST(MultimediaTable, FindsItsRowsAndRefusesUndefinedBits) {
    for (const CommandInfo& command : command_table(CommandSet::multimedia)) {
        if (!offered(command.available, kDrive)) {
            continue;
        }
        SCOPED_TRACE(command.name);
        ByteVector cdb(16);
        cdb[0] = std::byte{command.opcode};
        cdb[1] = std::byte{command.service_action.value_or(0)};
        ASSERT_EQ(find_multimedia_command(kDrive, cdb), &command);
        for (std::size_t bit = 8; bit < command.cdb_length() * 8; ++bit) {
            const std::byte mask = std::byte{0x80} >> (bit % 8);
            if ((command.usage[bit / 8] & mask) == std::byte{0}) {
                cdb[bit / 8] |= mask;
                EXPECT_FALSE(find_multimedia_command(kDrive, cdb)) << bit;
                cdb[bit / 8] &= ~mask;
            }
        }
    }
}

TEST(MultimediaTable, HasNothingThatWrites) {
    for (const unsigned opcode :
         {0x04U, 0x0aU, 0x2aU, 0x2eU, 0x35U, 0x41U, 0x42U, 0x53U, 0x54U, 0x5bU, 0x8aU, 0xa1U, 0xaaU, 0xbfU}) {
        ByteVector cdb(16);
        cdb[0] = static_cast<std::byte>(opcode);
        EXPECT_EQ(find_multimedia_command(kDrive, cdb).error(),
                  illegal_request(Asc::invalid_command_operation_code))
            << opcode;
    }
    EXPECT_TRUE(std::ranges::none_of(command_table(CommandSet::multimedia),
                                     [](const CommandInfo& row) { return row.rules.writes_medium; }));
}

TEST(MultimediaTable, IsWhatIsReported) {
    const ByteVector all = bytes({0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0});
    const ByteVector answer = written([&](ParameterWriter& out) {
        EXPECT_EQ(report_supported_operation_codes(layout_of<ReportSupportedOperationCodesCdb::kSize>(all),
                                                   kDrive, out),
                  std::nullopt);
    });
    std::size_t rows = 0;
    for (const CommandInfo& row : command_table(CommandSet::multimedia)) {
        rows += offered(row.available, kDrive) ? 1 : 0;
    }
    EXPECT_EQ(answer.size(), 4 + 8 * rows);
    const ByteVector toc = bytes({0xa3, 0x0c, 1, 0x43, 0, 0, 0, 0, 0x40, 0, 0, 0});
    EXPECT_EQ(written([&](ParameterWriter& out) {
                  EXPECT_EQ(report_supported_operation_codes(
                                layout_of<ReportSupportedOperationCodesCdb::kSize>(toc), kDrive, out),
                            std::nullopt);
              }),
              bytes({0, 3, 0, 10, 0x43, 2, 0x0f, 0, 0, 0, 0xff, 0xff, 0xff, 0xc4}));
}

// --- Its mode pages ---

UnitDescription unit() {
    UnitDescription made;
    made.type = DeviceType::cdrom;
    made.removable = true;
    made.volatile_cache = false;
    made.blocks = 5000;
    made.block_size = kDiscBlockSize;
    return made;
}

struct Modes {
    ByteVector data;
    std::optional<Sense> refused;
};

Modes modes(const ModeSenseRequest& request, bool locked = false) {
    Modes result;
    const ModeValues values{.current = default_mode_pages(unit()),
                            .defaults = default_mode_pages(unit()),
                            .saved = default_mode_pages(unit()),
                            .removal_prevented = locked};
    result.data = written([&](ParameterWriter& out) {
        result.refused = mode_sense(request, unit(), values, Access::read_only, out);
    });
    return result;
}

TEST(ModesOfADrive, TellItsCapabilitiesWithoutBlockDescriptors) {
    const ByteVector page = modes({.form = ModeForm::ten, .page = 0x2a}).data;
    ASSERT_EQ(page.size(), 8 + 32U);
    EXPECT_EQ(ByteVector(page.begin(), page.begin() + 8), bytes({0, 38, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(ByteVector(page.begin() + 8, page.begin() + 18),
              bytes({0x2a, 0x1e, 0x08, 0, 0, 0, 0x29, 0, 0x21, 0x13}));
    EXPECT_EQ(modes({.form = ModeForm::ten, .page = 0x2a}, true).data.at(14), std::byte{0x2b}) << "locked";
    EXPECT_EQ(
        modes({.form = ModeForm::ten, .control = PageControl::changeable, .page = 0x2a}, true).data.at(14),
        std::byte{0});
    EXPECT_EQ(modes({.form = ModeForm::six, .page = 0x2a}).data.size(), 4 + 32U);
}

TEST(ModesOfADrive, AreThoseOfDrives) {
    const ByteVector all = modes({.form = ModeForm::ten, .page = 0x3f}).data;
    std::vector<unsigned> codes;
    for (std::size_t at = 8; at < all.size(); at += 2 + std::to_integer<std::size_t>(all.at(at + 1))) {
        codes.push_back(std::to_integer<unsigned>(all.at(at) & std::byte{0x3f}));
    }
    EXPECT_EQ(codes, (std::vector<unsigned>{0x01, 0x0a, 0x1a, 0x1d, 0x2a}));
    for (const std::uint8_t of_disks : std::to_array<std::uint8_t>({0x02, 0x08, 0x1c})) {
        EXPECT_EQ(modes({.form = ModeForm::ten, .page = of_disks}).refused,
                  invalid_field(wire::bits(2, 5, 0)));
    }
}

}  // namespace
}  // namespace targe::scsi
