#include "daemon/unit_store.h"

#include "admin/crashing_files.h"
#include "device/testing_device.h"
#include "scsi/log_parameters.h"
#include "scsi/persistent_reservation_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace targe::daemon {
namespace {

using engine::Kept;

constexpr const char* kFile = "unit.disk0.reservations";

admin::StateDirectory directory_in(admin::CrashingFiles& files) {
    auto opened = admin::StateDirectory::open("/state", files);
    EXPECT_TRUE(opened);
    return std::move(*opened);
}

scsi::PersistentReservations registered(std::size_t registrants) {
    scsi::PersistentReservations unit;
    unit.through_power_loss = true;
    for (std::size_t i = 1; i <= registrants; ++i) {
        unit.registrants.push_back(
            {.nexus = {.target_port = 1, .initiator = {.isid = i, .name = "iqn.a"}}, .key = i});
    }
    unit.reserved = scsi::ReservationType::write_exclusive;
    unit.holder = unit.registrants.front().nexus;
    return unit;
}

TEST(UnitStore, KeepsWhatWasThereOrWhatWasToBeThereAtEveryStepOfACrash) {
    const scsi::PersistentReservations before = registered(2);
    const scsi::PersistentReservations after = registered(3);
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        for (std::size_t step = 0; step < 6; ++step) {
            SCOPED_TRACE(::testing::Message() << "seed=" << seed << " step=" << step);
            admin::CrashingFiles files{seed};
            bool answered = false;
            {
                admin::StateDirectory directory = directory_in(files);
                ASSERT_TRUE(directory.store(kFile, scsi::to_text(before)));
                files.cut_after(step);
                answered = directory.store(kFile, scsi::to_text(after)).has_value();
            }
            files.restart();
            admin::StateDirectory directory = directory_in(files);
            const auto store = DirectoryUnitStore::open(directory, "disk0");
            ASSERT_TRUE(store);
            const auto found =
                scsi::reservations_from_text((*store)->kept(Kept::persistent_reservation).value());
            ASSERT_TRUE(found == after || (!answered && found == before));
        }
    }
}

TEST(UnitStore, KeepsTheLogAsItWasOrAsItWasToBeAtEveryStepOfACrash) {
    constexpr const char* kLog = "unit.disk0.log-parameters";
    scsi::KeptLog before;
    before.parameters.accounting_date = "202648";
    scsi::KeptLog after = before;
    scsi::LogParameters::Application note{};
    note.fill(std::byte{7});
    after.parameters.set_application(3, note);
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        for (std::size_t step = 0; step < 6; ++step) {
            SCOPED_TRACE(::testing::Message() << "seed=" << seed << " step=" << step);
            admin::CrashingFiles files{seed};
            bool answered = false;
            {
                admin::StateDirectory directory = directory_in(files);
                ASSERT_TRUE(directory.store(kLog, scsi::keep(before)));
                files.cut_after(step);
                answered = directory.store(kLog, scsi::keep(after)).has_value();
            }
            files.restart();
            admin::StateDirectory directory = directory_in(files);
            const auto store = DirectoryUnitStore::open(directory, "disk0");
            ASSERT_TRUE(store);
            const auto found = scsi::kept_log((*store)->kept(Kept::log_parameters).value());
            ASSERT_TRUE(found == after || (!answered && found == before));
        }
    }
}

/// Of the unit disk0 at the path.
auto store_at(admin::StateDirectory& directory, const std::string& path) {
    return DirectoryUnitStore::open(directory, "disk0", StoreOwner::unit, path);
}

TEST(UnitStore, LetsNoUnfinishedWorkGoOnElsewhere) {
    device::testing::OnReactor on;
    for (const Kept work : {Kept::sanitize, Kept::atomic_write}) {
        admin::CrashingFiles files{1};
        admin::StateDirectory directory = directory_in(files);
        const std::string content("\0\1on ", 5);
        const auto keep = [&](const std::string& what) {
            const auto store = store_at(directory, "/srv/a.img");
            return on.run([&](base::CommandArena& arena) { return store.value()->keep(arena, work, what); });
        };
        EXPECT_TRUE(keep(content));
        EXPECT_EQ(store_at(directory, "/srv/a.img").value()->kept(work), content);
        const auto moved = store_at(directory, "/srv/b.img");
        ASSERT_FALSE(moved) << "it would overwrite what is there";
        EXPECT_THAT(moved.error().cause, ::testing::HasSubstr("/srv/a.img"));
        EXPECT_THAT(moved.error().cure, ::testing::HasSubstr("/state/unit.disk0."));
        EXPECT_TRUE(keep({}));
        EXPECT_EQ(store_at(directory, "/srv/b.img").value()->kept(work), "") << "it was finished";
    }
}

TEST(UnitStore, TakesUnfinishedWorkOfEarlierVersions) {
    admin::CrashingFiles files{1};
    admin::StateDirectory directory = directory_in(files);
    ASSERT_TRUE(directory.store("unit.disk0.sanitize", std::string("\0\1\0\0", 4)));
    EXPECT_EQ(store_at(directory, "/srv/a.img").value()->kept(Kept::sanitize), std::string("\0\1\0\0", 4));
}

TEST(UnitStore, OfDamagedReservationsHasWhatNobodyCanHaveKept) {
    admin::CrashingFiles files{1};
    admin::StateDirectory directory = directory_in(files);
    ASSERT_TRUE(directory.store(kFile, scsi::to_text(registered(1))));
    std::string damaged = files.contents().at(std::string("/state/") + kFile);
    damaged[damaged.size() / 2] ^= 1;
    files.put(std::string("/state/") + kFile, damaged);
    const auto store = DirectoryUnitStore::open(directory, "disk0");
    ASSERT_TRUE(store) << "the daemon starts";
    const auto kept = (*store)->kept(Kept::persistent_reservation);
    ASSERT_TRUE(kept);
    EXPECT_FALSE(scsi::reservations_from_text(*kept)) << "so the unit takes them for lost";
    const auto other = DirectoryUnitStore::open(directory, "disk1");
    ASSERT_TRUE(other);
    EXPECT_FALSE((*other)->kept(Kept::persistent_reservation)) << "and another unit has none";
}

}  // namespace
}  // namespace targe::daemon
