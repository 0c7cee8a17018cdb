#include "scsi/diagnostics.h"

#include "scsi/data_buffer.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace targe::scsi {
namespace {

using testing::bytes;

std::expected<DiagnosticRequest, Sense> plan(unsigned flags, unsigned length = 0) {
    return plan_send_diagnostic(std::array{std::byte{0x1d}, static_cast<std::byte>(flags), std::byte{},
                                           std::byte{}, static_cast<std::byte>(length), std::byte{}});
}

TEST(SendDiagnostic, KnowsTheSelfTestsThatAreOffered) {
    const auto test = [](std::uint8_t code, bool foreground, bool extended) {
        return DiagnosticRequest{.what = Diagnostic::self_test,
                                 .test = {.code = code, .foreground = foreground, .extended = extended}};
    };
    EXPECT_EQ(plan(0x04), test(0, true, false));
    EXPECT_EQ(plan(0x07), test(0, true, false)) << "DEVOFFL and UNITOFFL allow more than is done";
    EXPECT_EQ(plan(0x20), test(1, false, false));
    EXPECT_EQ(plan(0x40), test(2, false, true));
    EXPECT_EQ(plan(0xa0), test(5, true, false));
    EXPECT_EQ(plan(0xc0), test(6, true, true));
    EXPECT_EQ(plan(0x10), DiagnosticRequest{.what = Diagnostic::page});
    EXPECT_EQ(plan(0x80), DiagnosticRequest{.what = Diagnostic::abort_background});
    for (const unsigned code : {3U, 7U}) {
        EXPECT_EQ(plan(code << 5U), std::unexpected(invalid_field(SendDiagnosticCdb::kSelfTestCode))) << code;
    }
    EXPECT_EQ(plan(0x24), std::unexpected(invalid_field(SendDiagnosticCdb::kSelfTestCode)));
    EXPECT_EQ(plan(0x04, 4), std::unexpected(invalid_field(SendDiagnosticCdb::kParameterListLength)));
}

TEST(SendDiagnostic, TakesNoPageButTheListOfPages) {
    EXPECT_EQ(refuse_diagnostic_page({}), std::nullopt);
    EXPECT_EQ(refuse_diagnostic_page(bytes({0, 0, 0, 0})), std::nullopt);
    EXPECT_EQ(refuse_diagnostic_page(bytes({0x40, 0, 0, 0})), invalid_parameter(0));
    EXPECT_EQ(refuse_diagnostic_page(bytes({0, 0, 0, 1})), invalid_parameter(2));
    EXPECT_EQ(refuse_diagnostic_page(bytes({0, 0, 0})), illegal_request(Asc::parameter_list_length_error));
}

TEST(ReceiveDiagnosticResults, ListsThePages) {
    const auto ask = [](unsigned page, ParameterWriter& out) {
        return receive_diagnostic_results(
            std::array{std::byte{0x1c}, std::byte{1}, static_cast<std::byte>(page), std::byte{},
                       std::byte{16}, std::byte{}},
            out);
    };
    EXPECT_EQ(testing::written([&](ParameterWriter& out) { EXPECT_EQ(ask(0, out), std::nullopt); }, 64),
              bytes({0, 0, 0, 1, 0}));
    EXPECT_TRUE(
        testing::written([&](ParameterWriter& out) { EXPECT_NE(ask(1, out), std::nullopt); }, 64).empty());
}

TEST(ReadBuffer, KnowsItsModes) {
    for (unsigned mode = 0; mode < 32; ++mode) {
        const auto plan = plan_read_buffer(std::array{std::byte{0x3c}, static_cast<std::byte>(mode),
                                                      std::byte{7}, std::byte{}, std::byte{}, std::byte{9},
                                                      std::byte{}, std::byte{}, std::byte{}, std::byte{}});
        const bool known = mode == 0x03 || mode == 0x0a || mode == 0x0b || mode == 0x1c;
        EXPECT_EQ(plan.has_value(), known) << mode;
        if (known) {
            EXPECT_EQ(plan->buffer_id, 7);
            EXPECT_EQ(plan->offset, 9U);
        }
    }
}

TEST(WriteBuffer, TakesWhatTheEchoBufferHolds) {
    const auto refused = [](unsigned mode, unsigned length) {
        return refuse_write_buffer(std::array{std::byte{0x3b}, static_cast<std::byte>(mode), std::byte{},
                                              std::byte{}, std::byte{}, std::byte{}, std::byte{},
                                              static_cast<std::byte>(length >> 8U),
                                              static_cast<std::byte>(length & 0xffU), std::byte{}});
    };
    EXPECT_EQ(refused(0x0a, 512), std::nullopt);
    EXPECT_EQ(refused(0x0a, 513), invalid_field(WriteBufferCdb::kParameterListLength));
    EXPECT_EQ(refused(0x02, 0), invalid_field(WriteBufferCdb::kMode));
    EXPECT_EQ(refused(0x2a, 0), invalid_field(WriteBufferCdb::kModeSpecific));
}

}  // namespace
}  // namespace targe::scsi
