// Nothing that a peer sends may crash, leak or be remembered without bound: run under the sanitizers.
#include "iscsi/testing/session_fuzz.h"

#include <gtest/gtest.h>

namespace targe::iscsi {
namespace {

constexpr std::uint32_t kRecordings = 200;
constexpr std::uint32_t kMutationsEach = 35;

std::size_t run(bool login_only, std::uint32_t first_seed) {
    std::size_t reached = 0;
    for (std::uint32_t recording = 0; recording < kRecordings; ++recording) {
        const auto original = testing::record_session(first_seed + recording, login_only);
        for (std::uint32_t i = 0; i < kMutationsEach; ++i) {
            const std::uint32_t seed = first_seed + recording * kMutationsEach + i;
            SCOPED_TRACE("recording=" + std::to_string(first_seed + recording) +
                         " seed=" + std::to_string(seed));
            std::mt19937 random(seed);
            auto damaged = original;
            testing::mutate(damaged, random);
            reached += testing::replay(damaged, seed).reached_full_feature ? 1 : 0;
        }
    }
    return reached;
}

TEST(Mutation, OfSessionsIsSurvived) {
    EXPECT_GT(run(false, 1000), kRecordings * kMutationsEach / 2) << "most damage comes after the login";
}

TEST(Mutation, OfLoginsIsSurvived) {
    EXPECT_GT(run(true, 500'000), 0U);
}

TEST(Mutation, UndamagedSessionsReachTheirEnd) {
    for (std::uint32_t seed = 1; seed <= 200; ++seed) {
        const auto original = testing::record_session(seed, false);
        EXPECT_TRUE(testing::replay(original, seed).reached_full_feature) << "seed=" << seed;
    }
}

}  // namespace
}  // namespace targe::iscsi
