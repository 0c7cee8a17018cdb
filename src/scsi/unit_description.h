// What a logical unit says of itself, and of the port through which it is reached. INQUIRY, READ CAPACITY and
// the mode pages are all written from here.
#pragma once

#include "scsi/block_limits.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace targe::scsi {

/// PERIPHERAL DEVICE TYPE, [SPC-4 r37 6.6.2].
enum class DeviceType : std::uint8_t {
    disk = 0x00,
    tape = 0x01,
    cdrom = 0x05,
    changer = 0x08,
    none = 0x1f,
};

/// Whose commands a unit's engine executes. One that has a device server of its own needs none.
enum class CommandSet : std::uint8_t {
    block,       ///< [SBC-3 r36]
    multimedia,  ///< [MMC-6 r2g]
};

[[nodiscard]] constexpr CommandSet command_set_of(DeviceType type) {
    return type == DeviceType::cdrom ? CommandSet::multimedia : CommandSet::block;
}

/// By what initiators recognise a unit again. Never changes while a unit lives, but on purpose.
struct UnitIdentity {
    std::string vendor = "TARGE";     ///< T10 VENDOR IDENTIFICATION: at most 8 characters are kept
    std::string product = "DISK";     ///< at most 16
    std::string revision = "0001";    ///< at most 4
    std::string serial;               ///< PRODUCT SERIAL NUMBER: ASCII, at most 252
    std::array<std::byte, 16> naa{};  ///< its first digit is its type; all types but 6h use the first 8 bytes
    std::optional<std::array<std::byte, 8>> eui64 = {};
    std::string t10_vendor_specific;  ///< what follows the vendor in the T10 designator; at most 244
    bool operator==(const UnitIdentity&) const = default;
};

/// LOGICAL BLOCK PROVISIONING: what thin provisioning the unit offers, [SBC-3 r36 6.5.4].
struct Provisioning {
    bool managed = false;                    ///< LBPME: the unit is thin
    bool unmap = false;                      ///< LBPU
    bool write_same_16 = false;              ///< LBPWS
    bool write_same_10 = false;              ///< LBPWS10
    bool unmapped_blocks_read_zero = false;  ///< LBPRZ
    bool anchor = false;                     ///< ANC_SUP
    /// THRESHOLD EXPONENT: log2 of the blocks that resources are counted in. 0: they are not counted, and
    /// there are neither thresholds nor what tells of them.
    std::uint8_t threshold_exponent = 0;
    bool operator==(const Provisioning&) const = default;
};

/// TPGS: who may change the access states of the target port groups, [SPC-4 r37 6.6.2].
enum class AccessSupport : std::uint8_t { symmetric = 0, implicit = 1, implicit_and_explicit = 3 };

struct UnitDescription {
    UnitIdentity identity;
    DeviceType type = DeviceType::disk;
    bool removable = false;
    bool rotational = false;
    bool volatile_cache = true;  ///< what the device does: WCE can be set only where there is a cache
    std::uint64_t blocks = 0;    ///< at least 1 where a medium is present
    std::uint32_t block_size = 512;
    std::uint8_t physical_block_exponent = 0;  ///< LBPPBE
    Provisioning provisioning;
    BlockLimits limits;
    AccessSupport access = AccessSupport::symmetric;
    bool operator==(const UnitDescription&) const = default;
};

/// Another port of the same SCSI target device, or the same one.
struct TargetPortName {
    std::uint16_t relative_target_port;
    std::string name;  ///< as in PortDescription::target_port_name
    bool operator==(const TargetPortName&) const = default;
};

/// The port through which an initiator asks.
struct PortDescription {
    std::string target_device_name;  ///< the iSCSI name
    std::string target_port_name;    ///< iSCSI name, ",t,0x" and the portal group tag in four digits
    std::uint16_t relative_target_port = 1;
    std::optional<std::uint16_t> target_port_group = {};
    bool several_ports = false;                  ///< MULTIP
    std::vector<TargetPortName> all_ports = {};  ///< of the target device, this one too; ascending
    bool connected = true;  ///< false: the unit is there, and cannot be reached through this port
    bool operator==(const PortDescription&) const = default;
};

}  // namespace targe::scsi
