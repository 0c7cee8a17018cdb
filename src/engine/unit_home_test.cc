// Ranges of blocks that commands hold: in which order those get them who wait.
#include "engine/unit_home.h"

#include "engine/background.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace targe::engine::testing {
namespace {

/// Takes ranges on one core, and notes who has got his.
struct RangeHolds : ::testing::Test {
    static Background acquire(RangeHold& hold, std::vector<int>& got, int who) {
        co_await hold.acquire();
        got.push_back(who);
    }
    /// Number `who`, counted from 0.
    void take(BlockRange range) {
        const int who = static_cast<int>(holds.size());
        holds.push_back(std::make_unique<RangeHold>(*scene.unit, scene.world.core(0), range));
        scene.world.as(scene.world.core(0), [&] { acquire(*holds.back(), got, who); });
        scene.world.run();
    }
    void release(std::size_t who) {
        scene.world.as(scene.world.core(0), [&] { holds[who]->release(); });
        scene.world.run();
    }
    using Got = std::vector<int>;

    Scene scene{{.cores = 2}};
    std::vector<std::unique_ptr<RangeHold>> holds;
    Got got;
};

TEST_F(RangeHolds, AreApartWhereTheyDoNotOverlap) {
    take({.lba = 0, .blocks = 8});
    take({.lba = 8, .blocks = 8});
    EXPECT_EQ(got, (Got{0, 1}));
    take({.lba = 7, .blocks = 2});
    EXPECT_EQ(got, (Got{0, 1}));
    release(0);
    EXPECT_EQ(got, (Got{0, 1})) << "the second is held";
    release(1);
    EXPECT_EQ(got, (Got{0, 1, 2}));
    release(2);
}

// Else one that wants much would wait for ever behind a row of others that want little.
TEST_F(RangeHolds, AreNotGivenToWhoeverCameAfterOneThatWaitsForThem) {
    take({.lba = 0, .blocks = 8});
    take({.lba = 4, .blocks = 8});
    take({.lba = 10, .blocks = 4});  // that nobody holds
    take({.lba = 20, .blocks = 4});
    EXPECT_EQ(got, (Got{0, 3})) << "the third waits behind the second";
    release(0);
    EXPECT_EQ(got, (Got{0, 3, 1}));
    release(1);
    EXPECT_EQ(got, (Got{0, 3, 1, 2}));
    release(2);
    release(3);
}

TEST_F(RangeHolds, AreGivenInTheOrderInWhichTheyWereWanted) {
    for (int i = 0; i < 5; ++i) {
        take({.lba = 0, .blocks = 8});
    }
    for (std::size_t who = 0; who < 5; ++who) {
        ASSERT_EQ(got.size(), who + 1) << "one at a time";
        EXPECT_EQ(got.back(), static_cast<int>(who));
        release(who);
    }
}

}  // namespace
}  // namespace targe::engine::testing
