// The Third-Party Copy VPD page, [SPC-4 r37 7.8] and [SBC-3 r36 6.5].
#include "scsi/command_table.h"
#include "scsi/rod_token.h"
#include "scsi/third_party_copy.h"
#include "scsi/vital_product_data.h"

#include <bit>

namespace targe::scsi {
namespace {

/// Writes the four bytes in front of a third-party copy descriptor; when it ends, fills it to a multiple of
/// four bytes and puts its length there.
class DescriptorScope {
public:
    DescriptorScope(ParameterWriter& out, std::uint16_t type) : out_(out), begin_(out.size()) {
        out.u16(type);
        out.u16(0);
    }
    DescriptorScope(const DescriptorScope&) = delete;
    DescriptorScope& operator=(const DescriptorScope&) = delete;
    ~DescriptorScope() {
        out_.zeroes((4 - (out_.size() - begin_) % 4) % 4);
        out_.patch(begin_ + 2, static_cast<std::uint16_t>(out_.size() - begin_ - 4));
    }

private:
    ParameterWriter& out_;
    std::size_t begin_;
};

/// Block Device ROD Token Limits, which Windows looks for before it offloads a copy, [SBC-3 r36].
void write_rod_token_limits(const UnitDescription& unit, ParameterWriter& out) {
    const DescriptorScope scope(out, 0x0000);
    out.zeroes(6);
    out.u16(copy_limits::kTokenRanges);
    out.u32(copy_limits::kLongestTokenTimeout);
    out.u32(copy_limits::kTokenTimeout);
    out.u64(copy_limits::kTokenBytes / unit.block_size);
    out.u64(copy_limits::kOptimalTokenBytes / unit.block_size);
}

/// ROD Token Features, with those of block devices.
void write_rod_token_features(ParameterWriter& out) {
    constexpr std::uint16_t kBlockDeviceFeatures = 0x2c;
    const DescriptorScope scope(out, 0x0106);
    out.u8(0);  // tokens of other copy managers mean nothing here
    out.zeroes(11);
    out.u32(0);  // no token lives for sure: its blocks may be written
    out.u32(0);
    out.u32(copy_limits::kLongestTokenTimeout);
    out.zeroes(18);
    out.u16(kBlockDeviceFeatures + 4);
    out.u8(0);
    out.u8(0);
    out.u16(kBlockDeviceFeatures);
    out.zeroes(2);
    out.u16(0);
    out.u64(copy_limits::kTokenBytes);
    out.u64(copy_limits::kOptimalTokenBytes);
    out.u64(copy_limits::kOptimalTokenBytes);
    out.u64(copy_limits::kOptimalTokenBytes);
    out.zeroes(8);
}

void write_rod_type(RodType type, std::uint8_t use, ParameterWriter& out) {
    out.u32(static_cast<std::uint32_t>(type));
    out.u8(use);
    out.zeroes(64 - 5);
}

/// Supported ROD Token and ROD Types.
void write_supported_rod_tokens(ParameterWriter& out) {
    constexpr std::uint8_t kTokenIn = 0x02;
    constexpr std::uint8_t kTokenOut = 0x01;
    const DescriptorScope scope(out, 0x0108);
    out.zeroes(2);
    out.u16(2 * 64);
    write_rod_type(RodType::change_vulnerable, kTokenIn | kTokenOut, out);
    write_rod_type(RodType::zeroes, kTokenIn, out);
}

/// The service actions of one operation code, as the command table has them.
void write_service_actions(std::uint8_t opcode, ParameterWriter& out) {
    out.u8(opcode);
    const std::size_t count = out.size();
    out.u8(0);
    for (const CommandInfo& row : command_table()) {
        if (row.opcode == opcode && row.service_action) {
            out.u8(*row.service_action);
        }
    }
    out.patch(count, static_cast<std::uint8_t>(out.size() - count - 1));
}

void write_supported_commands(ParameterWriter& out) {
    constexpr std::uint8_t kThirdPartyCopyOut = 0x83;
    constexpr std::uint8_t kThirdPartyCopyIn = 0x84;
    const DescriptorScope scope(out, 0x0001);
    const std::size_t length = out.size();
    out.u8(0);
    write_service_actions(kThirdPartyCopyOut, out);
    write_service_actions(kThirdPartyCopyIn, out);
    out.patch(length, static_cast<std::uint8_t>(out.size() - length - 1));
}

void write_parameter_data(ParameterWriter& out) {
    const DescriptorScope scope(out, 0x0004);
    out.zeroes(4);
    out.u16(copy_limits::kCscdDescriptors);
    out.u16(copy_limits::kSegmentDescriptors);
    out.u32(copy_limits::kDescriptorListBytes);
    out.u32(0);  // no inline data
    out.zeroes(12);
}

void write_supported_descriptors(ParameterWriter& out) {
    const DescriptorScope scope(out, 0x0008);
    out.u8(3);
    out.u8(0x02);
    out.u8(0x0a);
    out.u8(0xe4);
}

/// No CSCD identifier has a meaning of its own.
void write_supported_cscd_ids(ParameterWriter& out) {
    const DescriptorScope scope(out, 0x000c);
    out.u16(0);
}

void write_general_copy_operations(const UnitDescription& unit, ParameterWriter& out) {
    const DescriptorScope scope(out, 0x8001);
    out.u32(copy_limits::kCopies);
    out.u32(copy_limits::kCopies);
    out.u32(copy_limits::kSegmentBytes);
    out.u8(static_cast<std::uint8_t>(std::countr_zero(unit.block_size)));
    out.u8(0);
    out.zeroes(18);
}

}  // namespace

void write_third_party_copy(const UnitDescription& unit, const PortDescription& /*port*/,
                            ParameterWriter& out) {
    write_rod_token_limits(unit, out);
    write_supported_commands(out);
    write_parameter_data(out);
    write_supported_descriptors(out);
    write_supported_cscd_ids(out);
    write_rod_token_features(out);
    write_supported_rod_tokens(out);
    write_general_copy_operations(unit, out);
}

}  // namespace targe::scsi
