#include "scsi/log_pages.h"

#include "scsi/defect_data.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::operator+;

struct Answer {
    std::optional<Sense> refused;
    ByteVector data;
};

const LogParameters kNone;

Answer sense(unsigned page, unsigned subpage = 0, unsigned pointer = 0,
             const LogValues& values = {.parameters = kNone}, unsigned control = 1, unsigned flags = 0) {
    const std::array cdb{std::byte{0x4d},
                         static_cast<std::byte>(flags),
                         static_cast<std::byte>(control << 6U | page),
                         static_cast<std::byte>(subpage),
                         std::byte{},
                         static_cast<std::byte>(pointer >> 8U),
                         static_cast<std::byte>(pointer & 0xffU),
                         std::byte{0xff},
                         std::byte{},
                         std::byte{}};
    Answer answer;
    answer.data =
        testing::written([&](ParameterWriter& out) { answer.refused = log_sense(cdb, values, out); }, 20'000);
    return answer;
}

TEST(LogSense, HasThePagesOfTheDevice) {
    const ByteVector warm = bytes({0, 0, 3, 2, 0, 40, 0, 1, 3, 2, 0, 65});
    const ByteVector vendors = bytes({1, 0, 3, 1, 9});
    // The last has a code that is ours.
    const std::array pages{DeviceLogPage{0x0d, warm}, DeviceLogPage{0x30, vendors},
                           DeviceLogPage{0x2f, vendors}};
    const LogValues values{.parameters = kNone, .device_pages = pages};
    EXPECT_EQ(sense(0x00, 0, 0, values).data,
              bytes({0, 0, 0, 8, 0x00, 0x0d, 0x0e, 0x0f, 0x10, 0x19, 0x2f, 0x30}));
    EXPECT_EQ(sense(0x0d, 0, 0, values).data, bytes({0x8d, 0, 0, 12}) + warm);
    EXPECT_EQ(sense(0x0d, 0, 1, values).data, bytes({0x8d, 0, 0, 6, 0, 1, 3, 2, 0, 65}));
    EXPECT_EQ(sense(0x0d, 0, 2, values).refused, invalid_field(LogSenseCdb::kParameterPointer));
    EXPECT_EQ(sense(0x0d, 1, 0, values).refused, invalid_field(LogSenseCdb::kSubpageCode));
    EXPECT_EQ(sense(0x0d, 0xff, 0, values).data, bytes({0x4d, 0xff, 0, 4, 0x0d, 0, 0x0d, 0xff}));
    EXPECT_EQ(sense(0x2f, 0, 0, values).data, sense(0x2f).data);
    EXPECT_EQ(sense(0x31, 0, 0, values).refused, invalid_field(LogSenseCdb::kPageCode));
}

TEST(LogParameters, AreWholeAndAscend) {
    EXPECT_TRUE(are_log_parameters({}));
    EXPECT_TRUE(are_log_parameters(bytes({0, 0, 3, 0, 0, 1, 3, 1, 7})));
    EXPECT_FALSE(are_log_parameters(bytes({0, 0, 3})));
    EXPECT_FALSE(are_log_parameters(bytes({0, 0, 3, 2, 7})));
    EXPECT_FALSE(are_log_parameters(bytes({0, 1, 3, 0, 0, 1, 3, 0})));
}

std::size_t length_of(const ByteVector& data) {
    return std::to_integer<std::size_t>(data.at(2)) * 256 + std::to_integer<std::size_t>(data.at(3));
}

TEST(LogSense, ListsItsPages) {
    EXPECT_EQ(sense(0x00).data, bytes({0, 0, 0, 6, 0x00, 0x0e, 0x0f, 0x10, 0x19, 0x2f}));
    EXPECT_EQ(sense(0x00, 0, 0, {.parameters = kNone, .resources = LbaResources{}}).data,
              bytes({0, 0, 0, 7, 0x00, 0x0c, 0x0e, 0x0f, 0x10, 0x19, 0x2f}));
    EXPECT_EQ(sense(0x10, 0xff).data, bytes({0x50, 0xff, 0, 4, 0x10, 0, 0x10, 0xff}));
    ByteVector statistics = bytes({0x59, 0xff, 0, 66});
    for (unsigned group = 0; group < 32; ++group) {
        statistics = statistics + bytes({0x19, group});
    }
    EXPECT_EQ(sense(0x19, 0xff).data, statistics + bytes({0x19, 0xff}));
    EXPECT_EQ(sense(0x0d, 0xff).refused, invalid_field(LogSenseCdb::kPageCode));
}

TEST(LogSense, AnswersForEveryPageInItsLists) {
    const ByteVector list = sense(0x00).data;
    for (const std::byte page : std::span(list).subspan(4)) {
        const Answer answer = sense(std::to_integer<unsigned>(page));
        EXPECT_FALSE(answer.refused);
        EXPECT_EQ(answer.data.size(), 4 + length_of(answer.data));
    }
    const ByteVector all = sense(0x00, 0xff).data;
    ASSERT_EQ(all.size(), 4 + length_of(all));
    std::vector<std::pair<unsigned, unsigned>> told;
    for (std::size_t at = 4; at < all.size(); at += 2) {
        told.emplace_back(std::to_integer<unsigned>(all[at]), std::to_integer<unsigned>(all[at + 1]));
    }
    EXPECT_TRUE(std::ranges::is_sorted(told));
    for (unsigned page = 0; page < 64; ++page) {
        for (unsigned subpage = 0; subpage < 256; ++subpage) {
            const bool listed = std::ranges::find(told, std::pair{page, subpage}) != told.end();
            const Answer answer = sense(page, subpage);
            ASSERT_EQ(answer.refused.has_value(), !listed) << page << "/" << subpage;
            if (listed) {
                EXPECT_EQ(answer.data.at(0) & std::byte{0x7f}, std::byte(page | (subpage != 0 ? 0x40U : 0U)));
                EXPECT_EQ(answer.data.at(1), std::byte(subpage));
            }
        }
    }
}

AccessStatistics counted() {
    AccessStatistics made;
    made.reads.add(0x0405 * 512, 9'000, false);
    made.writes.add(2 * 512, 6'000, false);
    made.writes.add(512, 5'999, true);
    made.weight = 10;
    made.weighted_time_us = 11;
    return made;
}

ByteVector numbers(std::initializer_list<unsigned> values) {
    ByteVector made;
    for (const unsigned value : values) {
        made = made + bytes({0, 0, 0, 0, 0, 0, value >> 8U, value & 0xffU});
    }
    return made;
}

TEST(LogSense, WritesStatistics) {
    EXPECT_EQ(sense(0x19, 0, 0, {.statistics = counted(), .idle_us = 77, .parameters = kNone}).data,
              bytes({0x99, 0, 0, 160, 0, 1, 0x22, 64}) + numbers({1, 2, 3, 0x0405, 9, 11, 10, 11}) +
                  bytes({0, 2, 0x22, 8}) + numbers({77}) +
                  bytes({0, 3, 0x03, 8, 0, 0, 0, 6, 0, 0, 0, 1}) +  //
                  bytes({0, 4, 0x22, 64}) + numbers({0, 1, 0, 0, 0, 5, 0, 0}));
}

TEST(LogSense, WritesStatisticsOfAGroup) {
    EXPECT_EQ(sense(0x19, 31, 0, {.statistics = counted(), .parameters = kNone}).data,
              bytes({0xd9, 31, 0, 120, 0, 1, 0x22, 48}) + numbers({1, 2, 3, 0x0405, 9, 11}) +
                  bytes({0, 4, 0x22, 64}) + numbers({0, 1, 0, 0, 0, 5, 0, 0}));
    EXPECT_EQ(sense(0x19, 32).refused, invalid_field(LogSenseCdb::kSubpageCode));
}

TEST(LogSense, WritesSelfTests) {
    const std::array results{
        SelfTestResult{.code = 1,
                       .ending = SelfTestResult::Ending::by_failed_segment,
                       .unix_ms = 3 * 3'600'000,
                       .first_failure = 0x0102,
                       .sense = Sense{.key = SenseKey::medium_error, .asc = Asc::unrecovered_read_error}}};
    const ByteVector data =
        sense(0x10, 0, 0, {.parameters = kNone, .self_tests = results, .powered_on_ms = 3'600'000}).data;
    EXPECT_EQ(
        ByteVector(data.begin(), data.begin() + 24),
        bytes({0x90, 0, 0x01, 0x90, 0, 1, 0x23, 16, 0x24, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0x11, 0, 0}));
}

TEST(LogSense, WritesTheDateAndHowOftenAMediumWasLoaded) {
    LogParameters dated;
    dated.accounting_date = "202648";
    EXPECT_EQ(sense(0x0e).data, bytes({0x8e, 0, 0, 10, 0, 2, 0x21, 6}) + testing::text("      "));
    EXPECT_EQ(sense(0x0e, 0, 0, {.parameters = dated, .can_save = true, .load_unload_cycles = 0x0102}).data,
              bytes({0x0e, 0, 0, 18, 0, 2, 0x21, 6}) + testing::text("202648") +
                  bytes({0, 6, 0x03, 4, 0, 0, 1, 2}));
}

TEST(LogSense, WritesWhatApplicationsKeepHere) {
    LogParameters noted;
    LogParameters::Application note{};
    note.fill(std::byte{5});
    noted.set_application(62, note);
    EXPECT_EQ(sense(0x0f, 0, 62, {.parameters = noted, .can_save = true}).data,
              bytes({0x0f, 0, 2, 0, 0, 62, 0x23, 252}) + ByteVector(252, std::byte{5}) +
                  bytes({0, 63, 0x23, 252}) + ByteVector(252));
    EXPECT_EQ(sense(0x0f).data.size(), 4 + 64 * 256);
}

TEST(LogSense, WritesProvisioningWhereResourcesAreCounted) {
    const LogValues values{.parameters = kNone,
                           .resources = LbaResources{.available = 0x01020304, .used = 5, .shared = true}};
    EXPECT_EQ(sense(0x0c, 0, 0, values).data, bytes({0x8c, 0, 0, 24, 0, 1, 3, 8, 1, 2, 3, 4, 2, 0, 0, 0}) +
                                                  bytes({0, 2, 3, 8, 0, 0, 0, 5, 2, 0, 0, 0}));
    EXPECT_EQ(sense(0x0c, 0, 2, {.parameters = kNone, .resources = LbaResources{.used = 7}}).data,
              bytes({0x8c, 0, 0, 12, 0, 2, 3, 8, 0, 0, 0, 7, 1, 0, 0, 0}));
    EXPECT_EQ(sense(0x0c).refused, invalid_field(LogSenseCdb::kPageCode));
    EXPECT_EQ(sense(0x0c, 0xff).refused, invalid_field(LogSenseCdb::kPageCode));
}

TEST(LogSense, BeginsAtTheParameterPointer) {
    EXPECT_EQ(sense(0x10, 0, 20).data, bytes({0x90, 0, 0, 20, 0, 20, 0x23, 16}) + ByteVector(16));
    EXPECT_EQ(sense(0x10, 0, 21).refused, invalid_field(LogSenseCdb::kParameterPointer));
    EXPECT_EQ(sense(0x00, 0, 1).refused, invalid_field(LogSenseCdb::kParameterPointer));
}

TEST(LogSense, ChoosesBetweenWhatWasCountedAndZero) {
    const LogValues values{.statistics = counted(), .idle_us = 77, .parameters = kNone};
    EXPECT_EQ(sense(0x19, 0, 0, values, 3).data, sense(0x19).data);
    for (const unsigned thresholds : {0U, 2U}) {
        EXPECT_EQ(sense(0x19, 0, 0, values, thresholds).refused, invalid_field(LogSenseCdb::kPageControl));
        EXPECT_EQ(sense(0x0f, 0, 0, values, thresholds).data, sense(0x0f).data) << "lists have no thresholds";
    }
}

TEST(LogSense, RefusesWhatIsNotThere) {
    EXPECT_EQ(sense(0x0d).refused, invalid_field(LogSenseCdb::kPageCode));
    EXPECT_EQ(sense(0x00, 1).refused, invalid_field(LogSenseCdb::kSubpageCode));
    EXPECT_EQ(sense(0x10, 1).refused, invalid_field(LogSenseCdb::kSubpageCode));
    EXPECT_EQ(sense(0x0f, 0, 0, {.parameters = kNone}, 1, 1).refused,
              invalid_field(LogSenseCdb::kSaveParameters));
    EXPECT_FALSE(sense(0x0f, 0, 0, {.parameters = kNone, .can_save = true}, 1, 1).refused);
}

TEST(ReadDefectData, TellsEmptyListsInTheFormatAskedFor) {
    EXPECT_EQ(testing::written([](ParameterWriter& out) {
                  read_defect_data_10(
                      std::array{std::byte{0x37}, std::byte{}, std::byte{0x1d}, std::byte{}, std::byte{},
                                 std::byte{}, std::byte{}, std::byte{}, std::byte{8}, std::byte{}},
                      out);
              }),
              bytes({0, 0x1d, 0, 0}));
    EXPECT_EQ(testing::written([](ParameterWriter& out) {
                  read_defect_data_12(std::array{std::byte{0xb7}, std::byte{0x0d}, std::byte{}, std::byte{},
                                                 std::byte{}, std::byte{}, std::byte{}, std::byte{},
                                                 std::byte{}, std::byte{8}, std::byte{}, std::byte{}},
                                      out);
              }),
              bytes({0, 0x0d, 0, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace targe::scsi
