// REASSIGN BLOCKS, through the engine.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine::testing {
namespace {

const ByteVector kReassign = cdb({0x07, 0, 0, 0, 0, 0});

ByteVector list(std::initializer_list<unsigned> blocks) {
    ByteVector made = cdb({0, 0, 0, static_cast<unsigned>(4 * blocks.size())});
    for (const unsigned lba : blocks) {
        const ByteVector entry = cdb({0, 0, lba >> 8U, lba & 0xffU});
        made.insert(made.end(), entry.begin(), entry.end());
    }
    return made;
}

TEST(ReassignBlocks, WritesWhatIsThereAgainAndDurably) {
    Scene scene({.cores = 2});
    const auto one = scene.login(1);
    one->run(cdb10(0x2a, 5, 1), 0, filled(512, 7));
    const auto durable = scene.disk->durable_writes;
    EXPECT_EQ(one->run(kReassign, 0, list({5, 9})).status, 0);
    EXPECT_EQ(scene.disk->durable_writes, durable + 2);
    EXPECT_EQ(scene.disk->block(5)[0], std::byte{7});
    scene.world.run();  // the range is being given back
}

TEST(ReassignBlocks, LeavesZeroesWhereNothingCanBeReadAnyMore) {
    Scene scene;
    const auto one = scene.login();
    one->run(cdb10(0x2a, 5, 1), 0, filled(512, 7));
    scene.disk->fail = device::IoError::unreadable;
    EXPECT_EQ(one->run(kReassign, 0, list({5})).status, 0);
    EXPECT_EQ(scene.disk->block(5)[0], std::byte{0});
    EXPECT_EQ(one->run(cdb10(0x28, 5, 1), 512).status, 0);
}

TEST(ReassignBlocks, SaysWhichBlockWasTheFirstThatItCouldNotReassign) {
    Scene scene;
    const auto one = scene.login();
    scene.disk->pace = Pace::on_request;
    Task& task = one->send(kReassign, 0, list({5, 0x0102, 0x0103}));
    scene.world.run();
    for (int i = 0; i < 3; ++i) {  // 5 is read and written, 102h read
        scene.disk->complete_one();
        scene.world.run();
    }
    scene.disk->fail = device::IoError::unwritable;
    scene.disk->complete_one();
    scene.world.run();
    ASSERT_TRUE(task.ended);
    EXPECT_EQ(task.sense_code(), 0x030c00U);
    EXPECT_EQ(ByteVector(task.sense_received.begin() + 8, task.sense_received.begin() + 12),
              cdb({0, 0, 1, 2}));
}

TEST(ReassignBlocks, LetsNobodyAtTheBlockMeanwhile) {
    Scene scene({.cores = 2});
    const auto one = scene.login(1);
    const auto other = scene.login(0);
    scene.disk->pace = Pace::on_request;
    Task& task = one->send(kReassign, 0, list({5}));
    scene.world.run();
    ASSERT_EQ(scene.disk->pending(), 1U) << "the read";
    Task& write = other->send(cdb10(0x2a, 5, 1), 0, filled(512, 8));
    Task& beside = other->send(cdb10(0x2a, 6, 1), 0, filled(512, 8));
    scene.world.run();
    while (scene.disk->pending() > 0) {
        scene.disk->complete_one();
        scene.world.run();
    }
    EXPECT_TRUE(task.ended && write.ended && beside.ended);
    EXPECT_EQ(scene.disk->block(5)[0], std::byte{8}) << "it was written after, not lost";
}

TEST(ReassignBlocks, WritesNothingWhenTheListIsWrongOrTheUnitIsProtected) {
    Scene scene;
    const auto one = scene.login();
    EXPECT_EQ(one->run(kReassign, 0, list({5, 0xffff})).sense_code(), 0x052100U);
    EXPECT_EQ(one->run(kReassign, 0, cdb({0, 0, 0, 4})).sense_code(), 0x051a00U);
    EXPECT_EQ(one->run(kReassign).sense_code(), 0x051a00U);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
    Scene locked({.read_only_lun = true});
    EXPECT_EQ(locked.login()->run(kReassign, 0, list({5})).sense_code(), 0x072700U);
}

}  // namespace
}  // namespace targe::engine::testing
