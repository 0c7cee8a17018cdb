#include "scsi/receive_copy_results.h"

#include "scsi/third_party_copy.h"

#include <array>
#include <bit>
#include <limits>
#include <span>

namespace targe::scsi {
namespace {

/// COPY COMMAND STATUS of the commands with a one-byte identifier.
std::uint8_t lid1_status(CopyStatus status) {
    constexpr std::uint8_t kInProgress = 0x00;
    constexpr std::uint8_t kCompleted = 0x01;
    constexpr std::uint8_t kFailed = 0x02;
    switch (status) {
        case CopyStatus::in_foreground:
        case CopyStatus::in_background:
            return kInProgress;
        case CopyStatus::completed:
            return kCompleted;
        case CopyStatus::failed:
        case CopyStatus::terminated:
            return kFailed;
    }
    __builtin_unreachable();
}

/// A TRANSFER COUNT of four bytes in the smallest of the TRANSFER COUNT UNITS in which it fits: 00h is bytes,
/// and each that follows 1 024 times the one before.
struct TransferCount {
    std::uint8_t units = 0;
    std::uint32_t count = 0;
};

TransferCount transfer_count(std::uint64_t bytes) {
    TransferCount scaled;
    while (bytes > std::numeric_limits<std::uint32_t>::max()) {
        bytes >>= 10U;
        ++scaled.units;
    }
    scaled.count = static_cast<std::uint32_t>(bytes);
    return scaled;
}

/// Puts the length of what follows the field into the AVAILABLE DATA field, which is the first.
void patch_available_data(std::size_t begin, ParameterWriter& out) {
    out.patch(begin, static_cast<std::uint32_t>(out.size() - begin - 4));
}

}  // namespace

void copy_status_lid1(const CopyProgress& progress, ParameterWriter& out) {
    const TransferCount count = transfer_count(progress.bytes);
    const std::size_t begin = out.size();
    out.u32(0);
    out.u8(lid1_status(progress.status));
    out.u16(progress.segments);
    out.u8(count.units);
    out.u32(count.count);
    patch_available_data(begin, out);
}

void copy_failure_details(const CopyProgress& progress, SenseFormat format, ParameterWriter& out) {
    const std::size_t begin = out.size();
    out.u32(0);
    if (!progress.ended() || progress.status == CopyStatus::completed) {
        return;
    }
    std::array<std::byte, kMaxSenseBytes> sense{};
    const std::size_t size = progress.sense ? encode(*progress.sense, format, sense) : 0;
    out.zeroes(56 - 4);
    out.u8(lid1_status(progress.status));
    out.u8(0);
    out.u16(static_cast<std::uint16_t>(size));
    out.bytes(std::span{sense}.first(size));
    patch_available_data(begin, out);
}

void copy_status_lid4(const CopyProgress& progress, std::uint8_t service_action, std::uint32_t count_unit,
                      SenseFormat format, ParameterWriter& out) {
    constexpr std::uint8_t kBytes = 0x00;
    constexpr std::uint8_t kBlocks = 0xf1;
    constexpr std::uint32_t kAskAgainMs = 100;
    std::array<std::byte, kMaxSenseBytes> sense{};
    const auto size = static_cast<std::uint8_t>(progress.sense ? encode(*progress.sense, format, sense) : 0);
    const std::size_t begin = out.size();
    out.u32(0);
    out.u8(service_action);
    out.u8(static_cast<std::uint8_t>(progress.status));
    out.u16(static_cast<std::uint16_t>(progress.bytes >> 16U));  // a counter that moves when the copy does
    out.u32(progress.ended() ? 0 : kAskAgainMs);
    out.u8(progress.sense ? kCheckCondition : 0);
    out.u8(size);
    out.u8(size);
    out.u8(count_unit == 1 ? kBytes : kBlocks);
    out.u64(progress.bytes / count_unit);
    out.u16(progress.segments);
    out.zeroes(6);
    out.bytes(std::span{sense}.first(size));
    patch_available_data(begin, out);
}

void rod_token_information(const CopyProgress& progress, std::uint8_t service_action,
                           std::uint32_t count_unit, SenseFormat format, const RodTokenBytes* token,
                           ParameterWriter& out) {
    const std::size_t begin = out.size();
    copy_status_lid4(progress, service_action, count_unit, format, out);
    out.u32(token == nullptr ? 0 : 2 + kRodTokenBytes);
    if (token != nullptr) {
        out.u16(0);  // no CSCD descriptor made it
        out.bytes(*token);
    }
    patch_available_data(begin, out);
}

void copy_operating_parameters(const UnitDescription& unit, ParameterWriter& out) {
    constexpr std::uint8_t kNoIdentifier = 0x01;  // SNLID
    constexpr auto kTypes = std::to_array<std::uint8_t>({0x02, 0x0a, 0xe4});
    const std::size_t begin = out.size();
    out.u32(0);
    out.u8(kNoIdentifier);
    out.zeroes(3);
    out.u16(copy_limits::kCscdDescriptors);
    out.u16(copy_limits::kSegmentDescriptors);
    out.u32(copy_limits::kDescriptorListBytes);
    out.u32(copy_limits::kSegmentBytes);
    out.u32(0);  // no inline data,
    out.u32(0);  // nothing held,
    out.u32(0);  // and no streams
    out.zeroes(2);
    out.u16(copy_limits::kCopies);
    out.u8(copy_limits::kCopies);
    out.u8(static_cast<std::uint8_t>(std::countr_zero(unit.block_size)));  // DATA SEGMENT GRANULARITY
    out.u8(0);
    out.u8(0);
    out.zeroes(3);
    out.u8(static_cast<std::uint8_t>(kTypes.size()));
    for (const std::uint8_t type : kTypes) {
        out.u8(type);
    }
    patch_available_data(begin, out);
}

}  // namespace targe::scsi
