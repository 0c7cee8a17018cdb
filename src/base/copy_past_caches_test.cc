#include "base/copy_past_caches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace targe::base {
namespace {

TEST(CopyPastCaches, CopiesWhatItIsToldAndNothingBeside) {
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::vector<std::byte> from(1024);
    std::ranges::generate(from, [&] { return static_cast<std::byte>(random() & 0x7FU); });
    for (int round = 0; round < 5000; ++round) {
        constexpr std::byte kUntouched{0xEE};
        std::vector<std::byte> to(1024, kUntouched);
        const std::size_t size = random() % 700;
        const std::size_t source = random() % (from.size() - size);
        const std::size_t place = random() % (to.size() - size);
        std::vector<std::byte> expected = to;
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(source), size,
                    expected.begin() + static_cast<std::ptrdiff_t>(place));
        copy_past_caches(to.data() + place, from.data() + source, size);
        ASSERT_EQ(to, expected) << "of " << size << " bytes from " << source << " to " << place;
    }
}

}  // namespace
}  // namespace targe::base
