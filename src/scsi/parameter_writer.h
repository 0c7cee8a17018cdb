// Parameter data that is cut at an allocation length without anybody having to think of it.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace targe::scsi {

/// Appends big-endian values to `out`. What does not fit is counted and dropped: a length field inside the
/// data tells the whole length although the data was cut, [SPC-4 r37 4.2.5.6]. Writes every byte below
/// size() that fits, so no old content of `out` is ever sent.
class ParameterWriter {
public:
    /// `out` is at most the allocation length long.
    explicit ParameterWriter(std::span<std::byte> out) : out_(out) {}

    /// Bytes appended, whether or not they fitted.
    [[nodiscard]] std::size_t size() const { return size_; }
    /// What is to be sent.
    [[nodiscard]] std::span<std::byte> written() const { return out_.first(std::min(size_, out_.size())); }

    void u8(std::uint8_t value) {
        if (size_ < out_.size()) {
            out_[size_] = std::byte{value};
        }
        ++size_;
    }
    void u16(std::uint16_t value) { append(value); }
    void u32(std::uint32_t value) { append(value); }
    void u64(std::uint64_t value) { append(value); }
    void zeroes(std::size_t count) { repeat(0, count); }
    void bytes(std::span<const std::byte> source) {
        for (const std::byte b : source) {
            u8(std::to_integer<std::uint8_t>(b));
        }
    }
    /// Exactly `width` characters: cut, or left-aligned and filled with spaces, [SPC-4 r37 4.3.1].
    void ascii(std::string_view text, std::size_t width) {
        const std::string_view kept = text.substr(0, width);
        characters(kept);
        repeat(' ', width - kept.size());
    }
    void characters(std::string_view text) {
        for (const char c : text) {
            u8(static_cast<std::uint8_t>(c));
        }
    }
    /// Overwrites the big-endian field that begins at `at`: for lengths that are known at the end.
    template <std::unsigned_integral T>
    void patch(std::size_t at, T value) {
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            if (at + i < out_.size()) {
                out_[at + i] = byte_of(value, i);
            }
        }
    }

private:
    template <std::unsigned_integral T>
    static constexpr std::byte byte_of(T value, std::size_t i) {
        return static_cast<std::byte>((std::uint64_t{value} >> (sizeof(T) - 1 - i) * 8U) & 0xffU);
    }
    template <std::unsigned_integral T>
    void append(T value) {
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            u8(std::to_integer<std::uint8_t>(byte_of(value, i)));
        }
    }
    void repeat(std::uint8_t value, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            u8(value);
        }
    }

    std::span<std::byte> out_;
    std::size_t size_ = 0;
};

}  // namespace targe::scsi
