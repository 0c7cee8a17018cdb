// What a reset, a nexus that goes and a cartridge that goes take with them.
#include "vtl/testing_drive.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace targe::vtl {
namespace {

using testing::Answer;
using testing::append;
using testing::Bytes;
using testing::bytes_of;
using testing::DriveTest;
using testing::number_at;
using testing::text;

class DriveReset : public DriveTest {
protected:
    /// Encrypts and decrypts for all nexuses (scope 2) or for that one (1).
    Answer set_key(unsigned scope, std::uint64_t session, bool clear_on_demount = false) {
        Bytes page =
            bytes_of({0, 0x10, 0, 48, scope << 5U, clear_on_demount ? 4U : 0U, 2, 2, 1, 0, 0, 0, 0, 0, 0,
                      0, 0,    0, 0,  32});
        append(page, Bytes(32, std::byte{7}));
        return run({0xb5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, 52, 0, 0}, page, 0, session);
    }
    /// Of the nexus: its scope and that of its parameters, and the modes.
    std::uint64_t encryption(std::uint64_t session) {
        return number_at(run({0xa2, 0x20, 0, 0x20, 0, 0, 0, 0, 0x10, 0, 0, 0}, {}, 1U << 16U, session).data,
                         4, 3);
    }
    Answer load(bool on) { return run({0x1b, 0, 0, 0, on ? 1U : 0U, 0}); }
    Answer prevent(std::uint64_t session) { return run({0x1e, 0, 0, 0, 1, 0}, {}, 0, session); }
    Answer append_only() {
        Bytes page = bytes_of({0, 0, 0x10, 0, 0x50, 1, 0, 28, 0, 0x10});
        page.resize(4 + 32);
        return run({0x15, 0x10, 0, 0, 36, 0}, page);
    }
    std::uint64_t additional_partitions() { return number_at(run({0x1a, 8, 0x11, 0, 255, 0}).data, 7, 1); }
};

constexpr std::uint64_t kNoKey = 0;
constexpr std::uint64_t kOwnKey = 0x21'0202;
constexpr std::uint64_t kItsKeyForAll = 0x42'0202;

TEST_F(DriveReset, LeavesTheDriveAsAfterPowerOnButForTheCartridge) {
    ASSERT_TRUE(run({0x15, 0x10, 0, 0, 16, 0},
                    bytes_of({0, 0, 0x10, 0, 0x11, 10, 3, 1, 0x3c, 3, 3, 0, 0xff, 0xff, 0x0f, 0xa0}))
                    .good());
    ASSERT_TRUE(run({0x04, 0, 1, 0, 0, 0}).good());
    ASSERT_TRUE(write(bytes_of("data")).good());
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(run({0x82, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}).good());
    ASSERT_TRUE(set_block_length(4).good());
    ASSERT_TRUE(run({0x15, 0x10, 0, 0, 4, 0}, bytes_of({0, 0, 0, 0})).good());
    ASSERT_TRUE(set_key(1, 5).good());
    ASSERT_TRUE(set_key(2, 6).good());
    ASSERT_TRUE(prevent(5).good());
    EXPECT_EQ(encryption(5), kOwnKey);
    EXPECT_EQ(encryption(6), kItsKeyForAll);
    EXPECT_EQ(number_at(run({0x1a, 8, 0x10, 0, 255, 0}).data, 2, 1), 0U) << "unbuffered";
    drive_.reset();
    EXPECT_EQ(encryption(5), kNoKey);
    EXPECT_EQ(encryption(6), kNoKey);
    EXPECT_EQ(number_at(run({0x1a, 8, 0x10, 0, 255, 0}).data, 2, 1), 0x10U);
    EXPECT_EQ(text(run({0x08, 1, 0, 0, 1, 0})), "5/2400") << "no block length";
    EXPECT_EQ(additional_partitions(), 1U);
    ASSERT_TRUE(append_only().good());
    EXPECT_EQ(text(write(bytes_of("x"))), "7/2706") << "what was allowed before";
    EXPECT_EQ(read(4).data, bytes_of("data"));
    EXPECT_EQ(text(load(false)), "GOOD") << "nobody prevents it";
}

TEST_F(DriveReset, IsNotNeededForWhatANexusHadThatIsGone) {
    ASSERT_TRUE(set_key(1, 5).good());
    ASSERT_TRUE(prevent(5).good());
    drive_.session_gone(5);
    EXPECT_EQ(encryption(5), kNoKey);
    EXPECT_EQ(text(load(false)), "GOOD");
}

TEST_F(DriveReset, IsNotNeededForKeysThatGoWithTheCartridge) {
    ASSERT_TRUE(set_key(1, 5, true).good());
    ASSERT_TRUE(set_key(2, 6, true).good());
    ASSERT_TRUE(set_key(1, 7).good());
    ASSERT_TRUE(load(false).good());
    EXPECT_EQ(encryption(5), kNoKey);
    EXPECT_EQ(encryption(6), kNoKey);
    EXPECT_EQ(encryption(7), kOwnKey);
}

TEST_F(DriveReset, IsNotNeededForWhereACartridgeStoodInAnotherDrive) {
    ASSERT_TRUE(write(bytes_of("data")).good());
    std::string trouble;
    auto cartridge = drive_.remove(trouble);
    Drive other({.serial = "DRIVE00002", .generation = find_generation("LTO-6")});
    other.insert(std::move(cartridge));
    EXPECT_EQ(testing::send(other, bytes_of({0x08, 0, 0, 0, 4, 0})).data, bytes_of("data"));
}

}  // namespace
}  // namespace targe::vtl
