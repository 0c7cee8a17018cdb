#include "scsi/request_sense.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::written;

TEST(RequestSense, OfNothingIsNoSense) {
    const ByteVector fixed =
        written([](ParameterWriter& out) { request_sense(std::nullopt, SenseFormat::fixed, out); });
    ASSERT_EQ(fixed.size(), 18U);
    EXPECT_EQ(fixed[0], std::byte{0x70});
    EXPECT_EQ(fixed[2], std::byte{0});
    const ByteVector descriptor =
        written([](ParameterWriter& out) { request_sense(std::nullopt, SenseFormat::descriptor, out); });
    EXPECT_EQ(descriptor, bytes({0x72, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(RequestSense, TellsTheWaitingCondition) {
    const ByteVector data = written([](ParameterWriter& out) {
        request_sense(unit_attention(Asc::capacity_data_has_changed), SenseFormat::descriptor, out);
    });
    EXPECT_EQ(data, bytes({0x72, 6, 0x2a, 0x09, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace targe::scsi
