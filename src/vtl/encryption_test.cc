#include "vtl/encryption.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

namespace targe::vtl {
namespace {

using Block = std::vector<std::byte>;

Key some_key() {
    Key key{};
    key.fill(std::byte{0x4b});
    return key;
}

/// A block, and all that opens it.
struct Sealed {
    Key key = some_key();
    BlockIdentity block{.object = 0x0102'0304'0506'0708, .logical_bytes = 300, .compressed = true};
    Block plain = Block(100, std::byte{7});
    Block bytes = Block(100);
    SealedExtra extra =
        seal(key, {.unauthenticated = Block(5, std::byte{1}), .authenticated = Block(3, std::byte{1})}, block,
             plain, bytes)
            .value();

    [[nodiscard]] std::optional<Block> opened() const {
        Block out(bytes.size());
        return open(key, extra, block, bytes, out) ? std::optional(out) : std::nullopt;
    }
};

TEST(SealedBlocks, OpenOnlyWithTheirKeyWhereTheyWereSealed) {
    const Sealed sealed;
    EXPECT_NE(sealed.bytes, sealed.plain);
    EXPECT_EQ(sealed.opened(), sealed.plain);
    using Alter = std::function<void(Sealed&)>;
    const std::vector<Alter> alterations{
        [](Sealed& it) { it.block.object ^= 1U; },
        [](Sealed& it) { it.block.object ^= std::uint64_t{1} << 63U; },
        [](Sealed& it) { it.block.logical_bytes ^= 1U; },
        [](Sealed& it) { it.block.logical_bytes ^= 1U << 31U; },
        [](Sealed& it) { it.block.compressed = false; },
        [](Sealed& it) { it.extra.kad.unauthenticated.back() = std::byte{2}; },
        [](Sealed& it) { it.extra.kad.authenticated.back() = std::byte{2}; },
        [](Sealed& it) { it.extra.kad.authenticated.clear(); },
        // The same bytes, but other ones of them are authenticated data.
        [](Sealed& it) {
            it.extra.kad.unauthenticated.pop_back();
            it.extra.kad.authenticated.push_back(std::byte{1});
        },
        [](Sealed& it) { it.key.front() ^= std::byte{1}; }, [](Sealed& it) { it.key.back() ^= std::byte{1}; },
        [](Sealed& it) { it.extra.nonce.front() ^= std::byte{1}; },
        [](Sealed& it) { it.extra.nonce.back() ^= std::byte{1}; },
        [](Sealed& it) { it.extra.tag.front() ^= std::byte{1}; },
        [](Sealed& it) { it.extra.tag.back() ^= std::byte{1}; },
        [](Sealed& it) { it.bytes.front() ^= std::byte{1}; },
        [](Sealed& it) { it.bytes.back() ^= std::byte{1}; }, [](Sealed& it) { it.bytes.pop_back(); }};
    for (std::size_t i = 0; i < alterations.size(); ++i) {
        Sealed altered = sealed;
        alterations[i](altered);
        EXPECT_EQ(altered.opened(), std::nullopt) << "alteration " << i;
    }
}

// Two blocks under one key and one nonce would tell of each other, and of the key that tags are made with.
TEST(SealedBlocks, HaveANonceOfTheirOwnEach) {
    std::set<std::array<std::byte, 12>> nonces;
    for (int i = 0; i < 100; ++i) {
        nonces.insert(Sealed{}.extra.nonce);
    }
    EXPECT_EQ(nonces.size(), 100U);
}

TEST(SealedBlocks, SayWhatOpensThemWholeOrNotAtAll) {
    for (const std::size_t unauthenticated : {std::size_t{0}, std::size_t{1}, kMaxUnauthenticatedKad}) {
        for (const std::size_t authenticated : {std::size_t{0}, std::size_t{1}, kMaxAuthenticatedKad}) {
            const KeyAssociatedData kad{.unauthenticated = Block(unauthenticated, std::byte{1}),
                                        .authenticated = Block(authenticated, std::byte{2})};
            Block out(1);
            const auto extra = seal(some_key(), kad, {}, Block(1), out);
            ASSERT_TRUE(extra);
            Block raw = encode(*extra);
            const auto again = decode_extra(raw);
            ASSERT_TRUE(again);
            EXPECT_EQ(again->nonce, extra->nonce);
            EXPECT_EQ(again->tag, extra->tag);
            EXPECT_EQ(again->kad, kad);
            for (std::size_t size = 0; size < raw.size(); ++size) {
                const Block part(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(size));
                EXPECT_FALSE(decode_extra(part)) << size << " of " << raw.size();
            }
            raw.push_back(std::byte{0});
            EXPECT_FALSE(decode_extra(raw));
        }
    }
}

}  // namespace
}  // namespace targe::vtl
