#include "iscsi/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace targe::iscsi {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::IsEmpty;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text.data(), text.size()});
}

TEST(Text, IsPairsThatEndInNul) {
    EXPECT_THAT(*parse_text("InitialR2T=Yes\0X-a.b=\0"s),
                ElementsAre(TextPair{"InitialR2T", "Yes"}, TextPair{"X-a.b", ""}));
    EXPECT_THAT(*parse_text(""), IsEmpty());
}

TEST(Text, AllowsSeveralNulsBetweenPairs) {
    EXPECT_THAT(*parse_text("\0\0A=1\0\0\0B=2\0\0"s), ElementsAre(TextPair{"A", "1"}, TextPair{"B", "2"}));
}

TEST(Text, KeepsEqualsSignsInValues) {
    EXPECT_THAT(*parse_text("A=b=c\0"s), ElementsAre(TextPair{"A", "b=c"}));
}

TEST(Text, RefusesWhatIsNoListOfPairs) {
    const auto error = [](const std::string& text) { return parse_text(text).error(); };
    EXPECT_EQ(error("A=1"s), TextError::not_terminated);
    EXPECT_EQ(error("A=1\0B=2"s), TextError::not_terminated);
    EXPECT_EQ(error("A\0"s), TextError::no_equals_sign);
    EXPECT_EQ(error("=1\0"s), TextError::malformed_key);
    EXPECT_EQ(error("A b=1\0"s), TextError::malformed_key);
    EXPECT_EQ(error("\xff=1\0"s), TextError::malformed_key);
    EXPECT_EQ(error(std::string(kMaxKeyBytes + 1, 'K') + "=1\0"s), TextError::malformed_key);
    EXPECT_EQ(error("A=1\0B=1\0A=1\0"s), TextError::duplicate_key);
    EXPECT_EQ(error("A=" + std::string(kMaxValueBytes + 1, 'v') + "\0"s), TextError::value_too_long);
}

TEST(Text, BoundsTheNumberOfPairs) {
    std::string text;
    for (std::size_t i = 0; i < kMaxTextPairs; ++i) {
        text += "K" + std::to_string(i) + "=1\0"s;
    }
    EXPECT_EQ(parse_text(text)->size(), kMaxTextPairs);
    EXPECT_EQ(parse_text(text + "More=1\0"s).error(), TextError::too_many_pairs);
}

TEST(Text, HasWordsForEveryError) {
    for (const auto error :
         {TextError::not_terminated, TextError::no_equals_sign, TextError::malformed_key,
          TextError::value_too_long, TextError::too_many_pairs, TextError::duplicate_key}) {
        EXPECT_FALSE(describe(error).empty());
    }
}

TEST(StandardLabel, BeginsWithACapitalLetter) {
    EXPECT_TRUE(is_standard_label("HeaderDigest"));
    EXPECT_TRUE(is_standard_label("A.-+@_9"));
    EXPECT_TRUE(is_standard_label(std::string(kMaxKeyBytes, 'A')));
    EXPECT_FALSE(is_standard_label(std::string(kMaxKeyBytes + 1, 'A')));
    EXPECT_FALSE(is_standard_label("headerDigest"));
    EXPECT_FALSE(is_standard_label("9A"));
    EXPECT_FALSE(is_standard_label("A/B"));
    EXPECT_FALSE(is_standard_label(""));
}

TEST(IscsiName, HasATypeAndNoBlanks) {
    EXPECT_TRUE(is_iscsi_name("iqn.1993-08.org.debian:01:abc"));
    EXPECT_TRUE(is_iscsi_name("eui.02004567A425678D"));
    EXPECT_TRUE(is_iscsi_name("naa.52004567BA64678D"));
    EXPECT_TRUE(is_iscsi_name("iqn." + std::string(219, 'a')));
    EXPECT_FALSE(is_iscsi_name("iqn." + std::string(220, 'a')));
    EXPECT_FALSE(is_iscsi_name("iqn."));
    EXPECT_FALSE(is_iscsi_name("All"));
    EXPECT_FALSE(is_iscsi_name("iqn.a b"));
    EXPECT_FALSE(is_iscsi_name("iqn.a,b"));
    EXPECT_FALSE(is_iscsi_name("iqn.a\n"));
    EXPECT_FALSE(is_iscsi_name("iqn.a\xff"));
    EXPECT_TRUE(is_iscsi_name("iqn.\xc3\xbc"));
}

TEST(TextAccumulator, PutsTogetherWhatWasCutAnywhere) {
    const std::string text = "InitiatorName=iqn.x\0SessionType=Normal\0"s;
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        TextAccumulator accumulator;
        ASSERT_TRUE(accumulator.append(bytes_of(std::string_view{text}.substr(0, cut))));
        ASSERT_TRUE(accumulator.append(bytes_of(std::string_view{text}.substr(cut))));
        ASSERT_EQ(accumulator.text(), text);
    }
}

TEST(TextAccumulator, TakesNothingBeyondItsLimit) {
    TextAccumulator accumulator(4);
    EXPECT_TRUE(accumulator.append(bytes_of("abc")));
    EXPECT_FALSE(accumulator.append(bytes_of("de")));
    EXPECT_EQ(accumulator.text(), "abc");
    EXPECT_TRUE(accumulator.append(bytes_of("d")));
    EXPECT_FALSE(accumulator.append(bytes_of("e")));
}

TEST(TextAnswer, IsHandedOutInPieces) {
    TextAnswer answer;
    answer.add("A", "1");
    answer.add("Bc", "23");
    const std::string whole = "A=1\0Bc=23\0"s;
    EXPECT_EQ(answer.text(), whole);
    for (std::size_t size = 1; size <= whole.size() + 1; ++size) {
        TextAnswer rest = answer;
        std::string joined;
        TextAnswer::Piece piece;
        do {
            piece = rest.next(size);
            ASSERT_LE(piece.data.size(), size);
            joined += piece.data;
        } while (piece.more);
        ASSERT_EQ(joined, whole);
        ASSERT_TRUE(rest.empty());
    }
}

TEST(TextAnswer, ThatIsEmptyIsOneEmptyPiece) {
    TextAnswer answer;
    const auto piece = answer.next(10);
    EXPECT_TRUE(piece.data.empty());
    EXPECT_FALSE(piece.more);
}

}  // namespace
}  // namespace targe::iscsi
