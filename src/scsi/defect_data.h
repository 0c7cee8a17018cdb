// READ DEFECT DATA, [SBC-3 r36]: a virtual disk has no defects of its own to tell of.
#pragma once

#include "scsi/parameter_writer.h"
#include "wire/field.h"

#include <cstddef>
#include <span>

namespace targe::scsi {

struct ReadDefectData10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kPrimaryList = wire::bit(2, 4);  ///< REQ_PLIST
    static constexpr wire::Field kGrownList = wire::bit(2, 3);    ///< REQ_GLIST
    static constexpr wire::Field kFormat = wire::bits(2, 2, 0);   ///< DEFECT LIST FORMAT
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kPrimaryList, kGrownList, kFormat, kAllocationLength});
};

struct ReadDefectData12Cdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kPrimaryList = wire::bit(1, 4);
    static constexpr wire::Field kGrownList = wire::bit(1, 3);
    static constexpr wire::Field kFormat = wire::bits(1, 2, 0);
    static constexpr wire::Field kDescriptorIndex = wire::bytes(2, 5);  ///< ADDRESS DESCRIPTOR INDEX
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 9);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kPrimaryList, kGrownList, kFormat, kDescriptorIndex, kAllocationLength});
};

/// Writes the empty lists that were asked for, in the format that was asked for.
void read_defect_data_10(std::span<const std::byte, ReadDefectData10Cdb::kSize> cdb, ParameterWriter& out);
void read_defect_data_12(std::span<const std::byte, ReadDefectData12Cdb::kSize> cdb, ParameterWriter& out);

}  // namespace targe::scsi
