// The CDBs of drives of CDs and DVDs, [MMC-6 r2g].
#pragma once

#include "wire/field.h"

#include <cstddef>

namespace targe::scsi {

/// Without RELADR, which is obsolete, and without what only [SBC-3 r36] has.
struct DiscRead10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kFua = wire::bit(1, 3);
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr wire::Field kBlocks = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kDpo, kFua, kLba, kBlocks});
};

struct DiscRead12Cdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kFua = wire::bit(1, 3);
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr wire::Field kBlocks = wire::bytes(6, 9);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kDpo, kFua, kLba, kBlocks});
};

/// Without BYTCHK: there is nothing to compare with.
struct DiscVerify10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr wire::Field kBlocks = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kDpo, kLba, kBlocks});
};

struct Seek10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kLba});
};

/// Of a sector its user data can be had, and nothing beside it: an image holds nothing else.
struct ReadCdCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kExpectedSectorType = wire::bits(1, 4, 2);
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr wire::Field kBlocks = wire::bytes(6, 8);
    static constexpr wire::Field kUserData = wire::bit(9, 4);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kExpectedSectorType, kLba, kBlocks, kUserData});
};

/// The same from one minute, second and frame to before another.
struct ReadCdMsfCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kExpectedSectorType = wire::bits(1, 4, 2);
    static constexpr wire::Field kStart = wire::bytes(3, 5);
    static constexpr wire::Field kEnd = wire::bytes(6, 8);
    static constexpr wire::Field kUserData = wire::bit(9, 4);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kExpectedSectorType, kStart, kEnd, kUserData});
};

struct ReadTocCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kMsf = wire::bit(1, 1);
    static constexpr wire::Field kFormat = wire::bits(2, 3, 0);
    static constexpr wire::Field kNumber = wire::bytes(6, 6);  ///< of a track or of a session
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    /// Where the format was before MMC; Linux still asks so.
    static constexpr wire::Field kOldFormat = wire::bits(9, 7, 6);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kMsf, kFormat, kNumber, kAllocationLength, kOldFormat});
};

struct GetConfigurationCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kRequestedType = wire::bits(1, 1, 0);
    static constexpr wire::Field kStartingFeature = wire::bytes(2, 3);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kRequestedType, kStartingFeature, kAllocationLength});
};

struct GetEventStatusNotificationCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kPolled = wire::bit(1, 0);
    static constexpr wire::Field kClasses = wire::bytes(4, 4);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kPolled, kClasses, kAllocationLength});
};

struct ReadDiscInformationCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kDataType = wire::bits(1, 2, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kDataType, kAllocationLength});
};

struct ReadTrackInformationCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kNumberType = wire::bits(1, 1, 0);
    static constexpr wire::Field kNumber = wire::bytes(2, 5);  ///< an address, a track or a session
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kNumberType, kNumber, kAllocationLength});
};

/// TYPE 00h, performance. There is no allocation length: the greatest number of descriptors bounds it.
struct GetPerformanceCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kTolerance = wire::bits(1, 4, 3);
    static constexpr wire::Field kWrite = wire::bit(1, 2);
    static constexpr wire::Field kExcept = wire::bits(1, 1, 0);
    static constexpr wire::Field kStartingLba = wire::bytes(2, 5);
    static constexpr wire::Field kMaximumDescriptors = wire::bytes(8, 9);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kTolerance, kWrite, kExcept, kStartingLba, kMaximumDescriptors});
};

struct ReadDiscStructureCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kMediaType = wire::bits(1, 3, 0);
    static constexpr wire::Field kAddress = wire::bytes(2, 5);
    static constexpr wire::Field kLayer = wire::bytes(6, 6);
    static constexpr wire::Field kFormat = wire::bytes(7, 7);
    static constexpr wire::Field kAllocationLength = wire::bytes(8, 9);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kMediaType, kAddress, kLayer, kFormat, kAllocationLength});
};

struct SetCdSpeedCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kRotationalControl = wire::bits(1, 1, 0);
    static constexpr wire::Field kReadSpeed = wire::bytes(2, 3);
    static constexpr wire::Field kWriteSpeed = wire::bytes(4, 5);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kRotationalControl, kReadSpeed, kWriteSpeed});
};

struct MechanismStatusCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(8, 9);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kAllocationLength});
};

}  // namespace targe::scsi
