// Commands of a LUN that a nexus loses while they are under way.
#include "engine/testing/scene.h"
#include "scsi/lun.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::DataOutMode;
using testing::filled;
using testing::Initiator;
using testing::Pace;
using testing::Scene;
using testing::Task;

constexpr std::uint32_t kNoSuchUnit = 0x052500;
constexpr std::uint32_t kGivenUp = 0x0b2500;
const ByteVector kReady = cdb({0, 0, 0, 0, 0, 0});

struct LostLun : ::testing::Test {
    Scene scene{{.cores = 2}};
    std::shared_ptr<LogicalUnit> other = scene.add_unit("disk1");
    std::unique_ptr<Initiator> host;

    void SetUp() override {
        map({{.lun = 0, .unit = scene.unit}, {.lun = 1, .unit = other}});
        host = scene.login();
        host->clear_attentions(1);
        scene.disk->pace = Pace::on_request;
    }
    void map(std::vector<LunEntry> luns) {
        scene.target->set_maps(
            std::make_shared<const LunMaps>(LunMaps{.luns = std::move(luns), .groups = {}}));
        scene.world.run();
    }
    void lose_lun_0() { map({{.lun = 1, .unit = other}}); }
    Task& write(std::uint32_t lba, std::uint16_t lun = 0) {
        return host->send(cdb10(0x2a, lba, 1), 0, filled(512, 7), lun);
    }
    Task& read(std::uint32_t lba, std::uint16_t lun = 0) {
        return host->send(cdb10(0x28, lba, 1), 512, {}, lun);
    }
};

TEST_F(LostLun, AnswersWhatExecutesWithHowItEnds) {
    Task& written = write(3);
    Task& read = host->send(cdb10(0x28, 5, 1), 512);
    lose_lun_0();
    EXPECT_FALSE(written.ended || read.ended);
    EXPECT_TRUE(host->nexus().acts_at_lost_luns());
    EXPECT_EQ(host->run(kReady).sense_code(), kNoSuchUnit) << "what comes now";
    scene.complete_all();
    EXPECT_EQ(written.status, 0x00);
    EXPECT_EQ(read.data_received.size(), 512U);
    EXPECT_FALSE(written.was_dropped || read.was_dropped);
    EXPECT_TRUE(scene.holds(3, 1, 7));
    EXPECT_FALSE(host->nexus().acts_at_lost_luns());
}

TEST_F(LostLun, RefusesAtOnceWhatWaits) {
    host->data_out_mode = DataOutMode::later;
    Task& without_data = write(3);
    host->data_out_mode = DataOutMode::at_once;
    Task& executing = write(4);
    Task& ordered = host->send(cdb10(0x2a, 5, 1), 0, filled(512, 7), 0, scsi::TaskAttribute::ordered);
    lose_lun_0();
    EXPECT_EQ(without_data.sense_code(), kNoSuchUnit);
    EXPECT_EQ(ordered.sense_code(), kNoSuchUnit);
    EXPECT_FALSE(executing.ended);
    scene.complete_all();
    EXPECT_EQ(executing.status, 0x00);
    EXPECT_FALSE(scene.holds(3, 1, 7) || scene.holds(5, 1, 7));
}

