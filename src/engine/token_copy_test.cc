// POPULATE TOKEN and WRITE USING TOKEN: what a token stands for, for how long, and to whom.
#include "engine/copy_manager.h"
#include "engine/testing/tokens.h"
#include "scsi/third_party_copy.h"

#include <gtest/gtest.h>

#include <set>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::Copies;
using testing::copy_cdb;
using testing::filled;
using testing::kTokenAt;
using testing::Pace;
using testing::populate_list;
using testing::SceneOptions;
using testing::Task;
using testing::token_cdb;
using testing::TokenRange;
using testing::Tokens;
using testing::write_list;

constexpr std::uint8_t kGood = 0x00;
constexpr std::uint32_t kUnknown = 0x052304;
constexpr std::uint32_t kRevoked = 0x052306;
constexpr std::uint32_t kExpired = 0x052307;
constexpr std::uint32_t kDeleted = 0x052309;
constexpr std::uint32_t kInvalidParameter = 0x052600;

TEST_F(Tokens, StandForBlocksOfOneUnitThatAnotherTakes) {
    const ByteVector made = token(*host, {{100, 10}, {300, 6}});
    EXPECT_EQ(write(*host, write_list(made, {{0, 4}, {50, 12}})).status, kGood);
    EXPECT_TRUE(holds(*disk1, 0, 100, 4));
    EXPECT_TRUE(holds(*disk1, 50, 104, 6));
    EXPECT_TRUE(holds(*disk1, 56, 300, 6));
    const ByteVector told = information(*host, 2, 5);
    ASSERT_EQ(told.size(), 36U);
    EXPECT_EQ(told[4], std::byte{0x11});
    EXPECT_EQ(told[5], std::byte{1});
    EXPECT_EQ(told[15], std::byte{0xf1});
    EXPECT_EQ(told[23], std::byte{16});
}

TEST_F(Tokens, CountInTheGroupOfTheCommandsThatMakeAndUseThem) {
    constexpr std::byte kGroup{5};
    ByteVector list = populate_list({{0, 8}});
    ByteVector populate = token_cdb(0x10, 1, list.size());
    populate[14] = kGroup;
    EXPECT_EQ(host->run(populate, 0, list).status, kGood);
    const auto count = [&](std::uint16_t lun, std::size_t at) {
        const ByteVector page =
            host->run(cdb({0x4d, 0, 0x59, 5, 0, 0, 0, 2, 0, 0}), 512, {}, lun).data_received;
        return page.at(at + 7);
    };
    EXPECT_EQ(count(0, 8), std::byte{1}) << "a read";
    list = write_list(token(*host, {{0, 8}}), {{0, 8}});
    ByteVector use = token_cdb(0x11, 2, list.size());
    use[14] = kGroup;
    EXPECT_EQ(host->run(use, 0, list, 5).status, kGood);
    EXPECT_EQ(count(5, 16), std::byte{1}) << "a write";
}

TEST_F(Tokens, AreWorthNothingWhenTheyAreRevokedWhileADeviceCopies) {
    disk1->copies = true;
    const ByteVector made = token(*host, {{0, 8}});
    const ByteVector list = write_list(made, {{0, 8}});
    disk1->pace = Pace::on_request;
    Task& task = host->send(token_cdb(0x11, 2, list.size()), 0, list, 5);
    scene.world.run();
    ASSERT_EQ(disk1->pending(), 1U);
    EXPECT_EQ(disk0->reads, 0U);
    EXPECT_EQ(host->run(cdb10(0x2a, 3, 1), 0, filled(512, 9)).status, kGood);
    disk1->complete_one();
    scene.world.run();
    EXPECT_EQ(task.sense_code(), kRevoked);
}

TEST_F(Tokens, AreReadFromAnOffset) {
    const ByteVector made = token(*host, {{100, 10}, {300, 6}});
    EXPECT_EQ(write(*host, write_list(made, {{0, 4}}, 8)).status, kGood);
    EXPECT_TRUE(holds(*disk1, 0, 108, 2));
    EXPECT_TRUE(holds(*disk1, 2, 300, 2));
    EXPECT_EQ(write(*host, write_list(made, {{0, 4}}, 13)).sense_code(), kInvalidParameter);
    EXPECT_EQ(write(*host, write_list(made, {{0, 1}}, 99)).sense_code(), kInvalidParameter);
}

