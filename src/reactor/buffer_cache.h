// The buffer cache of a reactor.
#pragma once

#include "base/buffer.h"
#include "base/core.h"
#include "reactor/fixed_buffers.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace targe::reactor {

/// Size classes of powers of two from 4 KiB to 8 MiB, page-aligned, recycled last in, first out; anything
/// larger is mapped for the one loan. What has not been used for a while goes back to the system. Never
/// throws: when memory or the limit is exhausted it refuses.
class BufferCache final : public base::BufferPool {
public:
    static constexpr std::size_t kSmallest = 4096;
    static constexpr std::size_t kLargest = std::size_t{8} << 20U;
    /// Memory that was cached unused for so long goes back to the system.
    static constexpr base::Duration kIdle = std::chrono::minutes{1};

    /// `core` gives the time for trimming, and outlives the cache, as does `registrar`.
    BufferCache(base::Core& core, std::uint64_t limit_bytes, BufferRegistrar& registrar);
    ~BufferCache() override;

    [[nodiscard]] std::optional<base::Buffer> take(std::size_t size) override;
    [[nodiscard]] base::BufferPoolStats stats() const override { return stats_; }
    void set_limit(std::uint64_t bytes) { stats_.limit_bytes = bytes; }
    [[nodiscard]] std::uint64_t loans() const { return loans_; }
    /// Whether its timer is armed.
    [[nodiscard]] bool trimming() const { return trim_.armed(); }
    /// The slot in which the kernel knows these bytes of a buffer, when it does.
    [[nodiscard]] std::optional<std::uint16_t> slot_of(const void* data, std::size_t size);
    /// Gives back every cached byte now, and needs no timer until the next loan.
    void release_cached();

private:
    static constexpr std::size_t kClasses = 12;
    static constexpr std::size_t kChunk = std::size_t{2} << 20U;

    /// Buffers of one size. Those in `warm` have memory behind them, those in `cold` only addresses.
    struct SizeClass {
        std::vector<std::byte*> warm;
        std::vector<std::byte*> cold;
        std::size_t total = 0;   ///< buffers of this class that exist, on loan or not
        std::size_t unused = 0;  ///< the fewest that were warm at a time since the last trim
    };
    struct Trim final : base::Timer {
        explicit Trim(BufferCache& owner) : cache(owner) {}
        void expired() override { cache.trim(); }
        BufferCache& cache;
    };

    void give_back(std::byte* data, std::size_t capacity) noexcept override;
    std::optional<base::Buffer> lend(std::byte* data, std::size_t size, std::size_t capacity);
    std::optional<base::Buffer> take_large(std::size_t size);
    std::optional<base::Buffer> refuse();
    bool make_room(std::uint64_t bytes);
    bool map_more(std::size_t index);
    void cool(std::size_t index, std::size_t count);
    void trim();
    bool warm_up(std::span<const std::byte> memory);

    base::Core& core_;
    std::array<SizeClass, kClasses> classes_;
    std::vector<std::span<std::byte>> mappings_;
    base::BufferPoolStats stats_;
    std::uint64_t loans_ = 0;
    FixedBuffers fixed_;
    Trim trim_{*this};
};

}  // namespace targe::reactor
