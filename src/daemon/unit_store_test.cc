#include "daemon/unit_store.h"

#include "admin/crashing_files.h"
#include "base/log.h"
#include "device/testing_device.h"
#include "scsi/log_parameters.h"
#include "scsi/persistent_reservation_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace targe::daemon {
namespace {

using engine::Kept;
using engine::Unfinished;

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

/// What a process of the daemon has of the unit disk0, at a path that leads to a store with these marks.
class Process {
public:
    Process(admin::CrashingFiles& files, const std::string& path, StoreMarks marks)
        : directory_(directory_in(files)), marks_(std::move(marks)), store_(open(path)) {}

    DirectoryUnitStore& operator*() const { return *store_; }
    DirectoryUnitStore* operator->() const { return store_.get(); }
    void keep(Kept what, const std::string& content) {
        EXPECT_TRUE(on_.run([&](base::CommandArena& arena) { return store_->keep(arena, what, content); }));
    }
    /// The path leads to that store from now on.
    void now_it_is(StoreMarks marks) { marks_ = std::move(marks); }
    void look_again(Unfinished what) {
        on_.run([&](base::CommandArena& arena) { return looked(arena, what); });
    }

private:
    base::Task<bool> looked(base::CommandArena& arena, Unfinished what) {
        co_await store_->look_again(arena, what);
        co_return true;
    }
    std::shared_ptr<DirectoryUnitStore> open(const std::string& path) {
        auto opened = DirectoryUnitStore::open(directory_, "disk0", StoreOwner::unit,
                                               {.path = path, .marks = [this] { return marks_; }});
        EXPECT_TRUE(opened) << "the daemon starts";
        return opened.value();
    }

    device::testing::OnReactor on_;
    admin::StateDirectory directory_;
    StoreMarks marks_;
    std::shared_ptr<DirectoryUnitStore> store_;
};

const StoreMarks kHere{{"WWID", "naa.5"}};
const StoreMarks kOther{{"WWID", "naa.6"}};

class UnfinishedWork : public ::testing::TestWithParam<Kept> {
protected:
    /// Begun by a process that was killed.
    void begin(const std::string& path, const StoreMarks& marks) {
        Process(files_, path, marks).keep(GetParam(), kContent);
    }

