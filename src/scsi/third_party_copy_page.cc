// The Third-Party Copy VPD page, [SPC-4 r37 7.8] and [SBC-3 r36 6.5].
#include "scsi/command_table.h"
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
    write_supported_commands(out);
    write_parameter_data(out);
    write_supported_descriptors(out);
    write_supported_cscd_ids(out);
    write_general_copy_operations(unit, out);
}

}  // namespace targe::scsi
