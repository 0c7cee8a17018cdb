// CDB layouts of media changers, [SMC-3].
#pragma once

#include "vtl/stream_cdbs.h"
#include "wire/field.h"

#include <cstddef>

namespace targe::vtl {

struct InitializeElementStatusWithRangeCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kFast = wire::bit(1, 1);
    static constexpr wire::Field kRange = wire::bit(1, 0);
    static constexpr wire::Field kFirst = wire::bytes(2, 3);
    static constexpr wire::Field kCount = wire::bytes(6, 7);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kFast, kRange, kFirst, kCount});
};

struct OpenCloseImportExportCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kElement = wire::bytes(2, 3);
    static constexpr wire::Field kAction = wire::bits(4, 4, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kElement, kAction});
};

struct PositionToElementCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kTransport = wire::bytes(2, 3);
    static constexpr wire::Field kDestination = wire::bytes(4, 5);
    static constexpr wire::Field kInvert = wire::bit(8, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kTransport, kDestination, kInvert});
};

struct MoveMediumCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kTransport = wire::bytes(2, 3);
    static constexpr wire::Field kSource = wire::bytes(4, 5);
    static constexpr wire::Field kDestination = wire::bytes(6, 7);
    static constexpr wire::Field kInvert = wire::bit(10, 0);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kTransport, kSource, kDestination, kInvert});
};

struct ExchangeMediumCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kTransport = wire::bytes(2, 3);
    static constexpr wire::Field kSource = wire::bytes(4, 5);
    static constexpr wire::Field kFirstDestination = wire::bytes(6, 7);
    static constexpr wire::Field kSecondDestination = wire::bytes(8, 9);
    static constexpr wire::Field kInvertFirst = wire::bit(10, 1);
    static constexpr wire::Field kInvertSecond = wire::bit(10, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kTransport, kSource, kFirstDestination, kSecondDestination, kInvertFirst, kInvertSecond});
};

struct ReadElementStatusCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kVolumeTags = wire::bit(1, 4);
    static constexpr wire::Field kType = wire::bits(1, 3, 0);
    static constexpr wire::Field kFirst = wire::bytes(2, 3);
    static constexpr wire::Field kCount = wire::bytes(4, 5);
    static constexpr wire::Field kCurrentData = wire::bit(6, 1);  ///< CURDATA
    static constexpr wire::Field kDeviceId = wire::bit(6, 0);     ///< DVCID
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 9);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kVolumeTags, kType, kFirst, kCount, kCurrentData, kDeviceId, kAllocationLength});
};

struct RequestVolumeElementAddressCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kVolumeTags = wire::bit(1, 4);
    static constexpr wire::Field kType = wire::bits(1, 3, 0);
    static constexpr wire::Field kFirst = wire::bytes(2, 3);
    static constexpr wire::Field kCount = wire::bytes(4, 5);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 9);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kVolumeTags, kType, kFirst, kCount, kAllocationLength});
};

struct SendVolumeTagCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kType = wire::bits(1, 3, 0);
    static constexpr wire::Field kFirst = wire::bytes(2, 3);
    static constexpr wire::Field kAction = wire::bits(5, 4, 0);
    static constexpr wire::Field kParameterListLength = wire::bytes(8, 9);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kType, kFirst, kAction, kParameterListLength});
};

}  // namespace targe::vtl
