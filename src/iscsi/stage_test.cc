#include "iscsi/stage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <random>

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
    const auto second = stage.take(Stage::kPiece);
    ASSERT_TRUE(first && second);
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
    struct Out {
        Stage::Piece piece;
        std::byte number{};
    };
    std::deque<Out> out;
    for (unsigned i = 0; i < 20000; ++i) {
        const std::size_t most = random() % 4 == 0 ? Stage::kPiece : Stage::kPiece / 16;
        const auto piece = stage.take(1 + random() % most);
        if (piece) {
            const auto number = static_cast<std::byte>(i);
            std::ranges::fill(piece->bytes, number);
            out.push_back({*piece, number});
        }
        if (!piece || random() % 3 == 0) {
            ASSERT_FALSE(out.empty()) << "an empty ring refused";
            for (const std::byte byte : out.front().piece.bytes) {
                ASSERT_EQ(byte, out.front().number);
            }
            stage.give_back(out.front().piece.used);
            out.pop_front();
        }
    }
}

}  // namespace
}  // namespace targe::iscsi
