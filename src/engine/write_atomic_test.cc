// WRITE ATOMIC through the engine: all of it or nothing, for whoever reads beside it and after a failure.
#include "engine/atomic_journal.h"
#include "engine/testing/memory_store.h"
#include "engine/testing/scene.h"
#include "scsi/medium_erasure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace targe::engine::testing {
namespace {

constexpr std::uint32_t kJournalFailed = 0x044400;

ByteVector atomic(std::uint64_t lba, std::uint16_t blocks) {
    ByteVector made = cdb16(0x9c, lba, blocks);
    return made;
}

struct Atomic : ::testing::Test {
    explicit Atomic(SceneOptions options = {.cores = 2})
        : scene{[&] {
              options.store = store;
              return options;
          }()} {}

    std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
    Scene scene;
    std::unique_ptr<Initiator> host = scene.login(1);
    std::unique_ptr<Initiator> other = scene.login(0);
};

TEST_F(Atomic, KeepsWhatItWritesUntilItIsWritten) {
    int seen = 0;
    scene.disk->on_write = [&] {
        const auto image = kept_image(store->content[Kept::atomic_write], scene.disk->geometry());
        ASSERT_TRUE(image);
        EXPECT_EQ(image->lba, 8U);
        EXPECT_EQ(image->bytes, std::string(16 * 512, '\x05'));
        ++seen;
    };
    EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 5)).status, 0);
    EXPECT_EQ(seen, 2) << "as the write began, and as it ended";
    EXPECT_TRUE(scene.holds(8, 16, 5));
    EXPECT_EQ(scene.disk->durable_writes, 1U) << "before it is forgotten";
    EXPECT_EQ(store->content[Kept::atomic_write], "");
}

TEST_F(Atomic, IsAtomicToWhoeverReadsAndWritesBesideIt) {
    scene.disk->pace = Pace::on_request;
    Task& write = host->send(atomic(8, 16), 0, filled(16 * 512, 5));
    scene.world.run();
    Task& beside = other->send(cdb10(0x28, 10, 1), 512);
    Task& overlapped = other->send(cdb10(0x2a, 23, 2), 0, filled(1024, 9));
    Task& elsewhere = other->send(cdb10(0x28, 100, 1), 512);
    scene.world.run();
    ASSERT_EQ(scene.disk->pending(), 2U) << "what was there is read, and what lies elsewhere";
    scene.complete_all();
    EXPECT_EQ(write.status, 0);
    EXPECT_EQ(elsewhere.status, 0);
    EXPECT_EQ(beside.data_received, filled(512, 5)) << "after all of it";
    EXPECT_EQ(overlapped.status, 0);
    EXPECT_TRUE(scene.holds(8, 15, 5));
    EXPECT_TRUE(scene.holds(23, 2, 9));
}

TEST_F(Atomic, PutsBackWhatWasThereWhenItCannotWriteAll) {
    host->run(cdb10(0x2a, 8, 16), 0, filled(16 * 512, 1));
    scene.disk->pace = Pace::on_request;
    Task& write = host->send(atomic(8, 16), 0, filled(16 * 512, 5));
    scene.world.run();
    scene.disk->complete_one();  // what was there is read
    scene.world.run();
    scene.disk->fail = device::IoError::no_space;
    scene.disk->torn_bytes = 3 * 512;
    scene.complete_all();
    EXPECT_EQ(write.sense_code(), 0x072707U);
    EXPECT_TRUE(scene.holds(8, 16, 1));
    EXPECT_EQ(store->content[Kept::atomic_write], "");
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 6)).status, 0);
    EXPECT_TRUE(scene.holds(8, 16, 6));
}

TEST_F(Atomic, WritesNothingThatCannotBeKept) {
    store->fails_once = true;
    EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 5)).sense_code(), kJournalFailed);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
    EXPECT_EQ(store->content[Kept::atomic_write], "");
    EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 6)).status, 0) << "the journal is free again";
}

TEST_F(Atomic, KeepsTheRangeFromEverybodyUntilTheJournalForgets) {
    store->fails = true;
    EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 5)).sense_code(), kJournalFailed);
    Task& overlapped = other->send(cdb10(0x2a, 8, 1), 0, filled(512, 9));
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_FALSE(overlapped.ended) << "what is kept would be written over it";
    EXPECT_EQ(host->run(atomic(100, 1), 0, filled(512, 6)).status, 8) << "BUSY: there is no journal";
    EXPECT_EQ(host->run(cdb10(0x2a, 100, 1), 0, filled(512, 6)).status, 0) << "elsewhere all goes on";
    store->fails = false;
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_EQ(overlapped.status, 0);
    EXPECT_EQ(store->content[Kept::atomic_write], "");
    EXPECT_EQ(scene.disk->writes_begun, 2U) << "nothing of the refused command";
    EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 7)).status, 0);
}