TEST_F(Tokens, SayWhatTheyStandFor) {
    const ByteVector made = token(*host, {{100, 10}});
    EXPECT_EQ(made[0], std::byte{0});
    EXPECT_EQ(made[1], std::byte{0x80});
    EXPECT_EQ(made[3], std::byte{1});
    EXPECT_EQ(made[6], std::byte{0x01});
    EXPECT_EQ(made[7], std::byte{0xf8});
    EXPECT_EQ(made[16], std::byte{0xe4});
    EXPECT_EQ(made[62], std::byte{0x14});
    EXPECT_EQ(made[128], std::byte{0x53});
}

TEST_F(Tokens, AreAllDifferent) {
    std::set<ByteVector> all;
    for (int i = 0; i < 8; ++i) {
        all.insert(token(*host, {{0, 1}}));
    }
    EXPECT_EQ(all.size(), 8U);
}

TEST_F(Tokens, MeanTheSameToAnotherInitiatorThatSeesBothUnits) {
    const ByteVector made = token(*host, {{100, 10}});
    const auto other = scene.login();
    other->clear_attentions(5);
    EXPECT_EQ(write(*other, write_list(made, {{0, 10}})).status, kGood);
    EXPECT_TRUE(holds(*disk1, 0, 100, 10));
    scene.target->set_maps(
        std::make_shared<const LunMaps>(LunMaps{.luns = {{.lun = 5, .unit = second}}, .groups = {}}));
    scene.world.run();
    other->clear_attentions(5);
    EXPECT_EQ(write(*other, write_list(made, {{0, 10}})).sense_code(), kUnknown);
}

TEST_F(Tokens, AreNotMadeUp) {
    ByteVector made = token(*host, {{100, 10}});
    made.back() ^= std::byte{1};
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}})).sense_code(), kUnknown);
    made[0] = std::byte{0x12};
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}})).sense_code(), 0x052301U);
    EXPECT_EQ(disk1->writes_begun, 0U);
}

TEST_F(Tokens, EndWhenTheirBlocksAreWritten) {
    const auto writes = [&](const ByteVector& request, const ByteVector& data) {
        const ByteVector made = token(*host, {{100, 10}});
        EXPECT_EQ(host->run(request, 0, data).status, kGood);
        return write(*host, write_list(made, {{0, 10}})).sense_code();
    };
    EXPECT_EQ(writes(cdb10(0x2a, 99, 1), filled(512, 1)), 0U);
    EXPECT_EQ(writes(cdb10(0x2a, 110, 1), filled(512, 1)), 0U);
    EXPECT_EQ(writes(cdb10(0x2a, 109, 1), filled(512, 1)), kRevoked);
    EXPECT_EQ(writes(cdb10(0x41, 90, 11), filled(512, 1)), kRevoked);
    ByteVector unmap(24);
    unmap[1] = std::byte{22};
    unmap[3] = std::byte{16};
    unmap[15] = std::byte{200};
    unmap[19] = std::byte{1};
    EXPECT_EQ(writes(cdb({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}), unmap), 0U);
    unmap[15] = std::byte{105};
    EXPECT_EQ(writes(cdb({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}), unmap), kRevoked);
    const ByteVector copy = between(3, {.blocks = 4, .source_lba = 500, .destination_lba = 104});
    EXPECT_EQ(writes(copy_cdb(0x83, 0, copy.size()), copy), kRevoked);
}

TEST_F(Tokens, AreNotEndedByWritesThatAreRefused) {
    const ByteVector made = token(*host, {{100, 10}});
    EXPECT_NE(host->run(cdb10(0x2a, 2047, 9), 0, filled(512 * 9, 1)).status, kGood);
    const auto other = scene.login();
    ASSERT_EQ(host->run(cdb({0x16, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(other->run(cdb10(0x2a, 100, 1), 0, filled(512, 1)).status, 0x18);
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}})).status, kGood);
}

TEST_F(Tokens, EndUnderTheCopyThatUsesThem) {
    const ByteVector made = token(*host, {{100, 10}});
    disk0->pace = Pace::on_request;
    const ByteVector list = write_list(made, {{0, 10}});
    Task& task = host->send(token_cdb(0x11, 2, list.size()), 0, list, 5);
    scene.world.run();
    ASSERT_EQ(disk0->pending(), 1U);  // its read
    Task& overwrite = host->send(cdb10(0x2a, 104, 1), 0, filled(512, 1));
    scene.world.run();
    disk0->complete_one();
    scene.world.run();
    EXPECT_EQ(task.sense_code(), kRevoked);
    EXPECT_EQ(disk1->writes_begun, 0U);
    disk0->complete_one();
    scene.world.run();
    EXPECT_EQ(overwrite.status, kGood);
}

