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

/// The descriptors that a unit of these traits owes.
ByteVector whole_list(const UnitTraits& unit) {
    ByteVector list;
    for (const CommandInfo& command : command_table()) {
        if (offered(command.available, unit)) {
            const unsigned action = command.service_action.value_or(0);
            append(list,
                   bytes({command.opcode, 0, action >> 8U, action & 0xffU, 0,
                          command.service_action ? 1U : 0U, 0, static_cast<unsigned>(command.cdb_length())}));
        }
    }
    const auto size = static_cast<unsigned>(list.size());
    ByteVector answer = bytes({0, 0, size >> 8U, size & 0xffU});
    append(answer, list);
    return answer;
}

TEST(ReportSupportedOperationCodes, ListsEveryCommandThatTheUnitOffers) {
    for (const UnitTraits& unit : {kThick, kThin, UnitTraits{.thin = true, .removable = true}}) {
        const Answer answer = ask({.options = kAll}, unit);
        EXPECT_FALSE(answer.refused);
        EXPECT_EQ(answer.data, whole_list(unit));
    }
}

TEST(ReportSupportedOperationCodes, ListsTimeoutsWhereTheyAreAskedFor) {
    const Answer answer = ask({.options = kAll, .timeouts = true});
    const std::size_t descriptors = (whole_list(kThick).size() - 4) / 8;
    EXPECT_EQ(answer.data.size(), 4U + descriptors * 20);
    EXPECT_EQ(slice(answer.data, 4, 20), bytes({0x00, 0,    0, 0, 0, 0x02, 0, 6,  // TEST UNIT READY
                                                0,    0x0a, 0, 0, 0, 0,    0, 1, 0, 0, 0, 10}));
}

TEST(ReportSupportedOperationCodes, TellsTheWholeLengthOfAListThatIsCut) {
    EXPECT_EQ(ask({.options = kAll}, kThick, 6).data, slice(whole_list(kThick), 0, 6));
}

TEST(ReportSupportedOperationCodes, ListsTheCommandsThatOnlySomeUnitsOffer) {
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x42}, kThick).data, kNotSupported);
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x42}, kThin).data,
              bytes({0, 0x03, 0, 10, 0x42, 0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 4}));
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x1e}, kThick).data, kNotSupported);
}

TEST(ReportSupportedOperationCodes, ShowsTheBitsOfACommand) {
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x28}).data,
              bytes({0, 0x03, 0, 10, 0x28, 0xf8, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 4}));
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x41}, kThick).data,
              bytes({0, 0x03, 0, 10, 0x41, 0xe0, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 4}));
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x41}, kThin).data,
              bytes({0, 0x03, 0, 10, 0x41, 0xe8, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 4}));
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x41}, {.thin = true, .anchors = true}).data,
              bytes({0, 0x03, 0, 10, 0x41, 0xf8, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 4}));
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x08}).data,
              bytes({0, 0x03, 0, 6, 0x08, 0x1f, 0xff, 0xff, 0xff, 4}));
}

TEST(ReportSupportedOperationCodes, ShowsTheBitsAndTimeoutsOfOneCommand) {
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x35, .timeouts = true}).data,
              bytes({0, 0x83, 0, 10, 0x35, 0x06, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 4,  //
                     0, 0x0a, 0, 0,  0,    0,    0,    60,   0,    0,    0x0e, 0x10}));
}

TEST(ReportSupportedOperationCodes, PutsTheServiceActionIntoTheUsageData) {
    const ByteVector golden = bytes({0,    0x03, 0,    16,   0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                     0xff, 0xff, 0xff, 0xff, 0,    4});
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
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x05}).data, kNotSupported);
    EXPECT_EQ(ask({.options = kOpcode, .opcode = 0x05, .timeouts = true}).data, kNotSupported);
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
                              .anchors = command.available == Availability::anchoring,
                              .removable = command.available != Availability::fixed,
                              .atomic = command.available == Availability::atomic,
                              .access = AccessSupport::implicit_and_explicit};
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
