#include "scsi/report_supported_task_management_functions.h"

#include "scsi/testing_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace targe::scsi {
namespace {

using testing::bytes;
using L = ReportSupportedTaskManagementFunctionsCdb;

testing::ByteVector ask(bool extended) {
    std::array<std::byte, L::kSize> cdb{std::byte{0xa3}, std::byte{0x0d}};
    wire::put<L::kReturnExtended>(std::span{cdb}, extended ? 1 : 0);
    return testing::written(
        [&](ParameterWriter& out) { report_supported_task_management_functions(cdb, out); });
}

TEST(ReportSupportedTaskManagementFunctions, ListsTheFunctionsInFourBytes) {
    EXPECT_EQ(ask(false), bytes({0xfc, 0x07, 0, 0}));
}

TEST(ReportSupportedTaskManagementFunctions, ExtendsTheListToSixteenBytes) {
    EXPECT_EQ(ask(true), bytes({0xfc, 0x07, 0, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace targe::scsi
