// A place in a scatter-gather list that moves forward.
#pragma once

#include "base/buffer.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace targe::iscsi {

/// `Piece` is base::Segment or base::ConstSegment. The list is the caller's.
template <class Piece>
class SegmentCursor {
public:
    SegmentCursor() = default;
    explicit SegmentCursor(std::span<const Piece> list) : list_(list) { skip_empty(); }

    [[nodiscard]] bool at_end() const { return list_.empty(); }
    /// The bytes from here to the end of the present segment, `limit` at most.
    [[nodiscard]] Piece run(std::size_t limit) const {
        if (list_.empty()) {
            return {nullptr, 0};
        }
        return {list_.front().data + offset_, std::min(limit, list_.front().size - offset_)};
    }
    /// Moves on by `size` bytes, which must be there.
    void advance(std::size_t size) {
        while (size > 0 && !list_.empty()) {
            const std::size_t step = std::min(size, list_.front().size - offset_);
            offset_ += step;
            size -= step;
            skip_empty();
        }
    }

private:
    void skip_empty() {
        while (!list_.empty() && offset_ == list_.front().size) {
            list_ = list_.subspan(1);
            offset_ = 0;
        }
    }

    std::span<const Piece> list_;
    std::size_t offset_ = 0;
};

}  // namespace targe::iscsi
