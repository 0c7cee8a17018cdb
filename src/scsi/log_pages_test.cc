#include "scsi/log_pages.h"

#include "scsi/defect_data.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::operator+;

struct Answer {
    std::optional<Sense> refused;
    ByteVector data;
};

Answer sense(unsigned page, unsigned subpage = 0, unsigned pointer = 0, const LogValues& values = {},
             unsigned control = 1) {
    const std::array cdb{std::byte{0x4d},
                         std::byte{},
                         static_cast<std::byte>(control << 6U | page),
                         static_cast<std::byte>(subpage),
                         std::byte{},
                         static_cast<std::byte>(pointer >> 8U),
                         static_cast<std::byte>(pointer & 0xffU),
                         std::byte{4},
                         std::byte{},
                         std::byte{}};
    Answer answer;
    answer.data =
        testing::written([&](ParameterWriter& out) { answer.refused = log_sense(cdb, values, out); }, 1024);
    return answer;
}

TEST(LogSense, ListsItsPages) {
    EXPECT_EQ(sense(0x00).data, bytes({0, 0, 0, 4, 0x00, 0x10, 0x19, 0x2f}));
    EXPECT_EQ(sense(0x00, 0, 0, {.resources = LbaResources{}}).data,
              bytes({0, 0, 0, 5, 0x00, 0x0c, 0x10, 0x19, 0x2f}));
    EXPECT_EQ(sense(0x00, 0xff).data, bytes({0x40, 0xff, 0, 10, 0, 0, 0, 0xff, 0x10, 0, 0x19, 0, 0x2f, 0}));
}

TEST(LogSense, AnswersForEveryPageInItsList) {
    const ByteVector list = sense(0x00).data;
    for (const std::byte page : std::span(list).subspan(4)) {
        const Answer answer = sense(std::to_integer<unsigned>(page));
        EXPECT_FALSE(answer.refused);
        const auto length = std::to_integer<std::size_t>(answer.data.at(2)) * 256 +
                            std::to_integer<std::size_t>(answer.data.at(3));
        EXPECT_EQ(answer.data.size(), 4 + length);
    }
}

TEST(LogSense, WritesStatistics) {
    EXPECT_EQ(
        sense(0x19, 0, 0, {.reads = 1, .writes = 2, .received_blocks = 3, .transmitted_blocks = 0x0405}).data,
        bytes({0x19, 0, 0, 68, 0, 1, 3, 64}) + bytes({0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2}) +
            bytes({0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 4, 5}) + ByteVector(32));
}

TEST(LogSense, WritesSelfTests) {
    const std::array results{
        SelfTestResult{.code = 1,
                       .ending = SelfTestResult::Ending::by_failed_segment,
                       .unix_ms = 3 * 3'600'000,
                       .first_failure = 0x0102,
                       .sense = Sense{.key = SenseKey::medium_error, .asc = Asc::unrecovered_read_error}}};
    const ByteVector data = sense(0x10, 0, 0, {.self_tests = results, .powered_on_ms = 3'600'000}).data;
    EXPECT_EQ(
        ByteVector(data.begin(), data.begin() + 24),
        bytes({0x10, 0, 0x01, 0x90, 0, 1, 3, 16, 0x27, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0x11, 0, 0}));
}

TEST(LogSense, WritesProvisioningWhereResourcesAreCounted) {
    const LogValues values{.resources = LbaResources{.available = 0x01020304, .used = 5, .shared = true}};
    EXPECT_EQ(sense(0x0c, 0, 0, values).data, bytes({0x0c, 0, 0, 24, 0, 1, 3, 8, 1, 2, 3, 4, 2, 0, 0, 0}) +
                                                  bytes({0, 2, 3, 8, 0, 0, 0, 5, 2, 0, 0, 0}));
    EXPECT_EQ(sense(0x0c, 0, 2, {.resources = LbaResources{.used = 7}}).data,
              bytes({0x0c, 0, 0, 12, 0, 2, 3, 8, 0, 0, 0, 7, 1, 0, 0, 0}));
    EXPECT_EQ(sense(0x0c).refused, invalid_field(LogSenseCdb::kPageCode));
}

TEST(LogSense, BeginsAtTheParameterPointer) {
    EXPECT_EQ(sense(0x10, 0, 20).data, bytes({0x10, 0, 0, 20, 0, 20, 3, 16}) + ByteVector(16));
    EXPECT_EQ(sense(0x10, 0, 21).refused, invalid_field(LogSenseCdb::kParameterPointer));
    EXPECT_EQ(sense(0x00, 0, 1).refused, invalid_field(LogSenseCdb::kParameterPointer));
}

TEST(LogSense, RefusesWhatIsNotThere) {
    EXPECT_EQ(sense(0x0d).refused, invalid_field(LogSenseCdb::kPageCode));
    EXPECT_EQ(sense(0x19, 1).refused, invalid_field(LogSenseCdb::kSubpageCode));
    EXPECT_EQ(sense(0x00, 1).refused, invalid_field(LogSenseCdb::kSubpageCode));
    EXPECT_EQ(sense(0x19, 0, 0, {}, 0).refused, invalid_field(LogSenseCdb::kPageControl)) << "thresholds";
}

TEST(LogSelect, ResetsStatistics) {
    const auto select = [](unsigned flags, unsigned page, unsigned length = 0, bool counts = false) {
        const std::array cdb{std::byte{0x4c},
                             static_cast<std::byte>(flags),
                             static_cast<std::byte>(0x40U | page),
                             std::byte{},
                             std::byte{},
                             std::byte{},
                             std::byte{},
                             std::byte{},
                             static_cast<std::byte>(length),
                             std::byte{}};
        return log_select(cdb, counts);
    };
    EXPECT_EQ(select(2, 0x0c, 0, true), false) << "nothing of it is counted";
    EXPECT_EQ(select(2, 0x0c), std::unexpected(invalid_field(LogSelectCdb::kPageCode)));
    EXPECT_EQ(select(2, 0), true);
    EXPECT_EQ(select(2, 0x19), true);
    EXPECT_EQ(select(2, 0x10), false);
    EXPECT_EQ(select(0, 0), false);
    EXPECT_EQ(select(2, 0x0d), std::unexpected(invalid_field(LogSelectCdb::kPageCode)));
    EXPECT_EQ(select(0, 0, 4), std::unexpected(invalid_field(LogSelectCdb::kParameterListLength)));
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