TEST_F(Tokens, ExpireWhenNobodyUsesThem) {
    const ByteVector made = token(*host, {{100, 10}}, 20);
    scene.world.advance(std::chrono::seconds{15});
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}})).status, kGood);
    scene.world.advance(std::chrono::seconds{15});
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}})).status, kGood);
    scene.world.advance(std::chrono::seconds{21});
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}})).sense_code(), kExpired);
    // The next write sees that all of them are dead, and has them forgotten.
    EXPECT_EQ(host->run(cdb10(0x2a, 0, 1), 0, filled(512, 1)).status, kGood);
    scene.world.run();
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}})).sense_code(), kUnknown);
    EXPECT_EQ(populate(*host, {{0, 1}}, 301).sense_code(), kInvalidParameter);
}

TEST_F(Tokens, AreDoneWithWhenTheirUserSaysSo) {
    const ByteVector made = token(*host, {{100, 10}});
    constexpr unsigned kDelete = 2;
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}}, 0, kDelete)).status, kGood);
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}})).sense_code(), kDeleted);
}

TEST_F(Tokens, AreAtMostSoMany) {
    std::vector<ByteVector> made;
    for (std::size_t i = 0; i <= scsi::copy_limits::kTokens; ++i) {
        made.push_back(token(*host, {{100, 10}}));
        scene.world.advance(std::chrono::milliseconds{1});
    }
    EXPECT_EQ(write(*host, write_list(made[0], {{0, 10}})).sense_code(), kUnknown);
    EXPECT_EQ(write(*host, write_list(made[1], {{0, 10}})).status, kGood);
}

TEST_F(Tokens, EndWhenTheMediumIsErased) {
    const ByteVector made = token(*host, {{100, 10}});
    EXPECT_EQ(host->run(cdb({0x04, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}})).sense_code(), kUnknown);
}

TEST_F(Tokens, OfZeroesNeedNobodyToMakeThem) {
    fill(*disk1, 0, 8);
    ByteVector zeroes(512);
    zeroes[0] = zeroes[1] = std::byte{0xff};
    zeroes[3] = std::byte{1};
    zeroes[6] = std::byte{1};
    zeroes[7] = std::byte{0xf8};
    EXPECT_EQ(write(*host, write_list(zeroes, {{2, 4}})).status, kGood);
    EXPECT_TRUE(holds(*disk1, 0, 0, 2));
    EXPECT_TRUE(std::ranges::equal(disk1->block(2), filled(512, 0)));
    EXPECT_TRUE(std::ranges::equal(disk1->block(5), filled(512, 0)));
    EXPECT_TRUE(holds(*disk1, 6, 6, 2));
}

TEST_F(Tokens, AreUsedInTheBackgroundToo) {
    const ByteVector made = token(*host, {{100, 10}});
    disk1->pace = Pace::on_request;
    constexpr unsigned kImmediate = 1;
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}}, 0, kImmediate)).status, kGood);
    EXPECT_EQ(information(*host, 2, 5)[5], std::byte{0x12});
    disk1->complete_one();
    scene.world.run();
    EXPECT_EQ(information(*host, 2, 5)[5], std::byte{1});
    EXPECT_TRUE(holds(*disk1, 0, 100, 10));
}

TEST_F(Tokens, TakeListsThatMakeSenseOnly) {
    EXPECT_EQ(host->run(token_cdb(0x10, 1, 0)).status, kGood);
    EXPECT_EQ(populate(*host, {{2047, 2}}).sense_code(), 0x052100U);
    EXPECT_EQ(populate(*host, {{10, 4}, {13, 4}}).sense_code(), kInvalidParameter);
    EXPECT_EQ(populate(*host, {}).sense_code(), kInvalidParameter);
    EXPECT_EQ(populate(*host, std::vector<TokenRange>(129, {0, 0})).sense_code(), 0x052608U);
    EXPECT_EQ(host->run(copy_cdb(0x84, 7, 64, 9), 64).sense_code(), 0x052400U);
}

