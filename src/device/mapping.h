// Memory straight from the kernel, given back when its owner ends.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <utility>

namespace targe::device {

/// Anonymous memory that takes no space until it is written, and reads as zeroes until then.
class Mapping {
public:
    enum class Access : bool { read_only, read_write };

    /// Or the errno of mmap().
    [[nodiscard]] static std::expected<Mapping, int> create(std::size_t size, Access access);
    Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    Mapping& operator=(Mapping&&) = delete;
    ~Mapping();

    [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

private:
    explicit Mapping(std::span<std::byte> bytes) : bytes_(bytes) {}
    std::span<std::byte> bytes_;
};

}  // namespace targe::device
