#include "scsi/inquiry.h"

#include "scsi/vital_product_data.h"

#include <array>

namespace targe::scsi {
namespace {

constexpr wire::Field kPageCode = wire::bytes(2, 2);

constexpr std::uint8_t kVersionSpc4 = 0x06;
constexpr std::uint8_t kHierarchicalResponseFormat2 = 0x32;  // NORMACA, HISUP, RESPONSE DATA FORMAT 2h
constexpr std::uint8_t kAdditionalLength = 96 - 5;

/// VERSION DESCRIPTOR values, [SPC-4 r37 6.6]: the standards without a version claim.
constexpr std::uint16_t kSam5 = 0x00a0;
constexpr std::uint16_t kIscsi = 0x0960;
constexpr std::uint16_t kSpc4 = 0x0460;
constexpr std::uint16_t kSbc3 = 0x04c0;
constexpr std::uint16_t kMmc6 = 0x04e0;

/// Of the commands themselves. What is a tape or a changer is another program, and nothing is claimed for it.
std::uint16_t command_standard(DeviceType type) {
    switch (type) {
        case DeviceType::disk:
            return kSbc3;
        case DeviceType::cdrom:
            return kMmc6;
        default:
            return 0;
    }
}

/// The layout is [SPC-4 r37 6.6.2].
struct StandardData {
    std::uint8_t peripheral;
    bool removable;
    bool several_ports;
    bool copies;
    AccessSupport access;
    std::array<std::uint16_t, 8> versions;
};

void write_standard(const StandardData& data, const UnitIdentity& identity, ParameterWriter& out) {
    constexpr std::uint8_t kRemovable = 0x80;
    constexpr std::uint8_t kMultiplePorts = 0x10;
    constexpr std::uint8_t kCommandQueuing = 0x02;
    constexpr std::uint8_t kThirdPartyCopy = 0x08;  // 3PC
    out.u8(data.peripheral);
    out.u8(data.removable ? kRemovable : 0);
    out.u8(kVersionSpc4);
    out.u8(kHierarchicalResponseFormat2);
    out.u8(kAdditionalLength);
    out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(data.access) << 4U |  // TPGS
                                     (data.copies ? kThirdPartyCopy : 0U)));
    out.u8(data.several_ports ? kMultiplePorts : 0);
    out.u8(kCommandQueuing);
    out.ascii(identity.vendor, 8);
    out.ascii(identity.product, 16);
    out.ascii(identity.revision, 4);
    out.zeroes(58 - 36);
    for (const std::uint16_t version : data.versions) {
        out.u16(version);
    }
    out.zeroes(96 - 74);
}

std::optional<Sense> refuse_page(const InquiryRequest& request) {
    if (!request.vital_product_data && request.page_code != 0) {
        return invalid_field(kPageCode);
    }
    return std::nullopt;
}

}  // namespace

std::optional<Sense> inquiry(const InquiryRequest& request, const UnitDescription& unit,
                             const PortDescription& port, ParameterWriter& out) {
    if (const auto refused = refuse_page(request)) {
        return refused;
    }
    if (request.vital_product_data) {
        return write_vital_product_data(request.page_code, unit, port, out)
                   ? std::nullopt
                   : std::optional{invalid_field(kPageCode)};
    }
    const bool disk = unit.type == DeviceType::disk;
    write_standard({.peripheral = peripheral_byte(unit, port),
                    .removable = unit.removable,
                    .several_ports = port.several_ports,
                    .copies = disk,
                    .access = unit.access,
                    .versions = {kSam5, kIscsi, kSpc4, command_standard(unit.type)}},
                   unit.identity, out);
    return std::nullopt;
}

std::optional<Sense> inquiry_without_unit(const InquiryRequest& request, const UnitIdentity& identity,
                                          ParameterWriter& out) {
    if (const auto refused = refuse_page(request)) {
        return refused;
    }
    constexpr std::uint8_t kNotCapableOfAUnit = 0x7f;  // qualifier 011b, type 1Fh
    if (request.vital_product_data) {
        if (request.page_code != 0) {
            return invalid_field(kPageCode);
        }
        // The list of supported pages has one page: itself.
        out.u8(kNotCapableOfAUnit);
        out.u8(0);
        out.u16(1);
        out.u8(0);
        return std::nullopt;
    }
    write_standard({.peripheral = kNotCapableOfAUnit,
                    .removable = false,
                    .several_ports = false,
                    .copies = false,
                    .access = AccessSupport::symmetric,
                    .versions = {kSam5, kIscsi, kSpc4}},
                   identity, out);
    return std::nullopt;
}

}  // namespace targe::scsi
