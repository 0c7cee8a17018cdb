// Writes whose data came with the command: from where they are to the device, without memory of their own.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb10;
using testing::filled;
using testing::Initiator;
using testing::Pace;
using testing::Scene;
using testing::Task;

constexpr std::uint8_t kCheckCondition = 0x02;
constexpr unsigned kWrite10 = 0x2a;
constexpr unsigned kWriteAndVerify10 = 0x2e;

struct DataHere : ::testing::Test {
    Scene scene;
    std::unique_ptr<Initiator> host = scene.login();

    void SetUp() override {
        scene.disk->writes_at_once = true;
        host->data_come_along = true;
    }
};

TEST_F(DataHere, AreWrittenFromThere) {
    const Task& task = host->run(cdb10(kWrite10, 7, 2), 0, filled(1024, 0x5a));
    EXPECT_EQ(task.status, 0);
    EXPECT_FALSE(task.asked_for_data);
    EXPECT_EQ(scene.disk->written_at_once, 1U);
    EXPECT_TRUE(scene.holds(7, 1, 0x5a) && scene.holds(8, 1, 0x5a));
    EXPECT_EQ(host->nexus().counters().written_bytes, 1024U);
    EXPECT_EQ(scene.world.core(0).buffers().stats().bytes_on_loan, 0U);
}

TEST_F(DataHere, AreKeptWhereTheDeviceHasToWait) {
    scene.disk->writes_at_once = false;
    scene.disk->pace = Pace::on_request;
    const Task& task = host->send(cdb10(kWrite10, 7, 1), 0, filled(512, 0x5a));
    EXPECT_FALSE(task.ended);
    scene.disk->complete_one();  // what came along is spoilt by now
    scene.world.run();
    EXPECT_EQ(task.status, 0);
    EXPECT_FALSE(task.asked_for_data);
    EXPECT_TRUE(scene.holds(7, 1, 0x5a));
}

TEST_F(DataHere, AreAskedForAgainWhereTheCommandHasToWait) {
    scene.disk->pace = Pace::on_request;
    host->data_come_along = false;
    scene.disk->writes_at_once = false;
    const Task& first = host->send(cdb10(kWrite10, 7, 1), 0, filled(512, 1));
    host->data_come_along = true;
    scene.disk->writes_at_once = true;
    const Task& ordered =
        host->send(cdb10(kWrite10, 7, 1), 0, filled(512, 2), 0, scsi::TaskAttribute::ordered);
    EXPECT_FALSE(ordered.asked_for_data);
    EXPECT_EQ(scene.disk->written_at_once, 0U);
    while (scene.disk->pending() > 0) {
        scene.disk->complete_one();
        scene.world.run();
    }
    EXPECT_TRUE(first.ended && ordered.ended);
    EXPECT_TRUE(ordered.asked_for_data);
    EXPECT_TRUE(scene.holds(7, 1, 2));
}

TEST_F(DataHere, MustBeExactlyWhatTheCdbAsksFor) {
    const Task& longer = host->run(cdb10(kWrite10, 7, 1), 0, filled(1024, 0x5a));
    EXPECT_EQ(longer.status, 0);
    EXPECT_TRUE(longer.asked_for_data);
    EXPECT_EQ(longer.residual_out, (Residual{Residual::Kind::underflow, 512}));
    EXPECT_TRUE(scene.holds(7, 1, 0x5a));
    EXPECT_TRUE(scene.holds(8, 1, 0));
}

TEST_F(DataHere, ServeNoCommandButWrite) {
    const Task& task = host->run(cdb10(kWriteAndVerify10, 7, 1), 0, filled(512, 0x5a));
    EXPECT_EQ(task.status, 0);
    EXPECT_TRUE(task.asked_for_data);
    EXPECT_TRUE(scene.holds(7, 1, 0x5a));
}

TEST_F(DataHere, DoNotHideAnError) {
    scene.disk->fail = device::IoError::unwritable;
    const Task& task = host->run(cdb10(kWrite10, 7, 1), 0, filled(512, 0x5a));
    EXPECT_EQ(task.status, kCheckCondition);
    EXPECT_EQ(task.sense_code() >> 16U, 3U);
    EXPECT_EQ(scene.disk->written_at_once, 1U);
}

TEST_F(DataHere, AreNotWrittenThroughACacheThatMayLoseThem) {
    ByteVector fua = cdb10(kWrite10, 7, 1);
    fua[1] = std::byte{0x08};
    EXPECT_EQ(host->run(fua, 0, filled(512, 0x5a)).status, 0);
    EXPECT_EQ(scene.disk->written_at_once, 0U);
    EXPECT_EQ(scene.disk->durable_writes, 1U);
    EXPECT_TRUE(scene.holds(7, 1, 0x5a));
}

TEST_F(DataHere, AreNotWrittenWhereTheUnitIsReadOnly) {
    Scene protected_scene{{.read_only_lun = true}};
    protected_scene.disk->writes_at_once = true;
    const auto guest = protected_scene.login();
    guest->data_come_along = true;
    const Task& task = guest->run(cdb10(kWrite10, 7, 1), 0, filled(512, 0x5a));
    EXPECT_EQ(task.sense_code() >> 16U, 7U);
    EXPECT_EQ(protected_scene.disk->writes_begun, 0U);
}

}  // namespace
}  // namespace targe::engine
