// Where data wait that might change between their digest and their departure.
#pragma once

#include "base/assert.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace targe::iscsi {

/// A ring of bytes for one connection: pieces are taken and given back in the same order, and each lies in
/// one piece. So small that what was copied into it is still in the cache when the stream takes it.
class Stage {
public:
    /// No piece is larger.
    static constexpr std::size_t kPiece = std::size_t{64} * 1024;
    static constexpr std::size_t kSize = 8 * kPiece;

    struct Piece {
        std::span<std::byte> bytes;
        std::size_t used = 0;  ///< of the ring; to be given back
    };

    /// Has no memory before.
    void open() { memory_ = std::make_unique_for_overwrite<std::byte[]>(kSize); }

    /// `size` bytes, at most kPiece; nothing until enough was given back. Into an empty ring every piece
    /// fits.
    [[nodiscard]] std::optional<Piece> take(std::size_t size) {
        TARGE_ASSERT(memory_ != nullptr && size <= kPiece);
        if (used_ == 0) {
            next_ = 0;
        }
        const bool from_the_start = size > kSize - next_;
        const std::size_t skipped = from_the_start ? kSize - next_ : 0;
        if (used_ + skipped + size > kSize) {
            return std::nullopt;
        }
        const std::size_t at = from_the_start ? 0 : next_;
        next_ = at + size;
        used_ += skipped + size;
        return Piece{{memory_.get() + at, size}, skipped + size};
    }
    void give_back(std::size_t used) {
        TARGE_ASSERT(used <= used_);
        used_ -= used;
    }

private:
    std::unique_ptr<std::byte[]> memory_;
    std::size_t next_ = 0;
    std::size_t used_ = 0;
};

}  // namespace targe::iscsi
