// REPORT PRIORITY and SET PRIORITY, [SPC-4 r37 6.34 and 6.44]: the command priority that each I_T nexus has
// here.
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "scsi/transport_id.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

namespace targe::scsi {

struct ReportPriorityCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kPriorityReported = wire::bits(2, 7, 6);
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 9);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kPriorityReported, kAllocationLength});
};

struct SetPriorityCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kNexusToSet = wire::bits(2, 7, 6);  ///< I_T_L NEXUS TO SET
    static constexpr wire::Field kParameterListLength = wire::bytes(6, 9);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kNexusToSet, kParameterListLength});
};

struct NexusPriority {
    ItNexus nexus;
    std::uint8_t priority;  ///< 1 … 15
    bool operator==(const NexusPriority&) const = default;
};

/// The priorities that SET PRIORITY has given, by nexus. All others have the INITIAL COMMAND PRIORITY of the
/// Control Extension mode page. They outlive a nexus, and end with a reset.
class NexusPriorities {
public:
    static constexpr std::size_t kMost = 1024;

    /// 0: the initial one.
    [[nodiscard]] std::uint8_t of(const ItNexus& nexus) const;
    /// 0 forgets it. False when there are too many.
    [[nodiscard]] bool set(const ItNexus& nexus, std::uint8_t priority);
    [[nodiscard]] std::span<const NexusPriority> all() const { return all_; }
    bool operator==(const NexusPriorities&) const = default;

private:
    std::vector<NexusPriority> all_;  // ascending
};

/// Writes the descriptors asked for by `asker`, or says why not.
[[nodiscard]] std::optional<Sense> report_priority(std::span<const std::byte, ReportPriorityCdb::kSize> cdb,
                                                   const ItNexus& asker, const NexusPriorities& priorities,
                                                   ParameterWriter& out);

struct PrioritiesSet {
    NexusPriorities priorities;
    /// Who is owed PRIORITY CHANGED beside the asker, who is told by GOOD.
    enum class Told : std::uint8_t { nobody, named, every_other } told = Told::nobody;
    ItNexus named = {};
    bool operator==(const PrioritiesSet&) const = default;
};

/// What SET PRIORITY makes of `current`; `list` is all of PARAMETER LIST LENGTH bytes.
[[nodiscard]] std::expected<PrioritiesSet, Sense> set_priority(
    std::span<const std::byte, SetPriorityCdb::kSize> cdb, wire::Bytes list, const ItNexus& asker,
    const NexusPriorities& current);

}  // namespace targe::scsi
