#include "admin/state_directory.h"

#include "admin/crashing_files.h"
#include "admin/state_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace targe::admin {
namespace {

using testing::HasSubstr;

std::vector<DeviceConfig> devices(std::initializer_list<std::string> names) {
    std::vector<DeviceConfig> all;
    for (const std::string& name : names) {
        all.push_back({.name = name});
    }
    return all;
}

class StateDirectories : public testing::Test {
protected:
    StateDirectory open() {
        auto opened = StateDirectory::open("/state", files_);
        EXPECT_TRUE(opened) << to_string(opened.error());
        return std::move(*opened);
    }
    CrashingFiles files_{1};
};

TEST_F(StateDirectories, MakeAnIdentityOnce) {
    const auto made = open().identities(devices({"a", "b"}));
    ASSERT_TRUE(made);
    EXPECT_NE(made->at(0), made->at(1));
    const auto kept = open().identities(devices({"b", "c", "a"}));
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->at(0), made->at(1));
    EXPECT_EQ(kept->at(2), made->at(0));
}

TEST_F(StateDirectories, KeepTheIdentityOfADeviceThatIsAwayForAWhile) {
    const auto made = open().identities(devices({"a"}));
    ASSERT_TRUE(open().identities(devices({"b"})));
    EXPECT_EQ(open().identities(devices({"a"})).value(), made.value());
}

TEST_F(StateDirectories, PreferWhatWasSetByHand) {
    std::vector<DeviceConfig> mine = devices({"a", "b"});
    mine[0].serial = "S1";
    mine[1].serial = "S2";
    mine[1].naa = "5000000000000001";
    const auto made = open().identities(mine);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->at(0).serial, "S1");
    EXPECT_TRUE(valid_naa(made->at(0).naa));
    EXPECT_EQ(made->at(1), (Identity{.serial = "S2", .naa = "5000000000000001"}));
}

TEST_F(StateDirectories, AreWrittenOnlyWhenSomethingIsNew) {
    ASSERT_TRUE(open().identities(devices({"a"})));
    StateDirectory again = open();
    files_.cut_after(0);
    EXPECT_TRUE(again.identities(devices({"a"})));
}

TEST_F(StateDirectories, NeverTakeADamagedFileForNone) {
    ASSERT_TRUE(open().identities(devices({"a"})));
    std::string damaged = files_.contents().at("/state/identities");
    damaged[damaged.size() / 2] = 'x';
    files_.put("/state/identities", damaged);
    const auto answer = open().identities(devices({"a"}));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().what, "the state file /state/identities is damaged");
    EXPECT_THAT(answer.error().cure, HasSubstr("backup"));
    EXPECT_EQ(files_.contents().at("/state/identities"), damaged);
}

TEST_F(StateDirectories, RefuseWhatAProgramWroteWrong) {
    for (const std::string_view content : {"", "[]", "{\"devices\": 1}", "{\"devices\": {\"a\": {}}}",
                                           "{\"devices\": {\"a\": {\"serial\": \"1\", \"naa\": \"1\"}}}"}) {
        files_.put("/state/identities", seal_state("identities", content));
        EXPECT_FALSE(open().identities(devices({"a"}))) << content;
    }
}

TEST_F(StateDirectories, BelongToOneDaemon) {
    const StateDirectory first = open();
    const auto second = StateDirectory::open("/state", files_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().what,
              "the state directory /state is in use by process " + std::to_string(::getpid()));
}

TEST_F(StateDirectories, SayWhatFailedAndKeepWhatWas) {
    ASSERT_TRUE(open().store("x", "old"));
    for (std::size_t step = 0; step < 4; ++step) {
        StateDirectory directory = open();
        files_.fail_after(step, ENOSPC);
        const auto stored = directory.store("x", "new");
        ASSERT_FALSE(stored) << step;
        EXPECT_THAT(stored.error().cure, HasSubstr("df -h /state"));
        EXPECT_EQ(directory.load("x").value(), std::optional<std::string>("old")) << step;
    }
}

TEST(StateDirectoryCrash, LeavesTheDirectoriesThatItMade) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed=" << seed);
        CrashingFiles files(seed);
        {
            auto directory = StateDirectory::open("/deep/er/state", files);
            ASSERT_TRUE(directory && directory->store("x", "content"));
        }
        files.restart();
        auto directory = StateDirectory::open("/deep/er/state", files);
        ASSERT_TRUE(directory);
        ASSERT_EQ(directory->load("x").value(), std::optional<std::string>("content"));
    }
}

