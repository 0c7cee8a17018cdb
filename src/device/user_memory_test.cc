#include "device/user_memory.h"

#include "device/user_conditions.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <span>
#include <vector>

namespace targe::device {
namespace {

TEST(UserMemory, CanNeitherShrinkNorGrow) {
    const auto memory = UserMemory::create({.queues = 2, .slots = 4, .arena_bytes = 1U << 20U});
    ASSERT_TRUE(memory);
    const int file = (*memory)->descriptor();
    EXPECT_EQ(::ftruncate(file, 0), -1);
    EXPECT_EQ(::ftruncate(file, 1 << 30), -1);
    EXPECT_EQ(::fcntl(file, F_ADD_SEALS, F_SEAL_WRITE), -1);
    EXPECT_EQ((*memory)->arena(1).size(), 1U << 20U);
    EXPECT_NE((*memory)->arena(0).data(), (*memory)->arena(1).data());
}

TEST(UserMemory, CopiesACompletionWhole) {
    const auto memory = UserMemory::create({.queues = 1, .slots = 4, .arena_bytes = 1U << 20U});
    ASSERT_TRUE(memory);
    targe_queue& queue = (*memory)->queue(0);
    targe_completion written{};
    std::memset(&written, 0x5a, sizeof written);
    written.slot = 3;
    queue.completions[1] = written;
    const targe_completion read = completion_at(queue, TARGE_MAX_SLOTS + 1);
    EXPECT_EQ(std::memcmp(&read, &written, sizeof read), 0);
}

// Whatever is taken and given back in whatever order: pieces never overlap, and all comes together again.
TEST(UserArena, GivesEachByteToOneAtATime) {
    std::mt19937 random(std::random_device{}());
    const auto seed = random();
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    random.seed(seed);
    constexpr std::uint32_t kSlots = 16;
    UserArena arena(4U << 20U, kSlots);
    struct Piece {
        std::uint32_t offset;
        std::uint64_t bytes;
    };
    std::map<std::uint32_t, Piece> taken;  // by slot
    for (int i = 0; i < 20'000; ++i) {
        const std::uint32_t slot = random() % kSlots;
        if (const auto mine = taken.find(slot); mine != taken.end()) {
            arena.give_back(mine->second.offset, mine->second.bytes);
            taken.erase(mine);
            continue;
        }
        const std::uint64_t bytes = random() % 3 == 0 ? random() % 20'000 : random() % 1'000'000;
        const auto offset = arena.take(slot, bytes);
        if (!offset) {
            continue;
        }
        ASSERT_LE(*offset + bytes, 4U << 20U);
        for (const auto& [other, piece] : taken) {
            ASSERT_TRUE(*offset + bytes <= piece.offset || piece.offset + piece.bytes <= *offset);
        }
        taken[slot] = {.offset = *offset, .bytes = bytes};
    }
    for (const auto& [slot, piece] : taken) {
        arena.give_back(piece.offset, piece.bytes);
    }
    const auto all = arena.take(0, arena.largest());
    ASSERT_TRUE(all);
    EXPECT_EQ(*all, kSlots * TARGE_SLOT_BYTES);
    EXPECT_FALSE(arena.take(1, TARGE_SLOT_BYTES + 1));
    EXPECT_EQ(arena.take(1, TARGE_SLOT_BYTES), TARGE_SLOT_BYTES);
}

// Whatever handlers leave in their pieces, and however little of them they write to.
TEST(UserArenaOwners, ShowNobodyDataOfOthers) {
    std::mt19937 random(std::random_device{}());
    const auto seed = random();
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    random.seed(seed);
    constexpr std::uint32_t kBytes = 8 * TARGE_PAGE;
    std::vector<std::byte> arena(kBytes);
    UserArenaOwners owners;
    for (int i = 0; i < 20'000; ++i) {
        const auto some = [&](std::uint32_t most) {
            return random() % 3 == 0 ? most : static_cast<std::uint32_t>(random() % (most + 1));
        };
        const std::uint32_t at = random() % 8 * TARGE_PAGE;
        const UserArenaOwners::Piece piece{at, some(kBytes - at)};
        const std::uint32_t before = random() % 3 == 0 ? some(piece.bytes) : 0;
        const UserArenaOwners::Piece room{at + before, some(piece.bytes - before)};
        const auto nexus = static_cast<std::uint8_t>(random() % 3 + 1);
        owners.hand_over(nexus, arena, piece, room);
        const auto shown = std::span(arena).subspan(room.offset, room.bytes);
        ASSERT_TRUE(std::ranges::all_of(
            shown, [&](std::byte b) { return b == std::byte{0} || b == std::byte{nexus}; }));
        std::ranges::fill(std::span(arena).subspan(at, some(piece.bytes)), std::byte{nexus});
    }
}

TEST(UserArenaOwners, ClearNothingThatIsNotOfOthers) {
    constexpr std::uint32_t kBytes = 4 * TARGE_PAGE;
    constexpr UserArenaOwners::Piece kAll{0, kBytes};
    std::vector<std::byte> arena(kBytes);
    UserArenaOwners owners;
    for (const auto nexus : {std::uint8_t{1}, std::uint8_t{2}}) {
        owners.hand_over(nexus, arena, kAll, kAll);
        std::ranges::fill(arena, std::byte{nexus});
        owners.hand_over(nexus, arena, kAll, kAll);
        EXPECT_EQ(arena, std::vector<std::byte>(kBytes, std::byte{nexus}));
    }
    constexpr UserArenaOwners::Piece kFirst{0, TARGE_PAGE};
    owners.hand_over(1, arena, kFirst, kFirst);
    owners.hand_over(2, arena, kAll, kAll);
    EXPECT_EQ(std::ranges::count(arena, std::byte{0}), TARGE_PAGE);
}

TEST(UserConditions, LeaveTheEngineItsOwn) {
    for (const std::uint32_t condition :
         {0x2800U, 0x2801U, 0x2a01U, 0x2a09U, 0x3807U, 0x3f03U, 0x5a01U, 0x5d00U}) {
        EXPECT_TRUE(is_condition_of_handler(condition)) << condition;
    }
    for (const std::uint32_t condition :
         {0x0000U, 0x2900U, 0x2907U, 0x2a03U, 0x2a05U, 0x2a06U, 0x2f00U, 0x3f05U, 0x3f0eU, 0x12a09U}) {
        EXPECT_FALSE(is_condition_of_handler(condition)) << condition;
    }
}

}  // namespace
}  // namespace targe::device