TEST_F(Atomic, PutsBackWhatWasThereHoweverOftenThatFails) {
    host->run(cdb10(0x2a, 8, 16), 0, filled(16 * 512, 1));
    scene.disk->pace = Pace::on_request;
    Task& write = host->send(atomic(8, 16), 0, filled(16 * 512, 5));
    scene.world.run();
    scene.disk->complete_one();
    scene.world.run();
    scene.disk->torn_bytes = 3 * 512;
    scene.disk->fails = device::IoError::unwritable;
    scene.complete_all();
    EXPECT_EQ(write.sense_code(), 0x030c00U);
    Task& beside = other->send(cdb10(0x28, 10, 1), 512);
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_FALSE(beside.ended) << "half of it is there";
    scene.disk->fails.reset();
    scene.disk->pace = Pace::at_once;
    scene.complete_all();
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_EQ(beside.data_received, filled(512, 1));
    EXPECT_TRUE(scene.holds(8, 16, 1));
}

TEST_F(Atomic, KeepsNobodyFromARangeThatAFullStoreHasNoRoomFor) {
    host->run(cdb10(0x2a, 8, 16), 0, filled(16 * 512, 1));
    scene.disk->fails = device::IoError::no_space;
    for (const std::uint64_t torn : {std::uint64_t{0}, std::uint64_t{3}}) {
        scene.disk->torn_bytes = torn * 512;
        EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 5)).sense_code(), 0x072707U);
        Task& beside = other->send(cdb10(0x28, 8, 16), 16 * 512);
        scene.world.advance(std::chrono::seconds{1});
        ASSERT_TRUE(beside.ended) << "though what was there cannot be written either";
        EXPECT_EQ(beside.data_received, filled(16 * 512, 1));
        EXPECT_EQ(store->content[Kept::atomic_write], "");
    }
    EXPECT_GE(scene.disk->flushes, 2U);
    scene.disk->fails.reset();
    EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 6)).status, 0) << "the journal is free";
    EXPECT_TRUE(scene.holds(8, 16, 6));
}

TEST_F(Atomic, KeepsEverybodyFromARangeOfWhichAFullStoreHasTakenAPart) {
    host->run(cdb10(0x2a, 8, 16), 0, filled(16 * 512, 1));
    scene.disk->fails = device::IoError::no_space;
    scene.disk->torn_bytes = 3 * 512;
    scene.disk->on_write = [this] { scene.disk->torn_bytes = scene.disk->writes_ended <= 2 ? 3 * 512 : 0; };
    EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 5)).sense_code(), 0x072707U);
    Task& beside = other->send(cdb10(0x28, 8, 16), 16 * 512);
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_FALSE(beside.ended) << "half of it is there";
    scene.disk->fails.reset();
    scene.world.advance(std::chrono::seconds{1});
    EXPECT_EQ(beside.data_received, filled(16 * 512, 1));
}

TEST_F(Atomic, EndsAsManyAtATimeAsAreSent) {
    scene.disk->pace = Pace::by_seed;
    std::vector<Task*> writes;
    for (unsigned i = 0; i < 40; ++i) {
        Initiator& from = i % 2 == 0 ? *host : *other;
        writes.push_back(&from.send(atomic(i % 4 * 8, 16), 0, filled(16 * 512, i + 1)));
    }
    scene.world.run();
    for (const Task* const each : writes) {
        EXPECT_EQ(each->status, 0);
    }
    for (std::uint64_t lba = 0; lba < 40; lba += 8) {
        EXPECT_TRUE(scene.holds(lba, 8, std::to_integer<unsigned>(scene.disk->block(lba)[0]))) << lba;
    }
}

TEST_F(Atomic, AbortedWhileItWaitsWritesNothing) {
    scene.disk->pace = Pace::on_request;
    Task& first = host->send(atomic(8, 16), 0, filled(16 * 512, 5));
    scene.world.run();
    Task& second = host->send(atomic(8, 16), 0, filled(16 * 512, 6));
    scene.world.run();
    host->begin(TaskFunction::abort_task, 0, second.tag.value);
    scene.complete_all();
    EXPECT_EQ(first.status, 0);
    EXPECT_TRUE(second.was_dropped);
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_TRUE(scene.holds(8, 16, 5));
}

TEST_F(Atomic, GoesOnAfterARestartBeforeAnybodyReads) {
    const ByteVector bytes = filled(4 * 512, 5);
    const auto kept = std::make_shared<MemoryStore>();
    kept->content[Kept::atomic_write] = keep_image(8, 512, bytes);
    Scene again{{.cores = 2, .store = kept}};
    const auto early = again.login(1, true);
    again.world.run();
    early->clear_attentions();
    EXPECT_EQ(early->run(cdb10(0x28, 8, 4), 4 * 512).data_received, bytes);
    EXPECT_EQ(kept->content[Kept::atomic_write], "");
}

