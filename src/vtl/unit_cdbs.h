// CDB layouts that drives and changers share, and those of what a drive tells of itself, [SPC-4 r37].
#pragma once

#include "vtl/stream_cdbs.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>

namespace targe::vtl {

struct InquiryCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kEvpd = wire::bit(1, 0);
    static constexpr wire::Field kPage = wire::bytes(2, 2);
    static constexpr wire::Field kAllocationLength = wire::bytes(3, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kEvpd, kPage, kAllocationLength});
};

/// REQUEST SENSE; targed answers it.
struct RequestSenseCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, wire::bit(1, 0), wire::bytes(4, 4)});
};

/// RESERVE(10) and RELEASE(10); targed answers them.
struct Reserve10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode});
};

struct PersistentReserveInCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, wire::bits(1, 4, 0), wire::bytes(7, 8)});
};

struct PersistentReserveOutCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, wire::bits(1, 4, 0), wire::bytes(2, 2), wire::bytes(5, 8)});
};

struct ReportLunsCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, wire::bytes(2, 2), wire::bytes(6, 9)});
};

struct ModeSense6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kDbd = wire::bit(1, 3);
    static constexpr wire::Field kControl = wire::bits(2, 7, 6);
    static constexpr wire::Field kPage = wire::bits(2, 5, 0);
    static constexpr wire::Field kSubpage = wire::bytes(3, 3);
    static constexpr wire::Field kAllocationLength = wire::bytes(4, 4);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kDbd, kControl, kPage, kSubpage, kAllocationLength});
};

struct ModeSense10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kDbd = wire::bit(1, 3);
    static constexpr wire::Field kControl = wire::bits(2, 7, 6);
    static constexpr wire::Field kPage = wire::bits(2, 5, 0);
    static constexpr wire::Field kSubpage = wire::bytes(3, 3);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kDbd, kControl, kPage, kSubpage, kAllocationLength});
};

struct ModeSelect6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kPageFormat = wire::bit(1, 4);
    static constexpr wire::Field kParameterListLength = wire::bytes(4, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kPageFormat, kParameterListLength});
};

struct ModeSelect10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kPageFormat = wire::bit(1, 4);
    static constexpr wire::Field kParameterListLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kPageFormat, kParameterListLength});
};

struct PreventAllowCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kPrevent = wire::bits(4, 1, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kPrevent});
};

struct LogSenseCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kControl = wire::bits(2, 7, 6);
    static constexpr wire::Field kPage = wire::bits(2, 5, 0);
    static constexpr wire::Field kSubpage = wire::bytes(3, 3);
    static constexpr wire::Field kParameterPointer = wire::bytes(5, 6);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kControl, kPage, kSubpage, kParameterPointer, kAllocationLength});
};

struct LogSelectCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kReset = wire::bit(1, 1);  ///< PCR
    static constexpr wire::Field kControl = wire::bits(2, 7, 6);
    static constexpr wire::Field kPage = wire::bits(2, 5, 0);
    static constexpr wire::Field kSubpage = wire::bytes(3, 3);
    static constexpr wire::Field kParameterListLength = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kReset, kControl, kPage, kSubpage, kParameterListLength});
};

struct SendDiagnosticCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kSelfTestCode = wire::bits(1, 7, 5);
    static constexpr wire::Field kPageFormat = wire::bit(1, 4);
    static constexpr wire::Field kSelfTest = wire::bit(1, 2);
    static constexpr wire::Field kDeviceOffline = wire::bit(1, 1);
    static constexpr wire::Field kUnitOffline = wire::bit(1, 0);
    static constexpr wire::Field kParameterListLength = wire::bytes(3, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kSelfTestCode, kPageFormat, kSelfTest, kDeviceOffline, kUnitOffline, kParameterListLength});
};

struct ReceiveDiagnosticResultsCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kPageCodeValid = wire::bit(1, 0);
    static constexpr wire::Field kPage = wire::bytes(2, 2);
    static constexpr wire::Field kAllocationLength = wire::bytes(3, 4);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kPageCodeValid, kPage, kAllocationLength});
};

struct ReadBufferCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kMode = wire::bits(1, 4, 0);
    static constexpr wire::Field kBuffer = wire::bytes(2, 2);
    static constexpr wire::Field kOffset = wire::bytes(3, 5);
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kMode, kBuffer, kOffset, kAllocationLength});
};

struct ReportDensitySupportCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kMediumType = wire::bit(1, 1);
    static constexpr wire::Field kMedia = wire::bit(1, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kMediumType, kMedia, kAllocationLength});
};

struct ReadAttributeCdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kVolume = wire::bytes(5, 5);
    static constexpr wire::Field kPartition = wire::bytes(7, 7);
    static constexpr wire::Field kFirst = wire::bytes(8, 9);
    static constexpr wire::Field kAllocationLength = wire::bytes(10, 13);
    static constexpr wire::Field kCache = wire::bit(14, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kServiceAction, kVolume, kPartition, kFirst, kAllocationLength, kCache});
};

struct WriteAttributeCdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kWriteThrough = wire::bit(1, 0);
    static constexpr wire::Field kVolume = wire::bytes(5, 5);
    static constexpr wire::Field kPartition = wire::bytes(7, 7);
    static constexpr wire::Field kParameterListLength = wire::bytes(10, 13);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kWriteThrough, kVolume, kPartition, kParameterListLength});
};

/// SECURITY PROTOCOL IN and OUT.
struct SecurityProtocolCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kProtocol = wire::bytes(1, 1);
    static constexpr wire::Field kSpecific = wire::bytes(2, 3);
    static constexpr wire::Field kIn512 = wire::bit(4, 7);
    static constexpr wire::Field kLength = wire::bytes(6, 9);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kProtocol, kSpecific, kIn512, kLength});
};

struct ReadMediaSerialNumberCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 9);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kServiceAction, kAllocationLength});
};

}  // namespace targe::vtl
