#include "scsi/report_supported_operation_codes.h"

#include "scsi/testing_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using L = ReportSupportedOperationCodesCdb;

constexpr UnitTraits kThick{};
constexpr UnitTraits kThin{.thin = true};
constexpr std::uint8_t kAll = 0;
constexpr std::uint8_t kOpcode = 1;
constexpr std::uint8_t kServiceAction = 2;
constexpr std::uint8_t kEither = 3;

struct Request {
    std::uint8_t options;
    std::uint8_t opcode = 0;
    std::uint16_t service_action = 0;
    bool timeouts = false;
};

struct Answer {
    std::optional<Sense> refused;
    ByteVector data;
};

Answer ask(const Request& request, const UnitTraits& unit = kThick, std::size_t room = 4096) {
    std::array<std::byte, L::kSize> cdb{std::byte{0xa3}, std::byte{0x0c}};
    wire::put<L::kReportingOptions>(std::span{cdb}, request.options);
    wire::put<L::kReturnTimeouts>(std::span{cdb}, request.timeouts ? 1 : 0);
    wire::put<L::kRequestedOpcode>(std::span{cdb}, request.opcode);
    wire::put<L::kRequestedServiceAction>(std::span{cdb}, request.service_action);
    Answer answer;
    answer.data = testing::written(
        [&](ParameterWriter& out) { answer.refused = report_supported_operation_codes(cdb, unit, out); },
        room);
    return answer;
}

void append(ByteVector& to, const ByteVector& more) {
    to.insert(to.end(), more.begin(), more.end());
}

ByteVector slice(const ByteVector& data, std::size_t from, std::size_t size) {
    const auto first = data.begin() + static_cast<std::ptrdiff_t>(from);
    return {first, first + static_cast<std::ptrdiff_t>(size)};
}

const ByteVector kNotSupported = bytes({0, 0x01, 0, 0});

TEST(ReportSupportedOperationCodes, ListsEveryCommandOfAThickDisk) {
    const auto descriptor = [](unsigned opcode, unsigned length) {
        return bytes({opcode, 0, 0, 0, 0, 0, 0, length});
    };
    const auto with_action = [](unsigned opcode, unsigned action, unsigned length) {
        return bytes({opcode, 0, 0, action, 0, 1, 0, length});
    };
    ByteVector golden = bytes({0, 0, 0x01, 0x38});
    for (const unsigned opcode : {0x00U, 0x03U, 0x08U, 0x0aU, 0x12U, 0x15U, 0x16U, 0x17U, 0x1aU, 0x1bU}) {
        append(golden, descriptor(opcode, 6));
    }
    for (const unsigned opcode :
         {0x25U, 0x28U, 0x2aU, 0x2eU, 0x2fU, 0x34U, 0x35U, 0x41U, 0x55U, 0x56U, 0x57U, 0x5aU}) {
        append(golden, descriptor(opcode, 10));
    }
    for (const unsigned opcode : {0x88U, 0x89U, 0x8aU, 0x8eU, 0x8fU, 0x90U, 0x91U, 0x93U}) {
        append(golden, descriptor(opcode, 16));
    }
    append(golden, with_action(0x9e, 0x10, 16));
    append(golden, with_action(0x9e, 0x12, 16));
    append(golden, descriptor(0xa0, 12));
    append(golden, with_action(0xa3, 0x0c, 12));
    append(golden, with_action(0xa3, 0x0d, 12));
    for (const unsigned opcode : {0xa8U, 0xaaU, 0xaeU, 0xafU}) {
        append(golden, descriptor(opcode, 12));
    }
    const Answer answer = ask({.options = kAll});
    EXPECT_FALSE(answer.refused);
    EXPECT_EQ(answer.data, golden);
}

TEST(ReportSupportedOperationCodes, ListsTimeoutsWhereTheyAreAskedFor) {
    const Answer answer = ask({.options = kAll, .timeouts = true});
    EXPECT_EQ(answer.data.size(), 4U + 39 * 20);
    EXPECT_EQ(slice(answer.data, 0, 24), bytes({0,    0,    0x03, 0x0c,                 //
                                                0x00, 0,    0,    0,    0, 0x02, 0, 6,  // TEST UNIT READY
                                                0,    0x0a, 0,    0,    0, 0,    0, 1, 0, 0, 0, 10}));
}

