// SYNCHRONIZE CACHE and PRE-FETCH, with IMMED and without; and a cache that is turned off.
#include "engine/testing/memory_store.h"
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

/// MODE SELECT (6) of the Caching page, saved where `flags` has SP.
std::uint8_t set_wce(Initiator& host, bool on, unsigned flags = 0) {
    ByteVector list = cdb({0, 0, 0, 0, 0x08, 0x12, on ? 4U : 0U});
    list.resize(24);
    return host.run(cdb({0x15, 0x10U | flags, 0, 0, 24, 0}), 0, list).status;
}

/// WCE is cleared in what is saved, and was set since, so that the cache holds something.
struct CachedForNow : ::testing::Test {
    CachedForNow() {
        EXPECT_EQ(set_wce(*host, false, 1), 0);
        EXPECT_EQ(set_wce(*host, true), 0);
        other->clear_attentions();
        EXPECT_EQ(host->run(cdb10(0x2a, 0, 1), 0, filled(512, 1)).status, 0);
        EXPECT_EQ(scene.disk->durable_writes, 0U);
        flushes = scene.disk->flushes;
    }
    [[nodiscard]] bool cached() {
        return scene.unit->lane(scene.world.core(0)).state().pages.write_cache_enabled;
    }

    std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
    Scene scene{{.cores = 2, .store = store}};
    std::unique_ptr<Initiator> host = scene.login(1);
    std::unique_ptr<Initiator> other = scene.login(0);
    std::uint64_t flushes = 0;
};

TEST_F(CachedForNow, BecomesDurableBeforeAResetThatTurnsTheCacheOffIsAnswered) {
    for (const TaskFunction function : {TaskFunction::logical_unit_reset, TaskFunction::target_warm_reset}) {
        scene.disk->pace = Pace::on_request;
        const std::size_t answers = host->answered.size();
        host->begin(function);
        scene.world.run();
        EXPECT_FALSE(cached());
        ASSERT_EQ(scene.disk->pending(), 1U);
        EXPECT_EQ(scene.disk->flushes, ++flushes);
        EXPECT_EQ(host->answered.size(), answers) << "not durable yet";
        scene.disk->complete_one();
        scene.world.run();
        ASSERT_EQ(host->answered.size(), answers + 1);
        EXPECT_EQ(host->answered.back()->response, TaskResponse::function_complete);
        scene.disk->pace = Pace::at_once;
        for (Initiator* const each : {host.get(), other.get()}) {
            EXPECT_EQ(each->next_attention(), 0x062903U);
            EXPECT_EQ(each->run(kTestUnitReady).status, 0);
        }
        EXPECT_EQ(set_wce(*host, true), 0);
        other->clear_attentions();
    }
    EXPECT_EQ(set_wce(*host, true, 1), 0);
    flushes = scene.disk->flushes;
    EXPECT_EQ(host->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    EXPECT_TRUE(cached());
    EXPECT_EQ(scene.disk->flushes, flushes) << "it goes on caching";
}

TEST_F(CachedForNow, IsADeferredErrorOfEverybodyWhereAResetCannotMakeItDurable) {
    scene.disk->fail = device::IoError::unwritable;
    EXPECT_EQ(host->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    for (Initiator* const each : {host.get(), other.get()}) {
        EXPECT_EQ(each->next_attention(), 0x062903U);
        const Task& told = each->run(kTestUnitReady);
        EXPECT_EQ(told.sense_code(), 0x030c00U);
        EXPECT_EQ(told.sense_received[0] & std::byte{0x7f}, std::byte{0x71});
        EXPECT_EQ(each->run(kTestUnitReady).status, 0);
    }
}

TEST_F(CachedForNow, IsTriedAgainWhereTheHostIsShortOfSomething) {
    scene.disk->fail = device::IoError::no_resources;
    host->begin(TaskFunction::logical_unit_reset);
    scene.world.run();
    EXPECT_TRUE(host->answered.empty());
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(scene.disk->flushes, flushes + 2);
    other->clear_attentions();
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
}

// The tasks are gone: a slow store is no reason to let nobody in.
TEST_F(CachedForNow, KeepsAResetWaitingNoLongerThanItMay) {
    scene.disk->pace = Pace::on_request;
    host->begin(TaskFunction::logical_unit_reset);
    scene.world.advance(Limits{}.task_management_deadline + std::chrono::seconds{1});
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(host->answered[0]->response, TaskResponse::function_complete);
    for (Initiator* const each : {host.get(), other.get()}) {
        each->clear_attentions();
        EXPECT_EQ(each->run(kTestUnitReady).status, 0) << "and not BUSY";
    }
    scene.disk->fail = device::IoError::unwritable;
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(other->run(kTestUnitReady).sense_code(), 0x030c00U);
    EXPECT_EQ(host->run(kTestUnitReady).sense_code(), 0x030c00U);
}

TEST_F(CachedForNow, LetsNobodyBeBusyOnceAResetThatWasOverdueWaitsForNothingElse) {
    scene.disk->pace = Pace::on_request;
    host->send(cdb10(0x28, 0, 1), 512);
    host->begin(TaskFunction::logical_unit_reset);
    scene.world.advance(Limits{}.task_management_deadline + std::chrono::seconds{1});
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(host->answered[0]->response, TaskResponse::function_rejected);
    EXPECT_EQ(other->run(kTestUnitReady).status, 0x08) << "the device holds a task";
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(scene.disk->pending(), 1U) << "its flush";
    other->clear_attentions();
    EXPECT_EQ(other->run(kTestUnitReady).status, 0);
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(host->answered.size(), 1U);
}

TEST_F(CachedForNow, BecomesDurableWhenAProcessStartsWithTheCacheOff) {
    Scene again({.store = store});
    again.world.run();
    EXPECT_EQ(again.disk->flushes, 1U);
    Scene configured({.write_through = true});
    configured.world.run();
    EXPECT_EQ(configured.disk->flushes, 1U);
    Scene cached;
    cached.world.run();
    EXPECT_EQ(cached.disk->flushes, 0U);
    device::Capabilities can = cached.disk->can;
    can.volatile_cache = false;
    Scene durable({.can = can});
    durable.world.run();
    EXPECT_EQ(durable.disk->flushes, 0U) << "there is no cache";
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
