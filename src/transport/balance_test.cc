#include "transport/balance.h"

#include <gtest/gtest.h>

#include <vector>

namespace targe::transport {
namespace {

constexpr base::CoreId kFirst{0};
constexpr base::CoreId kSecond{1};

std::vector<SessionLoad> sessions(std::initializer_list<Load> loads) {
    std::vector<SessionLoad> made;
    for (const Load load : loads) {
        made.push_back({.load = load, .movable = true});
    }
    return made;
}

TEST(Placements, GoToTheLeastBusyCore) {
    Placement placement(2);
    placement.measured(kFirst, 900);
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(placement.choose(), kSecond) << "however many are there";
    }
}

TEST(Placements, GoToTheCoreWithFewerConnectionsWhereLoadsAreAlike) {
    Placement placement(2);
    placement.measured(kFirst, 30);
    EXPECT_EQ(placement.choose(), kFirst);
    EXPECT_EQ(placement.choose(), kSecond);
    EXPECT_EQ(placement.choose(), kFirst);
    placement.measured(kFirst, 30);
    placement.left(kFirst);
    placement.left(kFirst);
    EXPECT_EQ(placement.choose(), kFirst);
}

TEST(Placements, CountOnWhatHasJustCome) {
    Placement placement(2);
    placement.measured(kFirst, 400);
    int second = 0;
    for (int i = 0; i < 20; ++i) {
        second += placement.choose() == kSecond ? 1 : 0;
    }
    EXPECT_GT(second, 10);
    EXPECT_LT(second, 20);
}

TEST(Balance, GivesAwayWhatClosesTheGap) {
    Placement placement(2);
    placement.measured(kFirst, 900);
    placement.measured(kSecond, 100);
    const auto move = find_move(placement, kFirst, sessions({100, 380, 420}));
    ASSERT_TRUE(move);
    EXPECT_EQ(move->to, kSecond);
    EXPECT_NE(move->session, 0U);
}

TEST(Balance, KeepsTheOnlySessionThatThereIs) {
    Placement placement(2);
    placement.measured(kFirst, 900);
    placement.busy_sessions(kFirst, 1);
    EXPECT_FALSE(find_move(placement, kFirst, sessions({900})));
}

TEST(Balance, LeavesAlmostEvenCoresAlone) {
    Placement placement(2);
    placement.measured(kFirst, 700);
    placement.measured(kSecond, 500);
    EXPECT_FALSE(find_move(placement, kFirst, sessions({100, 100, 500})));
}

TEST(Balance, LeavesCoresAloneThatHaveLittleToDo) {
    Placement placement(2);
    placement.measured(kFirst, 280);
    EXPECT_FALSE(find_move(placement, kFirst, sessions({140, 140})));
}

TEST(Balance, CountsBusySessionsWhereNoCoreCouldDoMore) {
    Placement placement(2);
    placement.measured(kFirst, 1000);
    placement.measured(kSecond, 990);
    placement.busy_sessions(kFirst, 3);
    placement.busy_sessions(kSecond, 1);
    EXPECT_TRUE(find_move(placement, kFirst, sessions({333, 333, 333})));
    placement.busy_sessions(kSecond, 2);
    EXPECT_FALSE(find_move(placement, kFirst, sessions({333, 333, 333})));
}

TEST(Balance, PassesOverWhatMayNotMove) {
    Placement placement(2);
    placement.measured(kFirst, 1000);
    auto all = sessions({500, 490});
    all[0].movable = false;
    const auto move = find_move(placement, kFirst, all);
    ASSERT_TRUE(move);
    EXPECT_EQ(move->session, 1U);
    all[1].movable = false;
    EXPECT_FALSE(find_move(placement, kFirst, all));
}

/// Whatever the loads: a move makes the cores more even, and none follows that undoes it.
TEST(Balance, NeverMovesToAndFro) {
    for (Load a = 50; a <= 900; a += 50) {
        for (Load b = 50; a + b <= 1000; b += 50) {
            for (Load there = 0; there <= 1000; there += 50) {
                Placement placement(2);
                placement.measured(kFirst, a + b);
                placement.measured(kSecond, there);
                placement.busy_sessions(kFirst, 2);
                placement.busy_sessions(kSecond, there >= 50 ? 1 : 0);
                const auto all = sessions({a, b});
                const auto move = find_move(placement, kFirst, all);
                if (!move) {
                    continue;
                }
                const Load gone = all[move->session].load;
                placement.measured(kFirst, a + b - gone);
                placement.measured(kSecond, there + gone);
                placement.busy_sessions(kFirst, 1);
                placement.busy_sessions(kSecond, there >= 50 ? 2 : 1);
                const auto back = find_move(placement, kSecond, sessions({there, gone}));
                EXPECT_FALSE(back && back->session == 1) << a << ' ' << b << ' ' << there;
            }
        }
    }
}

}  // namespace
}  // namespace targe::transport