TEST_F(Atomic, IsNotReadyUntilItHasGoneOn) {
    const auto kept = std::make_shared<MemoryStore>();
    kept->content[Kept::atomic_write] = keep_image(8, 512, filled(512, 5));
    kept->fails = true;
    Scene again{{.cores = 2, .store = kept}};
    const auto early = again.login(1);
    EXPECT_EQ(early->run(cdb10(0x28, 8, 1), 512).sense_code(), 0x020401U);
    kept->fails = false;
    again.world.advance(std::chrono::seconds{1});
    early->clear_attentions();
    EXPECT_EQ(early->run(cdb10(0x28, 8, 1), 512).data_received, filled(512, 5));
}

TEST_F(Atomic, StaysNotReadyWithWhatItCannotUse) {
    const std::string good = keep_image(8, 512, filled(512, 5));
    const device::Geometry geometry{.blocks = 2048, .block_size = 512};
    EXPECT_TRUE(kept_image(good, geometry));
    EXPECT_FALSE(kept_image(good, {.blocks = 8, .block_size = 512})) << "the device has shrunk";
    EXPECT_FALSE(kept_image(good, {.blocks = 2048, .block_size = 1024})) << "another block size";
    for (std::size_t i = 0; i < good.size(); i += 7) {
        std::string damaged = good;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        EXPECT_FALSE(kept_image(damaged, geometry)) << i;
        EXPECT_FALSE(kept_image(std::string_view(good).substr(0, i), geometry)) << i;
    }
    const auto kept = std::make_shared<MemoryStore>();
    kept->content[Kept::atomic_write] = good.substr(1);
    Scene again{{.store = kept}};
    const auto early = again.login();
    again.world.advance(std::chrono::seconds{5});
    EXPECT_EQ(early->run(cdb10(0x28, 8, 1), 512).sense_code(), 0x020401U);
}

TEST_F(Atomic, WritesNothingOverAMediumThatIsErased) {
    const auto kept = std::make_shared<MemoryStore>();
    kept->content[Kept::atomic_write] = keep_image(8, 512, filled(512, 5));
    scsi::Erasure erasure;
    erasure.kind = scsi::Erasure::Kind::block_erase;
    kept->content[Kept::sanitize] = scsi::keep(erasure);
    Scene again{{.store = kept}};
    const auto early = again.login();
    again.world.run();
    early->clear_attentions();
    EXPECT_EQ(early->run(cdb10(0x28, 8, 1), 512).data_received, filled(512, 0));
    EXPECT_EQ(kept->content[Kept::atomic_write], "") << "nor at the next start";
}

TEST_F(Atomic, PutsNothingBackOntoAMediumThatWasErasedSince) {
    const ByteVector erase = cdb({0x48, 0x82, 0, 0, 0, 0, 0, 0, 0, 0});
    const ByteVector format = cdb({0x04, 0, 0, 0, 0, 0});
    for (const bool formats : {false, true}) {
        for (const bool writes_meanwhile : {false, true}) {
            SCOPED_TRACE(std::string(formats ? "format" : "sanitize") +
                         (writes_meanwhile ? ", in between" : ""));
            host->run(cdb10(0x2a, 8, 16), 0, filled(16 * 512, 1));
            scene.disk->torn_bytes = 3 * 512;
            scene.disk->fails = device::IoError::unwritable;
            EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 5)).sense_code(), 0x030c00U);
            if (writes_meanwhile) {
                scene.disk->pace = Pace::on_request;
                scene.world.advance(std::chrono::milliseconds{60});
                ASSERT_EQ(scene.disk->pending(), 1U) << "it is being put back";
            }
            scene.disk->fails.reset();
            Task& erased = host->send(formats ? format : erase);
            scene.world.run();
            scene.complete_all();
            scene.world.advance(std::chrono::seconds{1});
            scene.complete_all();
            scene.world.advance(std::chrono::seconds{1});
            EXPECT_EQ(erased.status, 0);
            EXPECT_TRUE(scene.holds(8, 16, 0));
            scene.disk->pace = Pace::at_once;
            EXPECT_EQ(other->run(cdb10(0x28, 8, 16), 16 * 512).data_received, filled(16 * 512, 0));
            EXPECT_EQ(host->run(atomic(8, 16), 0, filled(16 * 512, 6)).status, 0) << "the journal is free";
        }
    }
}

TEST(AtomicInMemory, NeedsNoJournal) {
    Scene scene{{.cores = 2, .blocks = 4096, .can = device::Capabilities{.survives_crash = false}}};
    const auto host = scene.login(1);
    EXPECT_EQ(host->run(atomic(8, 2048), 0, filled(2048 * 512, 5)).status, 0);
    EXPECT_EQ(host->run(atomic(8, 2049), 0, filled(2049 * 512, 5)).sense_code(), 0x052400U);
}

TEST(AtomicWithoutAJournal, IsNotOffered) {
    Scene scene;
    const auto host = scene.login();
    EXPECT_EQ(host->run(atomic(8, 1), 0, filled(512, 5)).sense_code(), 0x052000U);
    EXPECT_EQ(host->run(cdb({0x12, 1, 0xb0, 0, 64, 0}), 64).data_received[47], std::byte{0});
}

}  // namespace
}  // namespace targe::engine::testing
