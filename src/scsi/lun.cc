#include "scsi/lun.h"

#include "base/assert.h"

namespace targe::scsi {
namespace {

/// ADDRESS METHOD, the two most significant bits, [SAM-5 r21 4.7.6].
enum class AddressMethod : std::uint8_t { peripheral = 0, flat = 1, logical_unit = 2, extended = 3 };

constexpr unsigned kMethodShift = 62;
constexpr unsigned kFirstLevelShift = 48;

/// The `count` bytes at the front of the field, after the first `skip`; nothing when what follows is not
/// zero, since that would be a second level or a reserved part.
std::optional<std::uint64_t> bytes_of(std::uint64_t field, unsigned skip, unsigned count) {
    const unsigned rest_bits = 64U - (skip + count) * 8U;
    if (rest_bits != 0 && (field & (~std::uint64_t{0} >> (64U - rest_bits))) != 0) {
        return std::nullopt;
    }
    return (field >> rest_bits) & (~std::uint64_t{0} >> (64U - count * 8U));
}

std::optional<Lun> lun_of(std::optional<std::uint64_t> number, std::uint64_t mask) {
    if (!number || (*number & ~mask) != 0) {
        return std::nullopt;
    }
    return Lun{static_cast<std::uint32_t>(*number & mask)};
}

/// LENGTH and EXTENDED ADDRESS METHOD share the first byte with the address method.
std::optional<Lun> decode_extended(std::uint64_t field) {
    constexpr std::uint8_t kExtendedFlat = 0xd2;      // length 01b, method 2h: 3 bytes follow
    constexpr std::uint8_t kLongExtendedFlat = 0xe2;  // length 10b, method 2h: 5 bytes follow
    switch (field >> 56U) {
        case kExtendedFlat:
            return lun_of(bytes_of(field, 1, 3), 0xff'ffff);
        case kLongExtendedFlat:
            return lun_of(bytes_of(field, 1, 5), 0xffff'ffff);
        default:
            return std::nullopt;
    }
}

}  // namespace

std::optional<Lun> decode_lun(std::uint64_t field) {
    switch (static_cast<AddressMethod>(field >> kMethodShift)) {
        case AddressMethod::peripheral:
            // A bus identifier other than 0 would address the next level.
            return lun_of(bytes_of(field, 0, 2), 0xff);
        case AddressMethod::flat: {
            const auto number = bytes_of(field, 0, 2);
            return number ? lun_of(*number & 0x3fffU, 0x3fff) : std::nullopt;
        }
        case AddressMethod::logical_unit: {
            const auto number = bytes_of(field, 0, 2);
            return number ? lun_of(*number & 0x3fffU, 0x1f) : std::nullopt;
        }
        case AddressMethod::extended:
            return decode_extended(field);
    }
    return std::nullopt;
}

std::uint64_t encode_lun(Lun lun) {
    TARGE_ASSERT(lun <= kMaxLun);
    constexpr std::uint64_t kFlat = std::uint64_t{1} << kMethodShift;
    const std::uint64_t number = std::uint64_t{lun.value} << kFirstLevelShift;
    return lun.value <= 0xff ? number : kFlat | number;
}

}  // namespace targe::scsi