TEST_F(LostLun, AnswersInTimeAReadThatADeviceHolds) {
    Task& held = read(5);
    lose_lun_0();
    scene.world.advance(std::chrono::milliseconds{2'900});
    EXPECT_FALSE(held.ended);
    scene.world.advance(std::chrono::milliseconds{200});
    EXPECT_EQ(held.sense_code(), kGivenUp);
    EXPECT_EQ(held.residual_in, (Residual{Residual::Kind::underflow, 512}));
    EXPECT_TRUE(held.kept) << "its memory is the device's until it lets go";
    EXPECT_TRUE(host->nexus().acts_at_lost_luns());
    EXPECT_EQ(host->run(kReady, 0, {}, 1).sense_code(), 0x063f0eU);
    scene.complete_all();
    EXPECT_FALSE(held.kept);
    EXPECT_TRUE(held.data_received.empty());
    EXPECT_EQ(host->nexus().commands(), 0U);
    EXPECT_FALSE(host->nexus().acts_at_lost_luns());
}

TEST_F(LostLun, AnswersNothingThatMayStillWrite) {
    Task& held = write(3);
    ByteVector unmap(24);
    unmap[1] = std::byte{22};
    unmap[3] = std::byte{16};
    unmap[15] = std::byte{8};
    unmap[19] = std::byte{1};
    Task& unmapped = host->send(cdb({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}), 0, unmap);
    lose_lun_0();
    scene.world.advance(std::chrono::minutes{1});
    EXPECT_FALSE(held.ended || unmapped.ended) << "initiators write elsewhere what has failed here";
    EXPECT_TRUE(host->nexus().acts_at_lost_luns());
    scene.complete_all();
    EXPECT_EQ(held.status, 0x00);
    EXPECT_EQ(unmapped.status, 0x00);
    EXPECT_TRUE(scene.holds(3, 1, 7));
    EXPECT_FALSE(host->nexus().acts_at_lost_luns());
}

TEST_F(LostLun, TakesTheTagOfWhatWasAnsweredForAnother) {
    Task& held = read(3);
    lose_lun_0();
    scene.world.advance(std::chrono::seconds{4});
    host->clear_attentions(1);
    auto again = std::make_unique<Task>();
    again->tag = held.tag;
    again->cdb = scsi::Cdb{kReady};
    again->lun = scsi::encode_lun(scsi::Lun{1});
    EXPECT_EQ(host->submit(std::move(again)).status, 0x00);
    scene.complete_all();
}

TEST_F(LostLun, LetsWhatIsAnsweredEndBeforeItsStatusHasLeft) {
    host->hold_responses = true;
    Task& held = read(3);
    host->hold_responses = false;
    lose_lun_0();
    scene.world.advance(std::chrono::seconds{4});
    EXPECT_EQ(held.sense_code(), kGivenUp);
    scene.complete_all();
    host->retire(held);
    EXPECT_FALSE(held.kept);
    EXPECT_EQ(held.sense_code(), kGivenUp) << "its end changes nothing";
    scene.world.run();
    EXPECT_EQ(host->nexus().commands(), 0U);
}

TEST_F(LostLun, SparesWhatComesToItWhenItIsBack) {
    Task& held = read(3);
    lose_lun_0();
    map({{.lun = 0, .unit = scene.unit}, {.lun = 1, .unit = other}});
    host->clear_attentions(1);
    scene.disk->pace = Pace::at_once;
    host->clear_attentions();
    scene.disk->pace = Pace::on_request;
    Task& there = write(4);
    scene.world.advance(std::chrono::seconds{4});
    EXPECT_EQ(held.sense_code(), kGivenUp);
    EXPECT_FALSE(there.ended);
    scene.complete_all();
    EXPECT_EQ(there.status, 0x00);
    EXPECT_TRUE(scene.holds(4, 1, 7));
}

TEST_F(LostLun, KeepsOneThatIsLostLaterItsTime) {
    auto& second = static_cast<testing::SimDevice&>(other->device());
    second.pace = Pace::on_request;
    Task& first = read(3);
    Task& later = read(3, 1);
    lose_lun_0();
    scene.world.advance(std::chrono::seconds{2});
    map({});
    scene.world.advance(std::chrono::milliseconds{1'500});
    EXPECT_EQ(first.sense_code(), kGivenUp);
    EXPECT_FALSE(later.ended);
    scene.world.advance(std::chrono::seconds{2});
    EXPECT_EQ(later.sense_code(), kGivenUp);
    second.complete_one();
    scene.complete_all();
}

TEST_F(LostLun, LetsTheSessionBeReplacedAtOnceThoughTheDeviceHoldsWhatWasAnswered) {
    Task& held = read(3);
    lose_lun_0();
    scene.world.advance(std::chrono::seconds{4});
    ASSERT_EQ(held.sense_code(), kGivenUp);
    bool closed = false;
    bool overdue = false;
    host->begin_close([&] { closed = true; }, [&] { overdue = true; });
    scene.world.advance(std::chrono::milliseconds{1});
    EXPECT_TRUE(overdue);
    EXPECT_FALSE(closed);
    scene.complete_all();
    EXPECT_TRUE(closed);
    EXPECT_FALSE(held.kept);
}

TEST_F(LostLun, EndsInSilenceWithItsSession) {
    Task& held = write(3);
    lose_lun_0();
    bool closed = false;
    host->begin_close([&] { closed = true; });
    scene.world.advance(std::chrono::seconds{4});
    EXPECT_FALSE(closed || held.ended);
    scene.complete_all();
    EXPECT_TRUE(closed);
    EXPECT_TRUE(held.was_dropped);
}

TEST_F(LostLun, IsNoBusinessOfANexusThatHasMovedSince) {
    write(3);
    lose_lun_0();
    scene.complete_all();
    scene.world.run();
    ASSERT_TRUE(host->nexus().is_at_rest());
    host->move_to(scene.world.core(1));
    scene.world.advance(std::chrono::seconds{4});
    host->clear_attentions(1);
    EXPECT_EQ(host->run(kReady, 0, {}, 1).status, 0x00);
}

}  // namespace
}  // namespace targe::engine
