#include "base/pattern.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace targe::base {
namespace {

TEST(Pattern, MatchesAsPeopleExpect) {
    struct Row {
        std::string_view pattern;
        std::string_view text;
        bool matches;
    };
    for (const Row& row : {Row{"*", "", true}, Row{"*", "anything", true}, Row{"", "", true},
                           Row{"", "a", false}, Row{"iqn.*:disk", "iqn.2026-11.com.example:disk", true},
                           Row{"iqn.*:disk", "iqn.2026-11.com.example:disks", false},
                           Row{"IQN.A", "iqn.a", true}, Row{"a?c", "abc", true}, Row{"a?c", "ac", false},
                           Row{"*a*b*", "xxaxxbxx", true}, Row{"*a*b*", "xxbxxaxx", false},
                           Row{"!a*", "abc", false}, Row{"!a*", "bcd", true}, Row{"a!", "a!", true}}) {
        EXPECT_EQ(matches_pattern(row.pattern, row.text), row.matches) << row.pattern << " ~ " << row.text;
    }
}

TEST(Pattern, TakesNoLongerForNastyTexts) {
    std::string pattern;
    for (int i = 0; i < 100; ++i) {
        pattern += "*a";
    }
    EXPECT_FALSE(matches_pattern(pattern + "b", std::string(10'000, 'a')));
}

TEST(Patterns, NeedOneThatMatchesAndNoneThatForbids) {
    EXPECT_FALSE(matches_any({}, "a"));
    EXPECT_TRUE(matches_any({"b", "a"}, "a"));
    EXPECT_FALSE(matches_any({"*", "!a"}, "a"));
    EXPECT_FALSE(matches_any({"!a", "*"}, "a"));
    EXPECT_TRUE(matches_any({"!a"}, "b"));
    EXPECT_FALSE(matches_any({"!a", "c"}, "b"));
}

}  // namespace
}  // namespace targe::base
