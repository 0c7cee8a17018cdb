// LOG SENSE and LOG SELECT, [SPC-4 r37], and the log pages that a virtual disk has something to say in.
#pragma once

#include "scsi/diagnostics.h"
#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace targe::scsi {

/// SP is not used: nothing of a log is saved.
struct LogSenseCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kPageControl = wire::bits(2, 7, 6);  ///< PC
    static constexpr wire::Field kPageCode = wire::bits(2, 5, 0);
    static constexpr wire::Field kSubpageCode = wire::bytes(3, 3);
    static constexpr wire::Field kParameterPointer = wire::bytes(5, 6);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kPageControl, kPageCode, kSubpageCode, kParameterPointer, kAllocationLength});
};

struct LogSelectCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kReset = wire::bit(1, 1);            ///< PCR
    static constexpr wire::Field kPageControl = wire::bits(2, 7, 6);  ///< PC
    static constexpr wire::Field kPageCode = wire::bits(2, 5, 0);
    static constexpr wire::Field kSubpageCode = wire::bytes(3, 3);
    static constexpr wire::Field kParameterListLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kReset, kPageControl, kPageCode, kSubpageCode, kParameterListLength});
};

/// The resources that blocks are mapped from, in threshold sets, [SBC-3 r36].
struct LbaResources {
    std::uint32_t available = 0;
    std::uint32_t used = 0;
    bool shared = false;  ///< with other units, or whatever else takes up space there
};

/// What the pages are written from.
struct LogValues {
    // Since the process began, or the latest LOG SELECT with PCR.
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t received_blocks = 0;
    std::uint64_t transmitted_blocks = 0;
    std::span<const SelfTestResult> self_tests = {};  ///< the newest first, at most 20
    std::optional<LbaResources> resources = {};       ///< of a unit that counts them; else there is no page
    std::uint64_t powered_on_ms = 0;                  ///< milliseconds since 1970-01-01 00:00 UTC
};

/// Writes the page asked for, from its PARAMETER POINTER on, or says why not.
[[nodiscard]] std::optional<Sense> log_sense(std::span<const std::byte, LogSenseCdb::kSize> cdb,
                                             const LogValues& values, ParameterWriter& out);

/// PAGE CODE of the page that is written from LogValues::resources.
inline constexpr std::uint8_t kProvisioningLogPage = 0x0c;

/// Whether the command resets the statistics; or why it is refused. No parameter can be set.
[[nodiscard]] std::expected<bool, Sense> log_select(std::span<const std::byte, LogSelectCdb::kSize> cdb,
                                                    bool counts_resources);

}  // namespace targe::scsi
