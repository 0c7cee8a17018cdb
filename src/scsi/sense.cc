#include "scsi/sense.h"

#include <algorithm>
#include <limits>

namespace targe::scsi {
namespace {

// RESPONSE CODE; that of a deferred error is one more.
constexpr std::uint8_t kCurrentFixed = 0x70;
constexpr std::uint8_t kCurrentDescriptor = 0x72;

/// Fixed format sense data, [SPC-4 r37 4.5.3].
struct FixedSense {
    static constexpr std::size_t kSize = 18;
    static constexpr std::size_t kLengthCountsFrom = 8;
    static constexpr wire::Field kValid = wire::bit(0, 7);
    static constexpr wire::Field kResponseCode = wire::bits(0, 6, 0);
    static constexpr wire::Field kKey = wire::bits(2, 3, 0);
    static constexpr wire::Field kInformation = wire::bytes(3, 6);
    static constexpr wire::Field kAdditionalLength = wire::bytes(7, 7);
    static constexpr wire::Field kCommandSpecific = wire::bytes(8, 11);
    static constexpr wire::Field kSegment = wire::bytes(10, 11);  ///< of COMMAND-SPECIFIC INFORMATION
    static constexpr wire::Field kAsc = wire::bytes(12, 13);
    static constexpr std::size_t kSenseKeySpecific = 15;
};

/// Header of descriptor format sense data, [SPC-4 r37 4.5.2].
struct DescriptorSense {
    static constexpr std::size_t kSize = 8;
    static constexpr wire::Field kResponseCode = wire::bits(0, 6, 0);
    static constexpr wire::Field kKey = wire::bits(1, 3, 0);
    static constexpr wire::Field kAsc = wire::bytes(2, 3);
    static constexpr wire::Field kAdditionalLength = wire::bytes(7, 7);
};

struct InformationDescriptor {
    static constexpr std::size_t kSize = 12;
    static constexpr std::uint8_t kType = 0x00;
    static constexpr wire::Field kDescriptorType = wire::bytes(0, 0);
    static constexpr wire::Field kAdditionalLength = wire::bytes(1, 1);
    static constexpr wire::Field kValid = wire::bit(2, 7);
    static constexpr wire::Field kInformation = wire::bytes(4, 11);
};

struct CommandSpecificDescriptor {
    static constexpr std::size_t kSize = 12;
    static constexpr std::uint8_t kType = 0x01;
    static constexpr wire::Field kDescriptorType = wire::bytes(0, 0);
    static constexpr wire::Field kAdditionalLength = wire::bytes(1, 1);
    static constexpr wire::Field kCommandSpecific = wire::bytes(4, 11);
    static constexpr wire::Field kSegment = wire::bytes(10, 11);
};

struct SenseKeySpecificDescriptor {
    static constexpr std::size_t kSize = 8;
    static constexpr std::uint8_t kType = 0x02;
    static constexpr wire::Field kDescriptorType = wire::bytes(0, 0);
    static constexpr wire::Field kAdditionalLength = wire::bytes(1, 1);
    static constexpr std::size_t kSenseKeySpecific = 4;
};

/// The three bytes that both formats share, [SPC-4 r37 4.5.2.4].
struct SenseKeySpecific {
    static constexpr std::size_t kSize = 3;
    static constexpr wire::Field kValid = wire::bit(0, 7);
    static constexpr wire::Field kInCdb = wire::bit(0, 6);
    static constexpr wire::Field kBitPointerValid = wire::bit(0, 3);
    static constexpr wire::Field kBitPointer = wire::bits(0, 2, 0);
    static constexpr wire::Field kFieldPointer = wire::bytes(1, 2);
    static constexpr wire::Field kProgress = wire::bytes(1, 2);
};

bool has_sense_key_specific(const Sense& sense) {
    return sense.field.has_value() || sense.progress.has_value();
}

/// A field pointer and a progress indication need different sense keys, so there is never one of each.
void put_sense_key_specific(const Sense& sense, std::span<std::byte, SenseKeySpecific::kSize> out) {
    using L = SenseKeySpecific;
    if (sense.field) {
        wire::put<L::kValid>(out, 1);
        wire::put<L::kInCdb>(out, sense.field->in == FieldPointer::In::cdb ? 1 : 0);
        wire::put<L::kBitPointerValid>(out, sense.field->bit ? 1 : 0);
        wire::put<L::kBitPointer>(out, sense.field->bit.value_or(0));
        wire::put<L::kFieldPointer>(out, sense.field->byte);
    } else if (sense.progress) {
        wire::put<L::kValid>(out, 1);
        wire::put<L::kProgress>(out, *sense.progress);
    }
}

std::size_t encode_fixed(const Sense& sense, std::span<std::byte, FixedSense::kSize> out) {
    using L = FixedSense;
    wire::put<L::kResponseCode>(out, kCurrentFixed + (sense.deferred ? 1 : 0));
    wire::put<L::kKey>(out, static_cast<std::uint8_t>(sense.key));
    wire::put<L::kAdditionalLength>(out, L::kSize - L::kLengthCountsFrom);
    wire::put<L::kAsc>(out, static_cast<std::uint16_t>(sense.asc));
    if (sense.information && *sense.information <= std::numeric_limits<std::uint32_t>::max()) {
        wire::put<L::kValid>(out, 1);
        wire::put<L::kInformation>(out, static_cast<std::uint32_t>(*sense.information));
    }
    if (sense.command_specific) {
        // All ones where it does not fit: no block in particular, [SBC-3 r36].
        constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
        wire::put<L::kCommandSpecific>(out,
                                       static_cast<std::uint32_t>(std::min(*sense.command_specific, kMost)));
    }
    if (sense.segment) {
        wire::put<L::kSegment>(out, *sense.segment);
    }
    put_sense_key_specific(sense, out.subspan<L::kSenseKeySpecific, SenseKeySpecific::kSize>());
    return L::kSize;
}

std::size_t put_information(std::uint64_t information, std::span<std::byte> at) {
    using L = InformationDescriptor;
    const auto out = at.first<L::kSize>();
    wire::put<L::kDescriptorType>(out, L::kType);
    wire::put<L::kAdditionalLength>(out, L::kSize - 2);
    wire::put<L::kValid>(out, 1);
    wire::put<L::kInformation>(out, information);
    return L::kSize;
}

std::size_t put_command_specific(const Sense& sense, std::span<std::byte> at) {
    using L = CommandSpecificDescriptor;
    const auto out = at.first<L::kSize>();
    wire::put<L::kDescriptorType>(out, L::kType);
    wire::put<L::kAdditionalLength>(out, L::kSize - 2);
    if (sense.command_specific) {
        wire::put<L::kCommandSpecific>(out, *sense.command_specific);
    } else {
        wire::put<L::kSegment>(out, *sense.segment);
    }
    return L::kSize;
}

std::size_t put_sense_key_specific_descriptor(const Sense& sense, std::span<std::byte> at) {
    using L = SenseKeySpecificDescriptor;
    const auto out = at.first<L::kSize>();
    wire::put<L::kDescriptorType>(out, L::kType);
    wire::put<L::kAdditionalLength>(out, L::kSize - 2);
    put_sense_key_specific(sense, out.subspan<L::kSenseKeySpecific, SenseKeySpecific::kSize>());
    return L::kSize;
}

std::size_t encode_descriptor(const Sense& sense, std::span<std::byte, kMaxSenseBytes> out) {
    using L = DescriptorSense;
    const auto header = out.first<L::kSize>();
    wire::put<L::kResponseCode>(header, kCurrentDescriptor + (sense.deferred ? 1 : 0));
    wire::put<L::kKey>(header, static_cast<std::uint8_t>(sense.key));
    wire::put<L::kAsc>(header, static_cast<std::uint16_t>(sense.asc));
    std::size_t size = L::kSize;
    if (sense.information) {
        size += put_information(*sense.information, out.subspan(size));
    }
    if (sense.command_specific || sense.segment) {
        size += put_command_specific(sense, out.subspan(size));
    }
    if (has_sense_key_specific(sense)) {
        size += put_sense_key_specific_descriptor(sense, out.subspan(size));
    }
    wire::put<L::kAdditionalLength>(header, static_cast<std::uint8_t>(size - L::kSize));
    return size;
}

/// No sense data of ours takes more: header, information, command-specific, sense-key-specific.
constexpr std::size_t kLongest = DescriptorSense::kSize + InformationDescriptor::kSize +
                                 CommandSpecificDescriptor::kSize + SenseKeySpecificDescriptor::kSize;
static_assert(kLongest <= kMaxSenseBytes && FixedSense::kSize <= kLongest);

}  // namespace

std::size_t encode(const Sense& sense, SenseFormat format, std::span<std::byte, kMaxSenseBytes> out) {
    std::ranges::fill(out.first<kLongest>(), std::byte{0});
    return format == SenseFormat::fixed ? encode_fixed(sense, out.first<FixedSense::kSize>())
                                        : encode_descriptor(sense, out);
}

}  // namespace targe::scsi
