// LOG SENSE, [SPC-4 r37 6.8], and the log pages that a virtual disk has something to say in.
#pragma once

#include "scsi/access_statistics.h"
#include "scsi/device_log_page.h"
#include "scsi/diagnostics.h"
#include "scsi/log_parameters.h"
#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace targe::scsi {

struct LogSenseCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kSaveParameters = wire::bit(1, 0);   ///< SP
    static constexpr wire::Field kPageControl = wire::bits(2, 7, 6);  ///< PC
    static constexpr wire::Field kPageCode = wire::bits(2, 5, 0);
    static constexpr wire::Field kSubpageCode = wire::bytes(3, 3);
    static constexpr wire::Field kParameterPointer = wire::bytes(5, 6);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kSaveParameters, kPageControl, kPageCode, kSubpageCode,
                                 kParameterPointer, kAllocationLength});
};

/// The resources that blocks are mapped from, in threshold sets, [SBC-3 r36].
struct LbaResources {
    std::uint32_t available = 0;
    std::uint32_t used = 0;
    bool shared = false;  ///< with other units, or whatever else takes up space there
};

/// What the pages are written from. What is counted was counted since the process began, or the latest LOG
/// SELECT that reset it.
struct LogValues {
    AccessStatistics statistics = {};  ///< of all commands, or of the group that the subpage names
    std::uint32_t block_size = 512;
    std::uint64_t idle_us = 0;
    const LogParameters& parameters;
    bool can_save = false;                                 ///< the unit has where to keep parameters
    std::optional<std::uint32_t> load_unload_cycles = {};  ///< of a removable medium
    std::optional<LbaResources> resources = {};  ///< of a unit that counts them; else there is no page
    Asc exception = Asc::no_additional_sense_information;  ///< the latest informational exception
    std::span<const SelfTestResult> self_tests = {};       ///< the newest first, at most 20
    std::uint64_t powered_on_ms = 0;                       ///< milliseconds since 1970-01-01 00:00 UTC
    std::span<const DeviceLogPage> device_pages = {};  ///< ascending; those with codes of others count not
};

/// One page that there is, or several that differ in their subpage code.
struct LogPageInfo {
    std::uint8_t code;
    std::uint8_t first_subpage;
    std::uint8_t last_subpage;
    bool counts;                ///< its parameters are data counters, else they are lists
    bool saveable;              ///< SP saves its parameters: DS is clear where the unit can keep them
    bool of_resources = false;  ///< only a unit that counts resources has it
};

/// Ascending, without those that list pages.
[[nodiscard]] std::span<const LogPageInfo> log_page_table();
/// Null when the unit has no such page.
[[nodiscard]] const LogPageInfo* find_log_page(std::uint8_t code, std::uint8_t subpage,
                                               bool counts_resources);

/// PAGE CODE of the page that is written from LogValues::resources.
inline constexpr std::uint8_t kProvisioningLogPage = 0x0c;
/// The page code of both statistics pages; the subpage code of one of the latter is its group.
inline constexpr std::uint8_t kStatisticsPage = 0x19;
inline constexpr std::uint8_t kAllLogSubpages = 0xff;

/// The group whose statistics LOG SENSE asks for; 0: none in particular.
[[nodiscard]] std::uint8_t group_asked_for(std::span<const std::byte, LogSenseCdb::kSize> cdb);

/// Writes the page asked for, from its PARAMETER POINTER on, or says why not.
[[nodiscard]] std::optional<Sense> log_sense(std::span<const std::byte, LogSenseCdb::kSize> cdb,
                                             const LogValues& values, ParameterWriter& out);

}  // namespace targe::scsi
