// Mode parameters: MODE SENSE and MODE SELECT, [SPC-4 r37 6.11, 6.13, 7.5].
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace targe::scsi {

/// TST: whose tasks wait for one another, [SPC-4 r37 7.5.7].
enum class TaskSetType : std::uint8_t { shared = 0, one_per_nexus = 1 };

/// QUEUE ALGORITHM MODIFIER.
enum class QueueAlgorithm : std::uint8_t { restricted_reordering = 0, unrestricted_reordering = 1 };

/// QERR: which other tasks a CHECK CONDITION ends.
enum class QueueErrorManagement : std::uint8_t { none = 0, every_task = 1, tasks_of_this_nexus = 3 };

/// UA_INTLCK_CTRL: whether a unit attention that was reported goes on being reported.
enum class UnitAttentionInterlock : std::uint8_t { clear = 0, keep = 2, keep_and_establish = 3 };

/// A threshold descriptor of the Logical Block Provisioning page, [SBC-3 r36]. What it looks at goes by its
/// place: see kThresholds.
struct Threshold {
    bool enabled = false;
    std::uint32_t count = 0;  ///< in threshold sets
    bool operator==(const Threshold&) const = default;
};

/// THRESHOLD RESOURCE, numbered as the parameters of the Logical Block Provisioning log page are.
enum class ThresholdResource : std::uint8_t { available = 1, used = 2 };

/// What each descriptor looks at. One that looks at what is available is armed decreasing, at what is used
/// increasing: the standard combines them in no other way.
inline constexpr std::array kThresholds{ThresholdResource::available, ThresholdResource::available,
                                        ThresholdResource::used, ThresholdResource::used};

/// MRIE: how informational exceptions are told, [SBC-3 r36 6.4.6].
enum class ExceptionReporting : std::uint8_t {
    none = 0,
    unit_attention = 2,
    recovered_error_where_allowed = 3,  ///< by PER
    recovered_error = 4,
    no_sense = 5,
    on_request = 6,
};

/// The mode parameters that an initiator can change, and TST, which is the administrator's. A logical unit
/// holds one of these; everything else in its mode pages follows from its UnitDescription.
struct ModePages {
    bool write_cache_enabled = false;     ///< WCE: cleared, every write is durable before it is answered
    bool descriptor_sense = false;        ///< D_SENSE
    bool software_write_protect = false;  ///< SWP
    TaskSetType task_set_type = TaskSetType::one_per_nexus;
    QueueAlgorithm queue_algorithm = QueueAlgorithm::unrestricted_reordering;
    QueueErrorManagement queue_error_management = QueueErrorManagement::none;
    bool task_aborted_status = false;             ///< TAS
    bool task_management_functions_only = false;  ///< TMF_ONLY
    UnitAttentionInterlock unit_attention_interlock = UnitAttentionInterlock::clear;
    bool threshold_reports = false;  ///< LBPERE
    std::array<Threshold, kThresholds.size()> thresholds = {};
    bool recovered_errors_reported = false;   ///< PER
    bool exceptions_disabled = true;          ///< DEXCPT
    bool test_exception = false;              ///< TEST; never saved
    bool background_errors_reported = false;  ///< EBACKERR
    ExceptionReporting exception_reporting = ExceptionReporting::none;
    std::uint32_t exception_interval = 0;       ///< INTERVAL TIMER, in 100 ms
    std::uint32_t exception_reports = 0;        ///< REPORT COUNT; 0: no limit
    std::uint8_t initial_command_priority = 0;  ///< of nexuses that SET PRIORITY has given none
    bool operator==(const ModePages&) const = default;

    /// What a reset brings back of them, once they are saved.
    [[nodiscard]] ModePages to_save() const {
        ModePages saved = *this;
        saved.test_exception = false;
        return saved;
    }
    [[nodiscard]] bool same_exceptions(const ModePages& other) const {
        return exceptions_disabled == other.exceptions_disabled && test_exception == other.test_exception &&
               exception_reporting == other.exception_reporting &&
               exception_interval == other.exception_interval && exception_reports == other.exception_reports;
    }
    [[nodiscard]] SenseFormat sense_format() const {
        return descriptor_sense ? SenseFormat::descriptor : SenseFormat::fixed;
    }
};

/// What a unit starts with, and what PC = default reports.
[[nodiscard]] ModePages default_mode_pages(const UnitDescription& unit);

/// The 6-byte and the 10-byte commands differ in their parameter header.
enum class ModeForm : std::uint8_t { six, ten };

/// PC field of MODE SENSE.
enum class PageControl : std::uint8_t { current = 0, changeable = 1, defaults = 2, saved = 3 };

struct ModeSenseRequest {
    ModeForm form;
    bool long_lba_accepted = false;          ///< LLBAA; only in the 10-byte form
    bool disable_block_descriptors = false;  ///< DBD
    PageControl control = PageControl::current;
    std::uint8_t page = 0;
    std::uint8_t subpage = 0;
};

/// The values that PC chooses from.
struct ModeValues {
    ModePages current;
    ModePages defaults;
    ModePages saved;        ///< where `can_save`: the defaults until something is saved
    bool can_save = false;  ///< the unit has where to keep them
    bool removal_prevented = false;

    [[nodiscard]] const ModePages& of(PageControl control) const;
};

/// Whether this unit may be written through this nexus, SWP aside.
enum class Access : std::uint8_t { read_write, read_only };

/// Writes the mode parameters asked for, or says why not.
[[nodiscard]] std::optional<Sense> mode_sense(const ModeSenseRequest& request, const UnitDescription& unit,
                                              const ModeValues& values, Access access, ParameterWriter& out);

struct ModeSelectRequest {
    ModeForm form;
    bool page_format = true;  ///< PF
    bool save_pages = false;  ///< SP
    bool can_save = false;    ///< the unit has where to keep them
};

struct ModeSelected {
    ModePages pages;
    /// The other nexuses are then owed MODE PARAMETERS CHANGED.
    bool changed;
    bool operator==(const ModeSelected&) const = default;
};

/// The unit's mode parameters after `list`, which is as long as PARAMETER LIST LENGTH says. All of it is
/// checked before anything counts: on a Sense nothing has changed.
[[nodiscard]] std::expected<ModeSelected, Sense> mode_select(const ModeSelectRequest& request,
                                                             const UnitDescription& unit,
                                                             const ModePages& current, wire::Bytes list);

/// As they are kept, and back: what is as in `defaults` is not kept, so that it goes with the configuration
/// where that changes. Nothing when it is not what was kept.
[[nodiscard]] std::string keep(const ModePages& pages, const ModePages& defaults);
[[nodiscard]] std::optional<ModePages> kept_mode_pages(std::string_view text, const ModePages& defaults);

}  // namespace targe::scsi
