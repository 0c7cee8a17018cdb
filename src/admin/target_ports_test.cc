#include "admin/target_ports.h"

#include "admin/state_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace targe::admin {
namespace {

struct TargetPortNumbers : testing::Test {
    TargetPortNumbers() { std::filesystem::remove_all(path); }
    ~TargetPortNumbers() override { std::filesystem::remove_all(path); }

    static TargetConfig target(const std::string& name, const std::vector<PortalConfig>& portals) {
        TargetConfig made;
        made.name = name;
        made.portals = portals;
        return made;
    }
    std::expected<TargetPorts, Problem> ports(const std::vector<TargetConfig>& targets) const {
        auto state = StateDirectory::open(path);
        EXPECT_TRUE(state);
        return target_ports(*state, targets);
    }

    std::string path = testing::TempDir() + "targe-ports-" + std::to_string(::getpid());
};

TEST_F(TargetPortNumbers, StayWithAPortWhateverIsConfiguredAround) {
    const TargetConfig a = target("a", {{.group = 1}, {.group = 1}, {.group = 2}});
    const TargetConfig b = target("b", {{.group = 1}});
    const TargetConfig c = target("c", {{.group = 1}});
    EXPECT_EQ(ports({a, b}), (TargetPorts{{{"a", 1}, 1}, {{"a", 2}, 2}, {{"b", 1}, 3}}));
    EXPECT_EQ(ports({c, b}), (TargetPorts{{{"b", 1}, 3}, {{"c", 1}, 4}}));
    EXPECT_EQ(ports({b, a}), (TargetPorts{{{"a", 1}, 1}, {{"a", 2}, 2}, {{"b", 1}, 3}}));
}

TEST_F(TargetPortNumbers, GiveWayToWhatIsConfigured) {
    EXPECT_EQ(ports({target("a", {{.group = 1}})}), (TargetPorts{{{"a", 1}, 1}}));
    EXPECT_EQ(ports({target("b", {{.group = 1, .relative_port = 1}}), target("a", {{.group = 1}})}),
              (TargetPorts{{{"a", 1}, 2}, {{"b", 1}, 1}}));
}

TEST_F(TargetPortNumbers, AreNeverGuessed) {
    for (const std::string_view content : {"", "[]", R"({"a,t,0x0001": 0})", R"({"a,t,0x0001": 65536})"}) {
        {
            auto state = StateDirectory::open(path);
            ASSERT_TRUE(state->store("target-ports", content));
        }
        EXPECT_FALSE(ports({target("a", {{.group = 1}})})) << content;
    }
}

}  // namespace
}  // namespace targe::admin