TEST_F(Tokens, AreReadOnlyWhereTheSourceMayBe) {
    const ByteVector made = token(*host, {{100, 10}});
    const auto other = scene.login();
    ASSERT_EQ(other->run(cdb({0x16, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(write(*host, write_list(made, {{0, 10}})).sense_code(), 0x0a0d01U);
    EXPECT_EQ(disk1->writes_begun, 0U);
}

struct LongTokens : Tokens {
    LongTokens() : Tokens({.blocks = 8192}) {}
};

TEST_F(LongTokens, AreRevokedByAWriteHoweverLongTheirCopyTakes) {
    constexpr std::uint32_t kBlocks = 4096;  // two pieces
    const ByteVector made = token(*host, {{0, kBlocks}}, 20);
    disk1->pace = Pace::on_request;
    const ByteVector list = write_list(made, {{0, kBlocks}});
    Task& task = host->send(token_cdb(0x11, 2, list.size()), 0, list, 5);
    scene.world.run();
    ASSERT_EQ(disk1->pending(), 1U);
    scene.world.advance(std::chrono::seconds{30});
    // Another token: those that are dead are forgotten.
    const ByteVector second = populate_list({{4000, 1}});
    EXPECT_EQ(host->run(token_cdb(0x10, 3, second.size()), 0, second).status, kGood);
    EXPECT_EQ(host->run(cdb10(0x2a, 3000, 1), 0, filled(512, 9)).status, kGood);
    for (int i = 0; i < 3 && disk1->pending() > 0; ++i) {
        disk1->complete_one();
        scene.world.run();
    }
    EXPECT_EQ(task.sense_code(), kRevoked);
}

TEST_F(LongTokens, MakeNoRoomForOthersWhileTheyAreUsed) {
    constexpr std::uint32_t kBlocks = 4096;
    const ByteVector made = token(*host, {{0, kBlocks}});
    disk1->pace = Pace::on_request;
    const ByteVector list = write_list(made, {{0, kBlocks}});
    const Task& task = host->send(token_cdb(0x11, 2, list.size()), 0, list, 5);
    scene.world.run();
    ASSERT_EQ(disk1->pending(), 1U);
    for (std::size_t i = 0; i <= scsi::copy_limits::kTokens; ++i) {
        scene.world.advance(std::chrono::milliseconds{1});
        EXPECT_EQ(populate(*host, {{8000, 1}}).status, kGood);
    }
    while (disk1->pending() > 0) {
        disk1->complete_one();
        scene.world.run();
    }
    EXPECT_EQ(task.status, kGood);
}

TEST(TokensOnTwoCores, AreNotMadeByACommandThatIsAborted) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        struct Both : Tokens {
            using Tokens::Tokens;
            void TestBody() override {}
        } scene{SceneOptions{.cores = 2, .seed = seed}};
        const auto other = scene.scene.login(1);
        const ByteVector list = populate_list({{100, 10}});
        Task& populate = other->send(token_cdb(0x10, 7, list.size()), 0, list);
        Task& abort = other->send(copy_cdb(0x83, 0x1c, 0, 7));  // before the unit's home has heard of it
        scene.scene.world.run();
        EXPECT_EQ(populate.sense_code(), 0x0a0000U);
        EXPECT_EQ(abort.status, kGood);
        EXPECT_EQ(Tokens::information(*other, 7).size(), kTokenAt + 18U - 2U);
    }
}

TEST(TokensOnTwoCores, NeverShowWhatWasWrittenSince) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        struct Both : Tokens {
            using Tokens::Tokens;
            void TestBody() override {}
        } scene{SceneOptions{.cores = 2, .seed = seed}};
        const auto other = scene.scene.login(1);
        other->clear_attentions(5);
        const ByteVector made = scene.token(*scene.host, {{100, 10}});
        scene.disk0->pace = Pace::by_seed;
        scene.disk1->pace = Pace::by_seed;
        const ByteVector list = write_list(made, {{0, 10}});
        Task& task = scene.host->send(token_cdb(0x11, 2, list.size()), 0, list, 5);
        Task& overwrite = other->send(cdb10(0x2a, 100, 10), 0, filled(5120, 0xee));
        scene.scene.world.run();
        EXPECT_EQ(overwrite.status, kGood);
        const bool whole = Copies::holds(*scene.disk1, 0, 100, 10);
        EXPECT_EQ(whole, task.status == kGood);
        EXPECT_TRUE(whole || std::ranges::equal(scene.disk1->block(0), filled(512, 0)));
    }
}

}  // namespace
}  // namespace targe::engine
