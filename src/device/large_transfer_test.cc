// Copies of much memory leave room for others between their pieces.
#include "device/testing_device.h"
#include "reactor/large_turn.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace targe::device {
namespace {

using reactor::Reactor;
using testing::Bytes;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;

constexpr std::size_t kPieces = 4;
constexpr std::size_t kLarge = kPieces * reactor::kLargePiece;

/// Finds little in every turn, and begins something in its first.
struct Busy final : reactor::Poller {
    bool poll() override {
        ++turns;
        if (begin) {
            std::exchange(begin, {})();
        }
        return true;
    }
    void park() override {}

    std::function<void()> begin;
    std::size_t turns = 0;
};

struct Writing {
    Device* device;
    std::uint64_t lba;
    base::ConstSegment from;
};

/// A command of which it is known in how many turns it was done.
struct Measured {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 16384> block;
    base::CommandArena arena{block};
    std::promise<std::pair<IoResult, std::size_t>> done;

    static base::Detached drive(base::CommandArena& arena, Writing writing, const Busy& clock,
                                Measured& into) {
        const std::size_t began = clock.turns;
        const IoResult result =
            co_await writing.device->write(arena, writing.lba, {&writing.from, 1}, Durability::cached);
        into.done.set_value({result, clock.turns - began});
    }
};

class LargeTransfers : public ::testing::TestWithParam<Handler> {
protected:
    /// In how many turns each of these was done, which begin in one; with or without somebody who waits
    /// besides.
    std::vector<std::size_t> turns_of(bool others, const std::vector<Writing>& all) {
        std::deque<Measured> measured(all.size());
        Busy clock;
        Busy other;
        clock.begin = [&] {
            for (std::size_t i = 0; i < all.size(); ++i) {
                Measured::drive(measured[i].arena, all[i], clock, measured[i]);
            }
        };
        on_.ask([&] {
            Reactor::current()->add_poller(clock);
            if (others) {
                Reactor::current()->add_poller(other);
            }
            return true;
        });
        std::vector<std::size_t> turns;
        for (Measured& each : measured) {
            const auto [result, count] = each.done.get_future().get();
            EXPECT_TRUE(result.has_value());
            turns.push_back(count);
        }
        on_.ask([&] {
            clock.unlink();
            other.unlink();
            return true;
        });
        return turns;
    }
    [[nodiscard]] Writing writing(std::uint64_t lba, const Bytes& data) const {
        return {.device = device_.get(), .lba = lba, .from = {data.data(), data.size()}};
    }

    testing::ScratchDirectory directory_;
    OnReactor on_;
    std::unique_ptr<Device> device_ =
        open_or_fail({.handler = GetParam(),
                      .path = GetParam() == Handler::file ? directory_ / "disk.img" : std::string{},
                      .size_bytes = 2 * kLarge});
};

TEST_P(LargeTransfers, AreDoneAtOnceWhereNobodyWaits) {
    const Bytes data = pattern(kLarge, 1);
    EXPECT_EQ(turns_of(false, {writing(0, data)}), std::vector<std::size_t>{0});
}

TEST_P(LargeTransfers, TakeATurnForEachPieceWhereOthersWait) {
    const Bytes data = pattern(kLarge, 2);
    const std::size_t turns = turns_of(true, {writing(8, data)})[0];
    EXPECT_GE(turns, kPieces - 1) << "the last is done before the turn is counted";
    if (GetParam() == Handler::ram) {  // a file system that was slow is asked by a thread of the ring's
        EXPECT_EQ(turns, kPieces - 1);
    }
    Bytes read(kLarge);
    EXPECT_TRUE(on_.read(*device_, 8, read));
    EXPECT_EQ(read, data);
}

TEST_P(LargeTransfers, AreOneInATurn) {
    const Bytes one = pattern(kLarge, 3);
    const Bytes two = pattern(kLarge, 4);
    const auto turns = turns_of(true, {writing(0, one), writing(kLarge / 512, two)});
    EXPECT_GE(turns[1], 2 * kPieces - 1) << "the other's pieces come in between";
    Bytes read(kLarge);
    EXPECT_TRUE(on_.read(*device_, 0, read));
    EXPECT_EQ(read, one);
    EXPECT_TRUE(on_.read(*device_, kLarge / 512, read));
    EXPECT_EQ(read, two);
}

INSTANTIATE_TEST_SUITE_P(Devices, LargeTransfers, ::testing::Values(Handler::ram, Handler::file),
                         [](const auto& info) {
                             return std::string(info.param == Handler::ram ? "Ram" : "File");
                         });

}  // namespace
}  // namespace targe::device
