// The Device Identification and SCSI Ports VPD pages, [SPC-4 r37 7.8.6 and 7.8.14]: designation descriptors.
#include "scsi/vital_product_data.h"

#include <span>
#include <string_view>

namespace targe::scsi {
namespace {

enum class CodeSet : std::uint8_t { binary = 1, ascii = 2, utf8 = 3 };
enum class Association : std::uint8_t { logical_unit = 0, target_port = 1, target_device = 2 };
enum class Designator : std::uint8_t {
    t10_vendor_id = 1,
    eui64 = 2,
    naa = 3,
    relative_target_port = 4,
    target_port_group = 5,
    scsi_name_string = 8,
};

/// Writes the four bytes in front of a designator, and when it ends the length of what came between.
class DesignatorScope {
public:
    DesignatorScope(ParameterWriter& out, CodeSet code_set, Association association, Designator type)
        : out_(out), begin_(out.size()) {
        constexpr unsigned kIscsi = 5;
        constexpr unsigned kProtocolValid = 0x80;
        // PROTOCOL IDENTIFIER means something only for ports and target devices.
        const bool unit = association == Association::logical_unit;
        out.u8(static_cast<std::uint8_t>((unit ? 0U : kIscsi << 4U) | static_cast<unsigned>(code_set)));
        out.u8(static_cast<std::uint8_t>((unit ? 0U : kProtocolValid) |
                                         static_cast<unsigned>(association) << 4U |
                                         static_cast<unsigned>(type)));
        out.u16(0);  // a reserved byte, and the length
    }
    DesignatorScope(const DesignatorScope&) = delete;
    DesignatorScope& operator=(const DesignatorScope&) = delete;
    ~DesignatorScope() { out_.patch(begin_ + 3, static_cast<std::uint8_t>(out_.size() - begin_ - 4)); }

private:
    ParameterWriter& out_;
    std::size_t begin_;
};

/// NUL-terminated, then filled with NULs to a multiple of four bytes, [SPC-4 r37 7.8.6.11]. An iSCSI name
/// has at most 223 bytes and a port name nine more, so the length fits its byte.
void write_scsi_name(std::string_view name, Association association, ParameterWriter& out) {
    const DesignatorScope scope(out, CodeSet::utf8, association, Designator::scsi_name_string);
    constexpr std::size_t kLongest = 251;
    const std::string_view kept = name.substr(0, kLongest);
    out.characters(kept);
    out.zeroes(4 - kept.size() % 4);
}

void write_port_number(Designator type, std::uint16_t number, ParameterWriter& out) {
    const DesignatorScope scope(out, CodeSet::binary, Association::target_port, type);
    out.u16(0);
    out.u16(number);
}

}  // namespace

void write_unit_designators(const UnitIdentity& identity, ParameterWriter& out) {
    {
        const DesignatorScope scope(out, CodeSet::binary, Association::logical_unit, Designator::naa);
        // The types other than 6h have 8 bytes: a unit that moved here from another target may bring one.
        const bool extended = (identity.naa.front() >> 4U) == std::byte{6};
        out.bytes(std::span(identity.naa).first(extended ? 16 : 8));
    }
    if (identity.eui64) {
        const DesignatorScope scope(out, CodeSet::binary, Association::logical_unit, Designator::eui64);
        out.bytes(*identity.eui64);
    }
    const DesignatorScope scope(out, CodeSet::ascii, Association::logical_unit, Designator::t10_vendor_id);
    constexpr std::size_t kLongestVendorSpecific = 244;
    out.ascii(identity.vendor, 8);
    out.characters(std::string_view(identity.t10_vendor_specific).substr(0, kLongestVendorSpecific));
}

void write_device_identification(const UnitDescription& unit, const PortDescription& port,
                                 ParameterWriter& out) {
    write_unit_designators(unit.identity, out);
    write_port_number(Designator::relative_target_port, port.relative_target_port, out);
    if (port.target_port_group) {
        write_port_number(Designator::target_port_group, *port.target_port_group, out);
    }
    write_scsi_name(port.target_port_name, Association::target_port, out);
    write_scsi_name(port.target_device_name, Association::target_device, out);
}

void write_scsi_ports(const UnitDescription& /*unit*/, const PortDescription& port, ParameterWriter& out) {
    for (const TargetPortName& each : port.all_ports) {
        out.u16(0);
        out.u16(each.relative_target_port);
        out.u16(0);
        out.u16(0);  // INITIATOR PORT TRANSPORTID LENGTH: it is a target port
        out.u16(0);
        const std::size_t length_at = out.size();
        out.u16(0);
        write_scsi_name(each.name, Association::target_port, out);
        out.patch(length_at, static_cast<std::uint16_t>(out.size() - length_at - 2));
    }
}

}  // namespace targe::scsi
