// What becomes of copies and of tokens when the medium of their unit is another.
#include "engine/testing/plain_device.h"
#include "engine/testing/tokens.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb10;
using testing::cscd;
using testing::named;
using testing::Pace;
using testing::PlainDevice;
using testing::Task;
using testing::write_list;

constexpr std::uint8_t kGood = 0x00;
constexpr std::uint16_t kMediumMayHaveChanged = 0x2800;
constexpr std::uint32_t kRevoked = 0x052306;
constexpr std::uint32_t kNotReachable = 0x0a0d02;

/// Says when its medium is another.
class ExchangedDisk final : public PlainDevice {
public:
    [[nodiscard]] device::Geometry geometry() const override { return {.blocks = 8192, .block_size = 512}; }
    void observe(device::DeviceObserver* observer) override { heard_by = observer; }
    device::DeviceObserver* heard_by = nullptr;
};

constexpr std::uint16_t kExchanged = 6;

struct OtherMedium : testing::Tokens {
    OtherMedium() {
        UnitSettings settings;
        settings.name = "exchanged";
        settings.identity = named(3);
        auto made = std::make_unique<ExchangedDisk>();
        disk = made.get();
        settings.device = std::move(made);
        LunMaps maps = scene.target->latest_maps();
        maps.luns.push_back({.lun = kExchanged, .unit = scene.engine.add_unit(std::move(settings))});
        scene.target->set_maps(std::make_shared<const LunMaps>(std::move(maps)));
        scene.world.run();
        host->clear_attentions(kExchanged);
    }
    bool exchange() {
        bool told = false;
        disk->heard_by->raise(kMediumMayHaveChanged, 0, [&told] { told = true; });
        scene.world.run();
        return told;
    }
    ExchangedDisk* disk = nullptr;
};

TEST_F(OtherMedium, IsNotWhatTokensOfTheOneBeforeStandFor) {
    const ByteVector before = token(*host, {{100, 10}}, 0, kExchanged);
    const ByteVector elsewhere = token(*host, {{100, 10}});
    EXPECT_TRUE(exchange());
    EXPECT_EQ(write(*host, write_list(before, {{0, 10}})).sense_code(), kRevoked);
    EXPECT_EQ(disk1->writes_begun, 0U);
    EXPECT_EQ(write(*host, write_list(elsewhere, {{0, 10}})).status, kGood);
    EXPECT_EQ(host->next_attention(kExchanged), 0x062800U);
    const ByteVector after = token(*host, {{100, 10}}, 0, kExchanged);
    EXPECT_EQ(write(*host, write_list(after, {{0, 10}})).status, kGood);
}

TEST_F(OtherMedium, DoesNotGoOnWhereACopyOfTheOneBeforeWas) {
    disk1->pace = Pace::on_request;
    const ByteVector one = testing::segment({.destination = 1, .blocks = 8});
    const ByteVector list = testing::lid1_list(1, {cscd(named(3)), cscd(named(1))}, {one, one});
    Task& task = begin(*host, list);
    scene.world.run();
    ASSERT_EQ(disk1->pending(), 1U);
    EXPECT_TRUE(exchange());
    EXPECT_FALSE(task.ended);
    const auto other = scene.login();
    other->clear_attentions(kExchanged);
    EXPECT_EQ(other->run(testing::cdb({0x16, 0, 0, 0, 0, 0}), 0, {}, kExchanged).status, kGood)
        << "nobody here waits for the other unit";
    disk1->complete_one();
    scene.world.run();
    EXPECT_EQ(task.sense_code(), kNotReachable);
    EXPECT_EQ(disk1->writes_begun, 1U);
}

TEST_F(OtherMedium, DoesNotConcernCopiesBetweenOtherUnits) {
    disk1->pace = Pace::on_request;
    Task& task = begin(*host, twice());
    scene.world.run();
    EXPECT_TRUE(exchange());
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(disk1->pending(), 1U);
        disk1->complete_one();
        scene.world.run();
    }
    EXPECT_EQ(task.status, kGood);
}

}  // namespace
}  // namespace targe::engine
