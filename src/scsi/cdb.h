// A command descriptor block on its way from a transport to the command table.
#pragma once

#include "wire/field.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace targe::scsi {

/// The longest CDB there is: operation code 7Fh with an ADDITIONAL CDB LENGTH of 252.
inline constexpr std::size_t kMaxCdbBytes = 260;

/// The longest CDB that a command of the table has.
inline constexpr std::size_t kMaxOrdinaryCdbBytes = 16;

/// TASK ATTRIBUTE, [SAM-5 r21 8.6].
enum class TaskAttribute : std::uint8_t { simple, ordered, head_of_queue, aca };

/// The bytes of a CDB, in place. Bytes after `size` are zero up to kMaxOrdinaryCdbBytes and unset from there.
struct Cdb {
    std::uint16_t size;

    // Not defaulted: a defaulted constructor would let `Cdb{}` clear all the storage.
    Cdb() noexcept : size(0) { clear_ordinary(); }
    /// Takes the first kMaxCdbBytes of `raw`; a transport refuses a longer one before it comes here.
    explicit Cdb(wire::Bytes raw) noexcept { assign(raw); }
    /// The same in place, which copies nothing of the storage but what is used.
    void assign(wire::Bytes raw) noexcept {
        size = static_cast<std::uint16_t>(std::min(raw.size(), kMaxCdbBytes));
        if (size == kMaxOrdinaryCdbBytes) [[likely]] {
            std::memcpy(storage_.data(), raw.data(), kMaxOrdinaryCdbBytes);
            return;
        }
        clear_ordinary();
        std::ranges::copy(raw.first(size), storage_.begin());
    }

    [[nodiscard]] wire::Bytes bytes() const { return std::span{storage_}.first(size); }

    /// The first N bytes as a layout wants them. What lies after `size` reads as zero.
    template <std::size_t N>
        requires(N <= kMaxOrdinaryCdbBytes)
    [[nodiscard]] std::span<const std::byte, N> first() const {
        return std::span{storage_}.template first<N>();
    }

private:
    void clear_ordinary() { std::fill_n(storage_.begin(), kMaxOrdinaryCdbBytes, std::byte{0}); }

    std::array<std::byte, kMaxCdbBytes> storage_;
};

/// NACA, in the CONTROL byte.
inline constexpr std::uint8_t kNaca = 0x04;

/// Whether CHECK CONDITION for this CDB is to establish an ACA condition, [SAM-5 r21 5.2]. Of any CDB, also
/// of one that no table knows.
[[nodiscard]] constexpr bool asks_for_aca(wire::Bytes cdb) {
    constexpr std::array<std::uint8_t, 8> kControlByte{5, 9, 9, 1, 15, 11, 5, 9};
    const std::size_t at = cdb.empty() ? 0 : kControlByte[std::to_integer<std::size_t>(cdb[0]) >> 5U];
    return at < cdb.size() && (cdb[at] & std::byte{kNaca}) != std::byte{0};
}

/// The first N bytes of `cdb`. The caller has found the command in the table, which has checked the length.
template <std::size_t N>
[[nodiscard]] constexpr std::span<const std::byte, N> layout_of(wire::Bytes cdb) {
    return cdb.first<N>();
}

/// Reads a field that is chosen while running; wire::get is for those that are known when compiling.
[[nodiscard]] constexpr std::uint64_t field_value(wire::Bytes cdb, wire::Field field) {
    std::uint64_t value = 0;
    for (std::size_t i = field.byte; i <= field.last_byte(); ++i) {
        value = (value << 8U) | std::to_integer<std::uint64_t>(cdb[i]);
    }
    return (value >> field.lsb()) & field.mask();
}

}  // namespace targe::scsi
