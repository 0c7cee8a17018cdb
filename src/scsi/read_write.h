// READ and WRITE, [SBC-3 r36]; the 6-byte forms, [SBC-2 r16].
#pragma once

#include "scsi/medium_access.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstddef>
#include <expected>

namespace targe::scsi {

struct ReadWrite6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kLba{.byte = 1, .msb = 4, .width = 21};
    static constexpr wire::Field kBlocks = wire::bytes(4, 4);  ///< 0 means 256
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kLba, kBlocks});
};

struct ReadWrite10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kProtect = wire::bits(1, 7, 5);  ///< RDPROTECT, WRPROTECT
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kFua = wire::bit(1, 3);
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr wire::Field kGroup = wire::bits(6, 4, 0);
    static constexpr wire::Field kBlocks = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kProtect, kDpo, kFua, kLba, kGroup, kBlocks});
};

struct ReadWrite12Cdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kProtect = wire::bits(1, 7, 5);
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kFua = wire::bit(1, 3);
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr wire::Field kBlocks = wire::bytes(6, 9);
    static constexpr wire::Field kGroup = wire::bits(10, 4, 0);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kProtect, kDpo, kFua, kLba, kBlocks, kGroup});
};

struct ReadWrite16Cdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kProtect = wire::bits(1, 7, 5);
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kFua = wire::bit(1, 3);
    static constexpr wire::Field kLba = wire::bytes(2, 9);
    static constexpr wire::Field kBlocks = wire::bytes(10, 13);
    static constexpr wire::Field kGroup = wire::bits(14, 4, 0);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kProtect, kDpo, kFua, kLba, kBlocks, kGroup});
};

/// `Layout` is one of the four above.
template <class Layout>
std::expected<MediumAccess, Sense> plan_read(wire::Bytes cdb, const UnitDescription& unit);
template <class Layout>
std::expected<MediumAccess, Sense> plan_write(wire::Bytes cdb, const UnitDescription& unit);

}  // namespace targe::scsi
