#include "admin/state_file.h"

#include <gtest/gtest.h>

#include <string>

namespace targe::admin {
namespace {

TEST(StateFile, GivesBackWhatItWasGiven) {
    for (const std::string& content : {std::string(), std::string("a\nb"), std::string(10'000, '\n')}) {
        EXPECT_EQ(open_state("x", seal_state("x", content)), content);
    }
}

TEST(StateFile, CanBeCheckedByHand) {
    EXPECT_EQ(
        seal_state("x", "test"),
        "targe-state 1 x 4 sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\ntest");
}

TEST(StateFile, IsRefusedCutAnywhere) {
    const std::string sealed = seal_state("x", "some content");
    for (std::size_t size = 0; size < sealed.size(); ++size) {
        EXPECT_FALSE(open_state("x", sealed.substr(0, size))) << size;
    }
}

TEST(StateFile, IsRefusedWithAnyBitChanged) {
    const std::string sealed = seal_state("x", "some content");
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        std::string damaged = sealed;
        damaged[bit / 8] = static_cast<char>(static_cast<unsigned char>(damaged[bit / 8]) ^ (1U << bit % 8));
        EXPECT_FALSE(open_state("x", damaged)) << bit;
    }
}

TEST(StateFile, SaysWhatIsWrong) {
    const std::string sealed = seal_state("x", "content");
    EXPECT_EQ(open_state("x", "{}\n").error(), StateFault::not_ours);
    EXPECT_EQ(open_state("y", sealed).error(), StateFault::other_name);
    EXPECT_EQ(open_state("x", sealed + "!").error(), StateFault::cut_short);
    EXPECT_EQ(open_state("x", sealed.substr(0, sealed.size() - 1) + "T").error(), StateFault::sum_differs);
    EXPECT_EQ(open_state("x", "targe-state 2 x 0 sum\n").error(), StateFault::too_new);
}

}  // namespace
}  // namespace targe::admin
