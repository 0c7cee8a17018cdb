// What each family of commands does to a disk, and says.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::cdb16;
using testing::filled;
using testing::Initiator;
using testing::Scene;
using testing::Task;

constexpr std::uint8_t kGood = 0x00;
constexpr std::uint8_t kCheck = 0x02;

std::uint64_t information(const Task& task) {
    std::uint64_t value = 0;  // fixed format
    for (std::size_t i = 3; i < 7; ++i) {
        value = value << 8U | std::to_integer<std::uint64_t>(task.sense_received[i]);
    }
    return value;
}

ByteVector operator+(ByteVector a, const ByteVector& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

struct Commands : ::testing::Test {
    Scene scene;
    std::unique_ptr<Initiator> host = scene.login();
};

TEST_F(Commands, ReadsBackWhatEveryWriteWrote) {
    EXPECT_EQ(host->run(cdb({0x0a, 0, 0, 3, 1, 0}), 0, filled(512, 0x11)).status, kGood);
    EXPECT_EQ(host->run(cdb10(0x2a, 4, 1), 0, filled(512, 0x22)).status, kGood);
    EXPECT_EQ(host->run(cdb({0xaa, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0}), 0, filled(512, 0x33)).status, kGood);
    EXPECT_EQ(host->run(cdb16(0x8a, 6, 1), 0, filled(512, 0x44)).status, kGood);
    const ByteVector all = filled(512, 0x11) + filled(512, 0x22) + filled(512, 0x33) + filled(512, 0x44);
    EXPECT_EQ(host->run(cdb({0x08, 0, 0, 3, 4, 0}), 2048).data_received, all);
    EXPECT_EQ(host->run(cdb10(0x28, 3, 4), 2048).data_received, all);
    EXPECT_EQ(host->run(cdb({0xa8, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0}), 2048).data_received, all);
    EXPECT_EQ(host->run(cdb16(0x88, 3, 4), 2048).data_received, all);
    scene.disk->lends = true;
    EXPECT_EQ(host->run(cdb10(0x28, 3, 4), 2048).data_received, all);
}

TEST_F(Commands, SaysThatLentDataMayChangeOnTheirWay) {
    scene.disk->lends = true;
    host->hold_responses = true;
    const auto read = [&] -> testing::Task& {
        auto task = std::make_unique<testing::Task>();
        task->cdb = scsi::Cdb{cdb10(0x28, 3, 1)};
        task->expected = {.known = true, .in_bytes = 512};
        testing::Task& sent = host->submit(std::move(task));
        scene.world.run();
        return sent;
    };
    testing::Task& lent = read();
    EXPECT_EQ(lent.data_in[0].data, scene.disk->block(3).data());
    EXPECT_TRUE(lent.data_in_may_change);
    // Whoever compares and writes must not wait until an initiator has received, so its unit lends no more.
    host->hold_responses = false;
    ByteVector compare = cdb16(0x89, 9, 0);
    compare[13] = std::byte{1};
    host->run(compare, 0, filled(1024, 0));
    host->hold_responses = true;
    testing::Task& copied = read();
    EXPECT_NE(copied.data_in[0].data, scene.disk->block(3).data());
    EXPECT_FALSE(copied.data_in_may_change);
    host->retire(copied);
    host->retire(lent);
}

TEST_F(Commands, RefusesBlocksBeyondTheEnd) {
    EXPECT_EQ(host->run(cdb10(0x28, 2047, 2), 1024).sense_code(), 0x052100U);
    EXPECT_EQ(host->run(cdb16(0x8a, 2048, 1), 0, filled(512, 1)).sense_code(), 0x052100U);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
}

TEST_F(Commands, WritesAreAsDurableAsTheyMustBe) {
    host->run(cdb10(0x2a, 0, 1), 0, filled(512, 1));
    EXPECT_EQ(scene.disk->durable_writes, 0U);
    ByteVector fua = cdb10(0x2a, 0, 1);
    fua[1] = std::byte{0x08};
    host->run(fua, 0, filled(512, 1));
    EXPECT_EQ(scene.disk->durable_writes, 1U);
    EXPECT_EQ(host->run(cdb10(0x35, 0, 0)).status, kGood);
    EXPECT_EQ(host->run(cdb16(0x91, 0, 0)).status, kGood);
    EXPECT_EQ(scene.disk->flushes, 2U);
}

TEST(WriteThrough, MakesEveryWriteDurable) {
    Scene scene{{.write_through = true}};
    const auto host = scene.login();
    host->run(cdb10(0x2a, 0, 1), 0, filled(512, 1));
    EXPECT_EQ(scene.disk->durable_writes, 1U);
    ByteVector unmap(24);
    unmap[1] = std::byte{22};
    unmap[3] = std::byte{16};
    unmap[19] = std::byte{1};
    EXPECT_EQ(host->run(cdb({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}), 0, unmap).status, kGood);
    EXPECT_EQ(scene.disk->flushes, 1U) << "the block reads as zeroes now, and must go on to";
}

TEST_F(Commands, HostFailuresBecomeSense) {
    using device::IoError;
    const struct {
        IoError error;
        std::uint32_t sense;
    } cases[] = {{IoError::unreadable, 0x031100}, {IoError::unwritable, 0x030c00},
                 {IoError::no_space, 0x072707},   {IoError::read_only, 0x072700},
                 {IoError::gone, 0x020400},       {IoError::no_resources, 0}};
    for (const auto& each : cases) {
        scene.disk->fail = each.error;
        const Task& task = host->run(cdb10(0x2a, 7, 1), 0, filled(512, 1));
        EXPECT_EQ(task.sense_code(), each.sense);
        EXPECT_EQ(task.status, each.sense == 0 ? 0x08 : kCheck);
    }
    scene.disk->fail = IoError::unreadable;
    const Task& task = host->run(cdb10(0x28, 7, 1), 512);
    EXPECT_EQ(information(task), 7U);
    EXPECT_TRUE(task.data_received.empty());
    EXPECT_EQ(task.residual_in, (Residual{Residual::Kind::underflow, 512}));
    EXPECT_EQ(host->run(cdb10(0x28, 7, 1), 512).status, kGood);
}

TEST_F(Commands, VerifyComparesAsItIsAsked) {
    host->run(cdb10(0x2a, 0, 2), 0, filled(512, 1) + filled(512, 2));
    EXPECT_EQ(host->run(cdb10(0x2f, 0, 2)).status, kGood);
    ByteVector every = cdb10(0x2f, 0, 2);
    every[1] = std::byte{0x02};
    EXPECT_EQ(host->run(every, 0, filled(512, 1) + filled(512, 2)).status, kGood);
    const Task& differs = host->run(every, 0, filled(512, 1) + filled(512, 3));
    EXPECT_EQ(differs.sense_code(), 0x0e1d00U);
    EXPECT_EQ(information(differs), 512U);
    ByteVector one = cdb10(0x2f, 0, 2);
    one[1] = std::byte{0x06};
    EXPECT_EQ(information(host->run(one, 0, filled(512, 1))), 512U);
    one = cdb10(0x2f, 1, 1);
    one[1] = std::byte{0x06};
    EXPECT_EQ(host->run(one, 0, filled(512, 2)).status, kGood);
}

TEST_F(Commands, WriteAndVerifyIsDurableAndReadBack) {
    EXPECT_EQ(host->run(cdb10(0x2e, 9, 1), 0, filled(512, 9)).status, kGood);
    EXPECT_EQ(scene.disk->durable_writes, 1U);
    EXPECT_EQ(scene.disk->reads, 1U);
    EXPECT_EQ(scene.disk->block(9)[0], std::byte{9});
}

TEST_F(Commands, WriteSameRepeatsItsBlock) {
    EXPECT_EQ(host->run(cdb10(0x41, 10, 5), 0, filled(512, 0x5a)).status, kGood);
    for (std::uint64_t lba = 10; lba < 15; ++lba) {
        EXPECT_EQ(scene.disk->block(lba)[511], std::byte{0x5a});
    }
    EXPECT_EQ(scene.disk->block(15)[0], std::byte{0});
    ByteVector no_data = cdb16(0x93, 10, 5);
    no_data[1] = std::byte{0x01};  // NDOB
    EXPECT_EQ(host->run(no_data).status, kGood);
    EXPECT_EQ(scene.disk->block(12)[0], std::byte{0});
    EXPECT_EQ(host->run(cdb10(0x41, 10, 1), 0, filled(1024, 1)).sense_code(), 0x050e03U);
}

TEST_F(Commands, UnmapGivesBackAndGetLbaStatusTells) {
    host->run(cdb10(0x2a, 0, 64), 0, filled(std::size_t{64} * 512, 7));
    const ByteVector list = cdb({0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, 0});
    EXPECT_EQ(host->run(cdb({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}), 0, list).status, kGood);
    EXPECT_EQ(scene.disk->block(8)[0], std::byte{0});
    const ByteVector status = cdb({0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 0, 0});
    const Task& task = host->run(status, 56);
    EXPECT_EQ(task.status, kGood);
    ASSERT_EQ(task.data_received.size(), 56U);
    EXPECT_EQ(task.data_received[8 + 11], std::byte{8});  // eight mapped
    EXPECT_EQ(task.data_received[8 + 12], std::byte{0});
    EXPECT_EQ(task.data_received[24 + 11], std::byte{4});  // four not
    EXPECT_EQ(task.data_received[24 + 12], std::byte{1});
}

TEST_F(Commands, CompareAndWriteWritesOnlyWhatMatches) {
    const ByteVector command = cdb({0x89, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0});
    EXPECT_EQ(host->run(command, 0, filled(1024, 0) + filled(1024, 5)).status, kGood);
    EXPECT_EQ(scene.disk->block(5)[0], std::byte{5});
    const Task& differs = host->run(command, 0, filled(700, 5) + filled(324, 0) + filled(1024, 6));
    EXPECT_EQ(differs.sense_code(), 0x0e1d00U);
    EXPECT_EQ(information(differs), 700U);
    EXPECT_EQ(scene.disk->block(5)[0], std::byte{5});
}

TEST_F(Commands, TellAboutThemselves) {
    const Task& inquiry = host->run(cdb({0x12, 0, 0, 0, 255, 0}), 255);
    EXPECT_EQ(inquiry.status, kGood);
    EXPECT_GE(inquiry.data_received.size(), 36U);
    EXPECT_EQ(inquiry.residual_in.kind, Residual::Kind::underflow);
    EXPECT_EQ(host->run(cdb({0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 8).data_received,
              cdb({0, 0, 7, 0xff, 0, 0, 2, 0}));
    EXPECT_EQ(host->run(cdb16(0x9e, 0, 32), 32).sense_code(), 0x052400U);
    EXPECT_EQ(host->run(cdb({0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0}), 64).data_received,
              cdb({0, 0, 0, 8, 0, 0, 0, 0}) + filled(8, 0));
    EXPECT_EQ(host->run(cdb({0x03, 0, 0, 0, 252, 0}), 252).data_received[2], std::byte{0});
    EXPECT_EQ(host->run(cdb({0x1a, 0, 0x3f, 0, 255, 0}), 255).status, kGood);
    EXPECT_EQ(host->run(cdb({0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0}), 16384).status, kGood);
    EXPECT_EQ(host->run(cdb({0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0}), 16).status, kGood);
    EXPECT_EQ(host->run(cdb10(0x34, 0, 8)).status, kGood);
    EXPECT_EQ(host->run(cdb({0xfe, 0, 0, 0, 0, 0})).sense_code(), 0x052000U);
}

TEST_F(Commands, TellThatTransfersOfAMebibyteAreBest) {
    const ByteVector limits = host->run(cdb({0x12, 1, 0xb0, 0, 64, 0}), 64).data_received;
    ASSERT_EQ(limits.size(), 64U);
    EXPECT_EQ(ByteVector(limits.begin() + 12, limits.begin() + 16), cdb({0, 0, 8, 0}))
        << "a lease of sanlock in one";
}

TEST_F(Commands, TheControlPageChoosesDescriptorSense) {
    const ByteVector control = cdb({0, 0, 0, 0, 0x0a, 0x0a, 0x24, 0x10, 0, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(host->run(cdb({0x15, 0x10, 0, 0, 16, 0}), 0, control).status, kGood);
    const Task& task = host->run(cdb10(0x28, 4096, 1), 512);
    EXPECT_EQ(task.sense_received[0], std::byte{0x72});
    EXPECT_EQ(task.sense_code(), 0x052100U);
}

TEST_F(Commands, ClearingWceMakesWhatTheCacheHoldsDurable) {
    const ByteVector caching =
        cdb({0, 0, 0, 0, 0x08, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    const std::uint64_t before = scene.disk->flushes;
    EXPECT_EQ(host->run(cdb({0x15, 0x10, 0, 0, 24, 0}), 0, caching).status, kGood);
    EXPECT_GT(scene.disk->flushes, before);
}

TEST(Removable, EjectsLoadsAndIsHeld) {
    Scene scene{{.cores = 2, .removable = true}};
    const auto host = scene.login(0);
    const auto other = scene.login(1);
    const ByteVector eject = cdb({0x1b, 0, 0, 0, 2, 0});
    const ByteVector load = cdb({0x1b, 0, 0, 0, 3, 0});
    EXPECT_EQ(other->run(cdb({0x1e, 0, 0, 0, 1, 0})).status, kGood);
    EXPECT_EQ(host->run(eject).sense_code(), 0x055302U);
    EXPECT_EQ(other->run(cdb({0x1e, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(host->run(eject).status, kGood);
    EXPECT_EQ(other->next_attention(), 0x023a00U);
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 512).sense_code(), 0x023a00U);
    EXPECT_EQ(other->run(cdb({0x1e, 0, 0, 0, 1, 0})).status, kGood);
    EXPECT_EQ(host->run(load).sense_code(), 0x055302U);
    EXPECT_EQ(other->run(cdb({0x1e, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(host->run(load).status, kGood);
    EXPECT_EQ(host->next_attention(), 0U);
    EXPECT_EQ(other->next_attention(), 0x062800U);
    other->run(cdb({0x1e, 0, 0, 0, 1, 0}));
    other->close();
    EXPECT_EQ(host->run(eject).status, kGood);  // who prevented it is gone
}

}  // namespace
}  // namespace targe::engine
