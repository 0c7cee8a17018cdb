// AES-256-GCM over one block of a tape, with the data that is kept beside its key.
#pragma once

#include "vtl/store.h"
#include "wire/field.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

namespace targe::vtl {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kMaxUnauthenticatedKad = 32;
inline constexpr std::size_t kMaxAuthenticatedKad = 12;

using Key = std::array<std::byte, kKeyBytes>;

/// Key-associated data: what the application wants to be told of a key when it meets a block. Each at most
/// the length above.
struct KeyAssociatedData {
    std::vector<std::byte> unauthenticated;  ///< U-KAD
    std::vector<std::byte> authenticated;    ///< A-KAD
    bool operator==(const KeyAssociatedData&) const = default;
};

/// What a sealed block is bound to: it opens nowhere else.
struct BlockIdentity {
    std::uint64_t object = 0;
    std::uint32_t logical_bytes = 0;
    bool compressed = false;
};

/// What is kept in front of a sealed block: nonce, tag, key-associated data.
struct SealedExtra {
    std::array<std::byte, 12> nonce{};
    std::array<std::byte, 16> tag{};
    KeyAssociatedData kad;
};

[[nodiscard]] std::vector<std::byte> encode(const SealedExtra& extra);
[[nodiscard]] std::optional<SealedExtra> decode_extra(wire::Bytes raw);

/// Encrypts `plain` into `out`, which is as long, under a nonce that is drawn by lot. Returns what is to be
/// kept, or nothing when the library fails.
[[nodiscard]] std::optional<SealedExtra> seal(const Key& key, const KeyAssociatedData& kad,
                                              const BlockIdentity& block, wire::Bytes plain,
                                              std::span<std::byte> out);

/// False: the key is not the one, or something that it protects was altered. `out` is as long as `sealed`.
[[nodiscard]] bool open(const Key& key, const SealedExtra& extra, const BlockIdentity& block,
                        wire::Bytes sealed, std::span<std::byte> out);

}  // namespace targe::vtl
