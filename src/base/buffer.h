// Memory for data on its way between a transport and a device.
#pragma once

#include "base/assert.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace targe::base {

/// One piece of a scatter-gather list. The same shape as struct iovec, so that a list needs no conversion.
struct Segment {
    std::byte* data;
    std::size_t size;
};
struct ConstSegment {
    const std::byte* data;
    std::size_t size;
};
using Segments = std::span<const Segment>;
using ConstSegments = std::span<const ConstSegment>;

[[nodiscard]] constexpr std::size_t total_size(const auto& segments) {
    std::size_t sum = 0;
    for (const auto& segment : segments) {
        sum += segment.size;
    }
    return sum;
}

class BufferPool;

/// Page-aligned memory on loan from the pool of one core; goes back when it ends, on that core.
/// Its old content is not cleared: whoever sends from it sends only what was written into it.
class Buffer {
public:
    Buffer() = default;
    Buffer(BufferPool& pool, std::byte* data, std::size_t size, std::size_t capacity)
        : pool_(&pool), data_(data), size_(size), capacity_(capacity) {}
    Buffer(Buffer&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        if (this != &other) {
            reset();
            pool_ = std::exchange(other.pool_, nullptr);
            data_ = std::exchange(other.data_, nullptr);
            size_ = std::exchange(other.size_, 0);
            capacity_ = std::exchange(other.capacity_, 0);
        }
        return *this;
    }
    ~Buffer() { reset(); }

    [[nodiscard]] explicit operator bool() const { return pool_ != nullptr; }
    [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    inline void reset();

private:
    BufferPool* pool_ = nullptr;
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// What an administrator wants to know of a pool; bytes.
struct BufferPoolStats {
    std::uint64_t hits = 0;    ///< loans served from recycled memory
    std::uint64_t misses = 0;  ///< loans that had to ask the system for memory
    std::uint64_t refused = 0;
    std::uint64_t bytes_on_loan = 0;
    std::uint64_t bytes_held = 0;  ///< on loan or cached
    std::uint64_t limit_bytes = 0;
};

/// The buffer cache of one core. Used on that core only.
class BufferPool {
public:
    BufferPool() = default;
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;
    virtual ~BufferPool() = default;

    /// A buffer of `size` bytes, or nothing when the pool's limit is reached (the command is then answered
    /// with TASK SET FULL or BUSY). `size` is at least 1.
    [[nodiscard]] virtual std::optional<Buffer> take(std::size_t size) = 0;
    [[nodiscard]] virtual BufferPoolStats stats() const = 0;

private:
    friend class Buffer;
    virtual void give_back(std::byte* data, std::size_t capacity) noexcept = 0;
};

inline void Buffer::reset() {
    if (pool_ != nullptr) {
        pool_->give_back(data_, capacity_);
        pool_ = nullptr;
        data_ = nullptr;
        size_ = capacity_ = 0;
    }
}

}  // namespace targe::base
