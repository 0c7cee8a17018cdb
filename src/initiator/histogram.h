// Latencies, to within 2 % of their value, in constant memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace targe::initiator {

class Histogram {
public:
    void add(std::uint64_t value) {
        ++buckets_[bucket(value)];
        ++count_;
        largest_ = std::max(largest_, value);
    }

    /// The value that `share` of all values do not exceed; 0 when there are none.
    [[nodiscard]] std::uint64_t quantile(double share) const {
        const auto wanted = static_cast<std::uint64_t>(static_cast<double>(count_) * share);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i];
            if (seen > wanted) {
                return std::min(middle(i), largest_);
            }
        }
        return largest_;
    }

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t largest() const { return largest_; }  ///< exact

private:
    // Each power of two is cut into 32.
    static constexpr unsigned kBits = 5;
    static constexpr std::uint64_t kParts = 1U << kBits;

    static std::size_t bucket(std::uint64_t value) {
        if (value < kParts) {
            return value;
        }
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
        return (shift + 1) * kParts + ((value >> shift) & (kParts - 1));
    }

    static std::uint64_t middle(std::size_t bucket) {
        if (bucket < kParts) {
            return bucket;
        }
        const auto shift = bucket / kParts - 1;
        return ((kParts + bucket % kParts) << shift) + ((std::uint64_t{1} << shift) >> 1U);
    }

    std::array<std::uint64_t, (64 - kBits + 1) * kParts> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t largest_ = 0;
};

}  // namespace targe::initiator
