// What a copy manager tells of its copies and of itself.
#include "scsi/receive_copy_results.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::thin_disk;
using testing::written;
using testing::operator+;

const Sense kBroken{.key = SenseKey::copy_aborted, .asc = Asc::third_party_device_failure};
constexpr std::size_t kFixedSense = 18;

ByteVector status_lid1(CopyStatus status, std::uint64_t done = 0) {
    return written([&](ParameterWriter& out) {
        copy_status_lid1({.status = status, .segments = 3, .bytes = done}, out);
    });
}

TEST(ReceiveCopyStatus, OfOneByteIdentifiersTellsHowFarTheCopyIs) {
    EXPECT_EQ(status_lid1(CopyStatus::in_foreground, 0x1234),
              bytes({0, 0, 0, 8, 0, 0, 3, 0, 0, 0, 0x12, 0x34}));
    EXPECT_EQ(status_lid1(CopyStatus::completed)[4], std::byte{1});
    EXPECT_EQ(status_lid1(CopyStatus::failed)[4], std::byte{2});
    EXPECT_EQ(status_lid1(CopyStatus::terminated)[4], std::byte{2});
}

TEST(ReceiveCopyStatus, CountsInLargerUnitsWhatFitsNoFourBytes) {
    EXPECT_EQ(status_lid1(CopyStatus::completed, 0xffff'ffff),
              bytes({0, 0, 0, 8, 1, 0, 3, 0, 0xff, 0xff, 0xff, 0xff}));
    EXPECT_EQ(status_lid1(CopyStatus::completed, std::uint64_t{1} << 32U),
              bytes({0, 0, 0, 8, 1, 0, 3, 1, 0, 0x40, 0, 0}))
        << "kibibytes";
}

TEST(ReceiveCopyStatus, OfFourByteIdentifiersHasTheSenseDataToo) {
    const auto told = [](const CopyProgress& progress, std::uint32_t unit) {
        return written(
            [&](ParameterWriter& out) { copy_status_lid4(progress, 0x11, unit, SenseFormat::fixed, out); });
    };
    EXPECT_EQ(told({.status = CopyStatus::completed, .segments = 2, .bytes = 8192}, 512),
              bytes({0, 0, 0, 28, 0x11, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf1}) +
                  bytes({0, 0, 0, 0, 0, 0, 0, 16, 0, 2, 0, 0, 0, 0, 0, 0}))
        << "in blocks";
    const ByteVector failed = told({.status = CopyStatus::failed, .sense = kBroken}, 1);
    ASSERT_EQ(failed.size(), 32U + kFixedSense);
    EXPECT_EQ(failed[3], std::byte{28 + kFixedSense});
    EXPECT_EQ(ByteVector(failed.begin() + 12, failed.begin() + 16), bytes({2, kFixedSense, kFixedSense, 0}));
    EXPECT_EQ(failed[32 + 2], std::byte{0x0a});
}

TEST(ReceiveCopyFailureDetails, AreThereForCopiesThatFailed) {
    const auto told = [](const CopyProgress& progress) {
        return written(
            [&](ParameterWriter& out) { copy_failure_details(progress, SenseFormat::fixed, out); });
    };
    EXPECT_EQ(told({.status = CopyStatus::completed}), ByteVector(4));
    EXPECT_EQ(told({.status = CopyStatus::in_foreground}), ByteVector(4));
    const ByteVector details = told({.status = CopyStatus::failed, .sense = kBroken});
    ASSERT_EQ(details.size(), 60U + kFixedSense);
    EXPECT_EQ(details[3], std::byte{56 + kFixedSense});
    EXPECT_EQ(ByteVector(details.begin() + 56, details.begin() + 60), bytes({2, 0, 0, kFixedSense}));
    EXPECT_EQ(details[60 + 2], std::byte{0x0a});
}

TEST(ReceiveRodTokenInformation, HasTheTokenBehindTheStatus) {
    const auto told = [](const RodTokenBytes* token) {
        return written(
            [&](ParameterWriter& out) {
                rod_token_information({.status = CopyStatus::completed}, 0x10, 512, SenseFormat::fixed, token,
                                      out);
            },
            1024);
    };
    const ByteVector none = told(nullptr);
    ASSERT_EQ(none.size(), 36U);
    EXPECT_EQ(none[3], std::byte{32});
    EXPECT_EQ(ByteVector(none.end() - 4, none.end()), ByteVector(4));
    RodTokenBytes token{};
    token.front() = std::byte{0xaa};
    const ByteVector one = told(&token);
    ASSERT_EQ(one.size(), 36U + 2 + kRodTokenBytes);
    EXPECT_EQ(ByteVector(one.begin(), one.begin() + 4), bytes({0, 0, 0x02, 0x22}));
    EXPECT_EQ(ByteVector(one.begin() + 32, one.begin() + 39), bytes({0, 0, 0x02, 0x02, 0, 0, 0xaa}));
}

TEST(ReceiveCopyOperatingParameters, TellTheLimitsThatAreEnforced) {
    EXPECT_EQ(written([](ParameterWriter& out) { copy_operating_parameters(thin_disk(), out); }),
              bytes({0, 0, 0, 43, 1, 0, 0, 0, 0, 16, 0, 64, 0, 0, 0x09, 0}) +
                  bytes({0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) +
                  bytes({0, 0, 0, 16, 16, 9, 0, 0, 0, 0, 0, 3, 0x02, 0x0a, 0xe4}));
}

}  // namespace
}  // namespace targe::scsi
