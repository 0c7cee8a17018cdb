// What the Debian package takes away of the state directory when it is purged: all that is written here, and
// nothing that may be a user's.
#include "admin/config.h"
#include "admin/state_directory.h"
#include "admin/target_ports.h"
#include "daemon/served_images.h"
#include "daemon/unit_store.h"
#include "device/testing_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace targe::daemon {
namespace {

using engine::Kept;

/// The function of the package's script, for another folder than /var/lib/targe.
std::string purge_of(const std::string& folder) {
    std::ifstream in(std::string(TARGE_PACKAGING) + "/debian/targe.postrm");
    std::string script{std::istreambuf_iterator<char>(in), {}};
    const std::size_t begin = script.find("purge_state() {");
    const std::size_t end = script.find("\n}\n", begin);
    EXPECT_NE(end, std::string::npos) << "the script has no function purge_state any more";
    script = script.substr(begin, end + 3 - begin);
    const std::string installed = "/var/lib/targe";
    for (std::size_t at = script.find(installed); at != std::string::npos; at = script.find(installed, at)) {
        script.replace(at, installed.size(), folder);
        at += folder.size();
    }
    return script + "purge_state\n";
}

int run(std::string script) {
    std::string shell = "sh";
    std::string option = "-ec";
    const std::array<char*, 4> arguments{shell.data(), option.data(), script.data(), nullptr};
    pid_t child = 0;
    EXPECT_EQ(::posix_spawn(&child, "/bin/sh", nullptr, nullptr, arguments.data(), environ), 0);
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        names.push_back(entry.path().filename().string());
    }
    return names;
}

class PurgedState : public ::testing::Test {
protected:
    void keep(const std::string& name, StoreOwner owner, Kept what, const std::string& content) {
        const auto store = DirectoryUnitStore::open(*state_, name, owner, {.path = "/srv/disk.img"});
        ASSERT_TRUE(store) << store.error().cause;
        EXPECT_TRUE(on_.run([&](base::CommandArena& arena) { return (*store)->keep(arena, what, content); }));
    }

    const device::testing::ScratchDirectory directory_;
    const std::string path_ = directory_ / "state";
    std::expected<admin::StateDirectory, admin::Problem> state_ = admin::StateDirectory::open(path_);
    device::testing::OnReactor on_;
};

TEST_F(PurgedState, IsAllThatIsWrittenHereAndNothingOfAUsers) {
    ASSERT_TRUE(state_) << state_.error().cause;
    const std::vector<admin::DeviceConfig> devices{{.name = "disk0"}};
    const std::vector<admin::TargetConfig> targets{
        {.name = "iqn.2026-11.io.targe:a", .portals = {admin::PortalConfig{}}}};
    EXPECT_TRUE(state_->identities(devices));
    EXPECT_TRUE(admin::target_ports(*state_, targets));
    EXPECT_TRUE(
        ServedImages{}.remember(*state_, {.devices = {{.name = "disk0", .handler = admin::Handler::file}}}));
    for (const Kept what : DirectoryUnitStore::kSubjects) {
        const bool of_group = what == Kept::access_states;
        const bool unfinished = what == Kept::sanitize || what == Kept::atomic_write;
        keep(of_group ? "group0" : "disk0", of_group ? StoreOwner::device_group : StoreOwner::unit, what,
             unfinished ? "" : "content");
    }
    const std::vector<std::string> written = names_in(path_);
    EXPECT_EQ(written.size(), 4 + DirectoryUnitStore::kSubjects.size())
        << ::testing::PrintToString(written);  // lock, identities, images and target-ports are the others
    std::ofstream(path_ + "/identities.new") << "cut off";
    std::ofstream(path_ + "/mine.txt") << "a user's";
    keep("disk1", StoreOwner::unit, Kept::sanitize, "not finished");
    keep("disk1", StoreOwner::unit, Kept::atomic_write, "not finished");
    EXPECT_EQ(run(purge_of(path_)), 0);
    EXPECT_THAT(names_in(path_), ::testing::UnorderedElementsAre("mine.txt", "unit.disk1.sanitize",
                                                                 "unit.disk1.atomic-write"));
}

}  // namespace
}  // namespace targe::daemon
