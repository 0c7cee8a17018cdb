// SYNCHRONIZE CACHE and PRE-FETCH, with IMMED and without.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine::testing {
namespace {

using device::ReadCache;

const ByteVector kFlushAtOnce = cdb({0x35, 0x02, 0, 0, 0, 0, 0, 0, 0, 0});
const ByteVector kTestUnitReady = cdb({0, 0, 0, 0, 0, 0});
constexpr unsigned kConditionMet = 4;

TEST(SynchronizeCache, WithImmedIsAnsweredBeforeTheStoreIs) {
    Scene scene({.cores = 2});
    const auto one = scene.login(1);
    scene.disk->pace = Pace::on_request;
    EXPECT_EQ(one->run(kFlushAtOnce).status, 0);
    EXPECT_EQ(scene.disk->pending(), 1U);
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(scene.disk->flushes, 1U);
    EXPECT_EQ(one->run(kTestUnitReady).status, 0);
}

TEST(SynchronizeCache, WithImmedThatFailsLaterIsADeferredErrorOfItsNexus) {
    Scene scene({.cores = 2});
    const auto one = scene.login(1);
    const auto other = scene.login(1);
    scene.disk->fail = device::IoError::unwritable;
    EXPECT_EQ(one->run(kFlushAtOnce).status, 0);
    scene.world.run();
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
    EXPECT_EQ(one->run(cdb({0x12, 0, 0, 0, 36, 0}), 36).status, 0) << "INQUIRY passes by";
    const auto reads = scene.disk->reads;
    const Task& told = one->run(cdb10(0x28, 0, 1), 512);
    EXPECT_EQ(told.sense_code(), 0x030c00U);
    EXPECT_EQ(told.sense_received[0] & std::byte{0x7f}, std::byte{0x71});
    EXPECT_EQ(scene.disk->reads, reads) << "the command was not executed";
    EXPECT_EQ(one->run(kTestUnitReady).status, 0) << "told once";
}

TEST(SynchronizeCache, DeferredErrorsAreToldToRequestSenseToo) {
    Scene scene;
    const auto one = scene.login();
    scene.disk->fail = device::IoError::unwritable;
    EXPECT_EQ(one->run(kFlushAtOnce).status, 0);
    scene.world.run();
    const ByteVector data = one->run(cdb({3, 0, 0, 0, 252, 0}), 252).data_received;
    EXPECT_EQ(data[0] & std::byte{0x7f}, std::byte{0x71});
    EXPECT_EQ(data[2], std::byte{0x03});
    EXPECT_EQ(one->run(kTestUnitReady).status, 0);
}

TEST(SynchronizeCache, DeferredErrorsAreToldThoughThereWasNoMemoryAtFirst) {
    Scene scene;
    const auto one = scene.login();
    scene.disk->fail = device::IoError::unwritable;
    EXPECT_EQ(one->run(kFlushAtOnce).status, 0);
    scene.world.run();
    scene.world.core(0).pool().set_limit(0);
    EXPECT_EQ(one->run(cdb({3, 0, 0, 0, 252, 0}), 252).status, 0x08) << "BUSY";
    scene.world.core(0).pool().set_limit(std::uint64_t{1} << 30U);
    EXPECT_EQ(one->run(kTestUnitReady).sense_code(), 0x030c00U);
}

TEST(SynchronizeCache, WithImmedOutlivesItsNexus) {
    Scene scene({.cores = 2});
    auto one = scene.login(1);
    scene.disk->pace = Pace::on_request;
    EXPECT_EQ(one->run(kFlushAtOnce).status, 0);
    one->close();
    one.reset();
    scene.disk->fail = device::IoError::unwritable;
    scene.disk->complete_one();
    scene.world.run();
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(scene.login(1)->run(kTestUnitReady).status, 0) << "there is nobody to tell";
}

/// The unit looks at what its device can do.
void look_again(Scene& scene, ReadCache cache) {
    scene.disk->can.read_cache = cache;
    scene.unit->refresh({});
    scene.world.run();
}

TEST(PreFetch, MeetsItsConditionWhereAllIsInMemory) {
    Scene scene;
    const auto one = scene.login();
    look_again(scene, ReadCache::whole_medium);
    EXPECT_EQ(one->run(cdb10(0x34, 0, 0)).status, kConditionMet);
    EXPECT_EQ(scene.disk->reads, 0U);
    look_again(scene, ReadCache::none);
    EXPECT_EQ(one->run(cdb10(0x34, 0, 8)).status, 0) << "nothing could keep it";
    EXPECT_EQ(scene.disk->reads, 0U);
}

TEST(PreFetch, ReadsWhatItIsToldIntoTheCache) {
    Scene scene({.cores = 2, .blocks = 3 * 131072});
    const auto one = scene.login(1);
    look_again(scene, ReadCache::part_of_it);
    EXPECT_EQ(one->run(cdb10(0x34, 7, 4096)).status, kConditionMet);
    EXPECT_EQ(scene.disk->reads, 2U) << "in pieces of a MiB";
    EXPECT_EQ(one->run(cdb16(0x90, 0, 131072)).status, kConditionMet);
    EXPECT_EQ(one->run(cdb16(0x90, 0, 131073)).sense_code(), 0x052400U) << "MAXIMUM PREFETCH LENGTH";
    EXPECT_EQ(one->run(cdb10(0x34, 0, 0)).status, 0) << "all of the medium does not fit";
    scene.disk->fail = device::IoError::unreadable;
    EXPECT_EQ(one->run(cdb10(0x34, 0, 8)).sense_code(), 0x031100U);
}

TEST(PreFetch, WithImmedReadsAfterItWasAnswered) {
    Scene scene;
    const auto one = scene.login();
    look_again(scene, ReadCache::part_of_it);
    scene.disk->pace = Pace::on_request;
    ByteVector at_once = cdb10(0x34, 0, 8);
    at_once[1] = std::byte{0x02};
    EXPECT_EQ(one->run(at_once).status, kConditionMet);
    EXPECT_EQ(scene.disk->pending(), 1U);
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(scene.disk->reads, 1U);
}

}  // namespace
}  // namespace targe::engine::testing
