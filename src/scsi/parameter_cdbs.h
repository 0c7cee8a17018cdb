// CDB layouts of the commands that move parameter data, or none, instead of blocks.
#pragma once

#include "wire/field.h"

#include <cstddef>

namespace targe::scsi {

/// [SPC-4 r37 6.47]
struct TestUnitReadyCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode});
};

/// [SPC-4 r37 6.39]
struct RequestSenseCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kDescriptorFormat = wire::bit(1, 0);  ///< DESC
    static constexpr wire::Field kAllocationLength = wire::bytes(4, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kDescriptorFormat, kAllocationLength});
};

/// [SPC-4 r37 6.6]
struct InquiryCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kVitalProductData = wire::bit(1, 0);  ///< EVPD
    static constexpr wire::Field kPageCode = wire::bytes(2, 2);
    static constexpr wire::Field kAllocationLength = wire::bytes(3, 4);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kVitalProductData, kPageCode, kAllocationLength});
};

/// [SPC-4 r37 6.11]
struct ModeSelect6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kPageFormat = wire::bit(1, 4);  ///< PF
    static constexpr wire::Field kSavePages = wire::bit(1, 0);   ///< SP
    static constexpr wire::Field kParameterListLength = wire::bytes(4, 4);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kPageFormat, kSavePages, kParameterListLength});
};

/// [SPC-4 r37 6.12]
struct ModeSelect10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kPageFormat = wire::bit(1, 4);  ///< PF
    static constexpr wire::Field kSavePages = wire::bit(1, 0);   ///< SP
    static constexpr wire::Field kParameterListLength = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kPageFormat, kSavePages, kParameterListLength});
};

/// [SPC-4 r37 6.13]
struct ModeSense6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kDisableBlockDescriptors = wire::bit(1, 3);  ///< DBD
    static constexpr wire::Field kPageControl = wire::bits(2, 7, 6);          ///< PC
    static constexpr wire::Field kPageCode = wire::bits(2, 5, 0);
    static constexpr wire::Field kSubpageCode = wire::bytes(3, 3);
    static constexpr wire::Field kAllocationLength = wire::bytes(4, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kDisableBlockDescriptors, kPageControl, kPageCode, kSubpageCode, kAllocationLength});
};

/// [SPC-4 r37 6.14]
struct ModeSense10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kLongLbaAccepted = wire::bit(1, 4);          ///< LLBAA
    static constexpr wire::Field kDisableBlockDescriptors = wire::bit(1, 3);  ///< DBD
    static constexpr wire::Field kPageControl = wire::bits(2, 7, 6);          ///< PC
    static constexpr wire::Field kPageCode = wire::bits(2, 5, 0);
    static constexpr wire::Field kSubpageCode = wire::bytes(3, 3);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kLongLbaAccepted, kDisableBlockDescriptors, kPageControl, kPageCode,
                                 kSubpageCode, kAllocationLength});
};

/// [SBC-3 r36 5.15]. The LBA and PMI of earlier standards are obsolete and refused.
struct ReadCapacity10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode});
};

/// [SBC-3 r36 5.16]
struct ReadCapacity16Cdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(10, 13);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kServiceAction, kAllocationLength});
};

/// [SBC-3 r36 5.4]
struct GetLbaStatusCdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kLba = wire::bytes(2, 9);
    static constexpr wire::Field kAllocationLength = wire::bytes(10, 13);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kLba, kAllocationLength});
};

/// [SBC-3 r36 5.28]. ANCHOR is not used: nothing here can anchor a block.
struct UnmapCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kAnchor = wire::bit(1, 0);
    static constexpr wire::Field kGroup = wire::bits(6, 4, 0);
    static constexpr wire::Field kParameterListLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kGroup, kParameterListLength});
    static constexpr auto kUsageAnchoring =
        wire::usage_mask<kSize>({kOpcode, kAnchor, kGroup, kParameterListLength});
};

/// [SPC-4 r37 6.33]
struct ReportLunsCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kSelectReport = wire::bytes(2, 2);
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 9);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kSelectReport, kAllocationLength});
};

/// RESERVE and RELEASE of SPC-2. Whole units for the nexus itself: third parties and extents are refused.
struct Reserve6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode});
};
struct Reserve10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode});
};

}  // namespace targe::scsi
