#include "iscsi/auth_policy.h"

#include <gtest/gtest.h>

namespace targe::iscsi {
namespace {

AuthPolicy mutual() {
    return {.method = AuthMethod::chap,
            .initiators = {{.name = "alice", .secret = "alice's long secret"},
                           {.name = "bob", .secret = "bob's long secret"},
                           {.name = "carol", .secret = "carol's long secret"}},
            .target = ChapAccount{.name = "target", .secret = "the target's secret"}};
}

TEST(AuthPolicy, IsCheckedWhenItIsWritten) {
    EXPECT_FALSE(find_fault(AuthPolicy{}));
    EXPECT_FALSE(find_fault(mutual()));
    const auto faulty = [](auto change) {
        AuthPolicy policy = mutual();
        change(policy);
        return find_fault(policy).has_value();
    };
    EXPECT_TRUE(faulty([](AuthPolicy& p) { p.initiators.clear(); }));
    EXPECT_TRUE(faulty([](AuthPolicy& p) { p.algorithms.clear(); }));
    EXPECT_TRUE(faulty([](AuthPolicy& p) { p.initiators[1].name = "alice"; }));
    EXPECT_TRUE(faulty([](AuthPolicy& p) { p.initiators[1].secret = ""; }));
    EXPECT_TRUE(faulty([](AuthPolicy& p) { p.initiators[1].secret = std::string(256, 's'); }));
    EXPECT_TRUE(faulty([](AuthPolicy& p) { p.initiators[1].name = std::string(256, 'n'); }));
    EXPECT_TRUE(faulty([](AuthPolicy& p) { p.initiators[1].name = std::string("a\0b", 3); }));
    EXPECT_TRUE(faulty([](AuthPolicy& p) { p.target->secret = p.initiators[2].secret; }));
    EXPECT_TRUE(faulty([](AuthPolicy& p) { p.target->name = ""; }));
}

}  // namespace
}  // namespace targe::iscsi