// Else what was stored is lost with one that systemd has made, or a daemon that was killed at once.
TEST(StateDirectoryCrash, LeavesTheDirectoryThatWasThere) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed=" << seed);
        CrashingFiles files(seed);
        ASSERT_TRUE(files.make_directory("/state", 0700));
        {
            auto directory = StateDirectory::open("/state", files);
            ASSERT_TRUE(directory && directory->store("x", "content"));
        }
        files.restart();
        auto directory = StateDirectory::open("/state", files);
        ASSERT_EQ(directory->load("x").value(), std::optional<std::string>("content"));
    }
}

// The rule that matters: whenever the power goes, afterwards there is the old content or the new, and after a
// store() that ended well only the new.
TEST(StateDirectoryCrash, LeavesTheOldOrTheNewAtEveryStep) {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        for (std::size_t step = 0; step < 6; ++step) {
            SCOPED_TRACE(testing::Message() << "seed=" << seed << " step=" << step);
            CrashingFiles files(seed);
            {
                auto directory = StateDirectory::open("/state", files);
                ASSERT_TRUE(directory && directory->store("x", "old content"));
                files.cut_after(step);
                const bool acknowledged = directory->store("x", "the new content").has_value();
                ASSERT_EQ(acknowledged, !files.is_cut());
                files.restart();
                if (acknowledged) {
                    ASSERT_EQ(directory->load("x").value(), std::optional<std::string>("the new content"));
                }
            }
            auto directory = StateDirectory::open("/state", files);
            ASSERT_TRUE(directory);
            const auto content = directory->load("x");
            ASSERT_TRUE(content) << to_string(content.error());
            ASSERT_TRUE(content->has_value());
            seen.insert(**content);
            // And what a crash left behind is in nobody's way.
            ASSERT_TRUE(directory->store("x", "after"));
            ASSERT_EQ(directory->load("x").value(), std::optional<std::string>("after"));
        }
    }
    EXPECT_EQ(seen, (std::set<std::string>{"old content", "the new content"}));
}

class RealFiles : public testing::Test {
protected:
    RealFiles() { std::filesystem::remove_all(path_); }
    ~RealFiles() override { std::filesystem::remove_all(path_); }
    std::string path_ = testing::TempDir() + "targe-state-" + std::to_string(::getpid()) + "/deep/er";
};

TEST_F(RealFiles, KeepStateAcrossOpenings) {
    std::vector<Identity> made;
    {
        auto directory = StateDirectory::open(path_);
        ASSERT_TRUE(directory) << to_string(directory.error());
        made = directory->identities(devices({"a", "b"})).value();
        EXPECT_FALSE(StateDirectory::open(path_));
    }
    auto directory = StateDirectory::open(path_);
    ASSERT_TRUE(directory);
    EXPECT_EQ(directory->identities(devices({"a", "b"})).value(), made);
    EXPECT_EQ(directory->load("nothing").value(), std::optional<std::string>());
}

TEST_F(RealFiles, AreNobodyElsesHoweverTheirPlaceIsWritten) {
    ASSERT_TRUE(StateDirectory::open(path_ + "/"));
    EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(RealFiles, KeepNothingWhereAnotherDirectoryHasTakenTheirPlace) {
    auto directory = StateDirectory::open(path_);
    ASSERT_TRUE(directory && directory->store("x", "before"));
    const std::string aside = path_ + "-aside";
    std::filesystem::rename(path_, aside);
    for (const bool there : {false, true}) {
        if (there) {
            std::filesystem::create_directory(path_);
        }
        const auto stored = directory->store("x", "after");
        ASSERT_FALSE(stored);
        EXPECT_THAT(stored.error().what, HasSubstr("is not the one that targed has begun with"));
        EXPECT_FALSE(directory->load("x"));
        EXPECT_FALSE(directory->identities(devices({"a"})));
    }
    EXPECT_TRUE(std::filesystem::is_empty(path_));
    std::filesystem::remove(path_);
    std::filesystem::rename(aside, path_);
    EXPECT_EQ(directory->load("x").value(), std::optional<std::string>("before"));
    EXPECT_TRUE(directory->store("x", "after"));
}

TEST_F(RealFiles, SayWhatIsWrongWithAPlaceThatIsNone) {
    const auto directory = StateDirectory::open("/proc/targe");
    ASSERT_FALSE(directory);
    EXPECT_EQ(directory.error().what, "the state directory /proc/targe cannot be used");
    EXPECT_THAT(directory.error().cause, HasSubstr("create the directory /proc/targe: "));
}

}  // namespace
}  // namespace targe::admin