    const std::string kContent = std::string("\0\1of \0on ", 9);
    admin::CrashingFiles files_{1};
};

INSTANTIATE_TEST_SUITE_P(UnitStore, UnfinishedWork, ::testing::Values(Kept::sanitize, Kept::atomic_write));

TEST_P(UnfinishedWork, GoesOnOnItsStoreWhateverThePathIsNow) {
    begin("/dev/sda", kHere);
    for (const char* const path : {"/dev/sda", "/dev/sdb"}) {
        const Process again(files_, path, kHere);
        EXPECT_FALSE(again->begun_elsewhere()) << path;
        EXPECT_FALSE(again->begun_on()) << path;
        EXPECT_EQ(again->kept(GetParam()), kContent) << path;
    }
}

TEST_P(UnfinishedWork, DoesNotGoOnOnAnotherStoreUnderItsPath) {
    begin("/dev/sda", kHere);
    static std::string said;
    said.clear();
    base::set_log_sink([](std::string_view line) { said += line; });
    const Process again(files_, "/dev/sda", kOther);
    base::set_log_sink(nullptr);
    EXPECT_TRUE(again->begun_elsewhere()) << "it would overwrite what is there";
    EXPECT_EQ(again->begun_on(), "/dev/sda");
    EXPECT_THAT(said, ::testing::HasSubstr("its WWID was naa.5 and is naa.6"));
    EXPECT_THAT(said, ::testing::HasSubstr("targe device refresh disk0 --here"));
    EXPECT_THAT(said, ::testing::HasSubstr("targe device refresh disk0 --drop"));
}

TEST_P(UnfinishedWork, GoesByThePathWhereNothingElseTells) {
    begin("/srv/a.img", {});
    EXPECT_FALSE(Process(files_, "/srv/a.img", kHere)->begun_elsewhere());
    const Process moved(files_, "/srv/b.img", kHere);
    EXPECT_TRUE(moved->begun_elsewhere());
    EXPECT_EQ(moved->begun_on(), "/srv/a.img");
}

TEST_P(UnfinishedWork, GoesOnWhenItsStoreIsFoundAgain) {
    begin("/dev/sda", kHere);
    Process again(files_, "/dev/sda", kOther);
    again.look_again(Unfinished::compare);
    EXPECT_TRUE(again->begun_elsewhere());
    again.now_it_is(kHere);
    again.look_again(Unfinished::compare);
    EXPECT_FALSE(again->begun_elsewhere());
    EXPECT_EQ(again->kept(GetParam()), kContent);
}

TEST_P(UnfinishedWork, GoesOnWhereItIsToldToAndOnlyThereFromThenOn) {
    begin("/dev/sda", kHere);
    {
        Process again(files_, "/dev/sda", kOther);
        again.look_again(Unfinished::is_here);
        EXPECT_FALSE(again->begun_elsewhere());
        EXPECT_EQ(again->kept(GetParam()), kContent);
    }
    EXPECT_FALSE(Process(files_, "/dev/sdb", kOther)->begun_elsewhere()) << "that is kept, too";
    EXPECT_TRUE(Process(files_, "/dev/sda", kHere)->begun_elsewhere());
}

TEST_P(UnfinishedWork, IsGivenUpWhenThatIsAskedFor) {
    begin("/dev/sda", kHere);
    {
        Process again(files_, "/dev/sda", kOther);
        again.look_again(Unfinished::drop);
        EXPECT_FALSE(again->begun_elsewhere());
        EXPECT_EQ(again->kept(GetParam()), "");
    }
    for (const StoreMarks& marks : {kHere, kOther}) {
        const Process later(files_, "/dev/sda", marks);
        EXPECT_FALSE(later->begun_elsewhere());
        EXPECT_EQ(later->kept(GetParam()), "") << "for good";
    }
}

TEST_P(UnfinishedWork, IsAsItWasWhenThatCannotBeKept) {
    begin("/dev/sda", kHere);
    for (const Unfinished what : {Unfinished::is_here, Unfinished::drop}) {
        {
            Process again(files_, "/dev/sda", kOther);
            files_.cut_after(0);
            again.look_again(what);
            EXPECT_TRUE(again->begun_elsewhere());
        }
        files_.restart();
    }
}

TEST_P(UnfinishedWork, IsNoneOnceItHasEnded) {
    begin("/dev/sda", kHere);
    Process(files_, "/dev/sda", kHere).keep(GetParam(), {});
    const Process other(files_, "/dev/sda", kOther);
    EXPECT_FALSE(other->begun_elsewhere());
    EXPECT_EQ(other->kept(GetParam()), "");
}

TEST_P(UnfinishedWork, OfEarlierVersionsIsReadAndGoesByThePath) {
    const std::string file = GetParam() == Kept::sanitize ? "unit.disk0.sanitize" : "unit.disk0.atomic-write";
    const auto put = [&](const std::string& record) {
        admin::StateDirectory directory = directory_in(files_);
        ASSERT_TRUE(directory.store(file, record));
    };
    put("on /srv/a.img" + std::string(1, '\0') + kContent);
    EXPECT_EQ(Process(files_, "/srv/a.img", kHere)->kept(GetParam()), kContent);
    EXPECT_FALSE(Process(files_, "/srv/a.img", kHere)->begun_elsewhere());
    EXPECT_EQ(Process(files_, "/srv/b.img", kHere)->begun_on(), "/srv/a.img");
    put(kContent);  // of the first
    EXPECT_EQ(Process(files_, "/srv/b.img", kHere)->kept(GetParam()), kContent);
    EXPECT_FALSE(Process(files_, "/srv/b.img", kHere)->begun_elsewhere());
}

TEST(UnitStore, HasUnfinishedWorkOfOneKindThatKeepsTheOtherFromGoingOn) {
    admin::CrashingFiles files{1};
    Process(files, "/dev/sda", kHere).keep(Kept::atomic_write, "a write");
    {
        Process again(files, "/dev/sda", kOther);
        EXPECT_TRUE(again->begun_elsewhere());
        again.keep(Kept::sanitize, "an erasure");
    }
    {
        Process later(files, "/dev/sda", kHere);
        EXPECT_TRUE(later->begun_elsewhere());
        later.look_again(Unfinished::is_here);
    }
    EXPECT_FALSE(Process(files, "/dev/sda", kHere)->begun_elsewhere()) << "both are of this one now";
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
