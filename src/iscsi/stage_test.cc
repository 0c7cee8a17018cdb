#include "iscsi/stage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <random>
#include <span>

namespace targe::iscsi {
namespace {

TEST(Stages, TakePiecesOfAnySizeInAnEmptyRing) {
    Stage stage;
    stage.open();
    for (std::size_t size = 1; size <= Stage::kPiece; size += 4099) {
        const auto piece = stage.take(size);
        ASSERT_TRUE(piece.has_value()) << size;
        EXPECT_EQ(piece->bytes.size(), size);
        stage.give_back(piece->used);
    }
}

TEST(Stages, BeginAgainWhereAPieceEndedWithTheRing) {
    Stage stage;
    stage.open();
    const auto first = stage.take(Stage::kPiece);
    ASSERT_TRUE(first);
    for (std::size_t used = first->used; used < Stage::kSize; used += Stage::kPiece) {
        ASSERT_TRUE(stage.take(Stage::kPiece));
    }
    EXPECT_FALSE(stage.take(1).has_value());
    stage.give_back(first->used);
    const auto third = stage.take(100);
    ASSERT_TRUE(third.has_value());
    EXPECT_EQ(third->bytes.data(), first->bytes.data());
}

// Every piece that is out is filled with its number, which must still be there when it is given back.
TEST(Stages, NeverLendAByteTwice) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::minstd_rand random{seed};
    Stage stage;
    stage.open();
    const auto first = stage.take(Stage::kPiece);
    ASSERT_TRUE(first);
    const std::byte* const ring = first->bytes.data();
    stage.give_back(first->used);
    struct Out {
        Stage::Piece piece;
        std::byte number{};
    };
    std::deque<Out> out;
    for (unsigned i = 0; i < 20000; ++i) {
        const std::size_t most = random() % 4 == 0 ? Stage::kPiece : Stage::kPiece / 16;
        std::size_t size = random() % 16 == 0 ? Stage::kPiece : 1 + random() % most;
        if (!out.empty() && random() % 4 == 0) {
            // Up to the very end of the ring, where hardly any other ends.
            const std::span<std::byte> last = out.back().piece.bytes;
            const auto left = static_cast<std::size_t>(ring + Stage::kSize - (last.data() + last.size()));
            size = left > 0 && left <= Stage::kPiece ? left : size;
        }
        const auto piece = stage.take(size);
        if (piece) {
            ASSERT_GE(piece->bytes.data(), ring);
            ASSERT_LE(piece->bytes.data() + piece->bytes.size(), ring + Stage::kSize);
            const auto number = static_cast<std::byte>(i);
            std::ranges::fill(piece->bytes, number);
            out.push_back({*piece, number});
        }
        if (!piece || random() % 3 == 0) {
            ASSERT_FALSE(out.empty()) << "an empty ring refused";
            ASSERT_EQ(std::ranges::count(out.front().piece.bytes, out.front().number),
                      std::ssize(out.front().piece.bytes));
            stage.give_back(out.front().piece.used);
            out.pop_front();
        }
    }
}

}  // namespace
}  // namespace targe::iscsi