TEST(ReportSupportedOperationCodes, TellsTheWholeLengthOfAListThatIsCut) {
    EXPECT_EQ(ask({.options = kAll}, kThick, 6).data, bytes({0, 0, 0x01, 0x38, 0x00, 0}));
}

TEST(ReportSupportedOperationCodes, ListsTheCommandsThatOnlySomeUnitsOffer) {
    EXPECT_EQ(ask({.options = kAll}, {.thin = true, .removable = true}).data.size(), 4U + 41 * 8);
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x42}, kThick).data, kNotSupported);
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x42}, kThin).data,
              bytes({0, 0x03, 0, 10, 0x42, 0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0}));
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x1e}, kThick).data, kNotSupported);
}

TEST(ReportSupportedOperationCodes, ShowsTheBitsOfACommand) {
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x28}).data,
              bytes({0, 0x03, 0, 10, 0x28, 0xf8, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0}));
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x41}, kThick).data,
              bytes({0, 0x03, 0, 10, 0x41, 0xe0, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0}));
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x41}, kThin).data,
              bytes({0, 0x03, 0, 10, 0x41, 0xe8, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0}));
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x08}).data,
              bytes({0, 0x03, 0, 6, 0x08, 0x1f, 0xff, 0xff, 0xff, 0}));
}

TEST(ReportSupportedOperationCodes, ShowsTheBitsAndTimeoutsOfOneCommand) {
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x35, .timeouts = true}).data,
              bytes({0, 0x83, 0, 10, 0x35, 0x06, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0,  //
                     0, 0x0a, 0, 0,  0,    0,    0,    60,   0,    0,    0x0e, 0x10}));
}

TEST(ReportSupportedOperationCodes, PutsTheServiceActionIntoTheUsageData) {
    const ByteVector golden = bytes({0,    0x03, 0,    16,   0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                     0xff, 0xff, 0xff, 0xff, 0,    0});
    EXPECT_EQ(ask({.options = kServiceAction, .opcode = 0x9e, .service_action = 0x10}).data, golden);
    EXPECT_EQ(ask({.options = kEither, .opcode = 0x9e, .service_action = 0x10}).data, golden);
}

TEST(ReportSupportedOperationCodes, RefusesTheWrongQuestion) {
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x9e}).refused, invalid_field(L::kReportingOptions));
    EXPECT_EQ(ask({.options = kServiceAction, .opcode = 0x28}).refused, invalid_field(L::kReportingOptions));
    for (std::uint8_t options = 4; options < 8; ++options) {
        EXPECT_EQ(ask({.options = options, .opcode = 0x28}).refused, invalid_field(L::kReportingOptions));
    }
}

TEST(ReportSupportedOperationCodes, SaysWhatIsNotSupported) {
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x04}).data, kNotSupported);
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x04, .timeouts = true}).data, kNotSupported);
    EXPECT_EQ(ask({.options = kServiceAction, .opcode = 0x7f, .service_action = 9}).data, kNotSupported);
    EXPECT_EQ(ask({.options = kServiceAction, .opcode = 0x9e, .service_action = 0x11}).data, kNotSupported);
    EXPECT_EQ(ask({.options = kServiceAction, .opcode = 0x9e, .service_action = 0x110}).data, kNotSupported);
    EXPECT_EQ(ask({.options = kEither, .opcode = 0x9e}).data, kNotSupported);
    EXPECT_EQ(ask({.options = kEither, .opcode = 0x28, .service_action = 1}).data, kNotSupported);
}

// Whatever is listed can be asked for by itself, in the way that its SERVACTV bit tells.
TEST(ReportSupportedOperationCodes, AnswersForEveryCommandInItsList) {
    for (const CommandInfo& command : command_table()) {
        SCOPED_TRACE(command.name);
        const UnitTraits unit{.thin = command.available != Availability::thick,
                              .removable = command.available != Availability::fixed};
        for (const std::uint8_t options : {command.service_action ? kServiceAction : kOpcode, kEither}) {
            const Answer answer = ask({.options = options,
                                       .opcode = command.opcode,
                                       .service_action = command.service_action.value_or(0)},
                                      unit);
            ASSERT_FALSE(answer.refused);
            EXPECT_EQ(answer.data.size(), 4 + command.cdb_length());
            EXPECT_EQ(answer.data.at(1), std::byte{0x03});
            EXPECT_EQ(answer.data.at(4), std::byte{command.opcode});
        }
    }
}

}  // namespace
}  // namespace targe::scsi
