// What a unit remembers of the errors of its medium, and how READ BUFFER shows it, [SPC-4 r37].
#pragma once

#include "scsi/data_buffer.h"
#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <vector>

namespace targe::scsi {

/// A command that ended in MEDIUM ERROR or HARDWARE ERROR.
struct ErrorRecord {
    std::uint64_t unix_ms;
    std::uint64_t lba;
    std::uint8_t opcode;
    SenseKey key;
    Asc asc;
    bool operator==(const ErrorRecord&) const = default;
};

/// The newest errors, and at most one snapshot of them that a nexus may read at leisure. `Nexus` is any
/// number that tells nexuses apart.
class ErrorHistory {
public:
    using Nexus = std::uint64_t;
    static constexpr std::size_t kRecords = 64;
    static constexpr std::size_t kRecordBytes = 24;
    static constexpr std::uint8_t kRecordsBuffer = 0x10;  ///< BUFFER ID of the records

    void remember(const ErrorRecord& record);
    /// READ BUFFER with MODE error history: parameter data, or why not.
    [[nodiscard]] std::optional<Sense> read(const ReadBufferRequest& request, const UnitIdentity& identity,
                                            Nexus nexus, ParameterWriter& out);
    /// The nexus is lost, or reset: whoever comes next may have the history.
    void release(Nexus nexus);
    void release();

private:
    enum class Source : std::uint8_t { this_command = 1, earlier_command = 2 };
    struct Snapshot {
        std::vector<ErrorRecord> records;
        bool retrieved = false;
    };

    void take_snapshot();
    void write_directory(const UnitIdentity& identity, Source source, ParameterWriter& out) const;
    [[nodiscard]] std::optional<Sense> write_records(std::uint32_t offset, ParameterWriter& out) const;

    std::deque<ErrorRecord> records_;
    std::optional<Snapshot> snapshot_;
    std::optional<Nexus> nexus_;
};

}  // namespace targe::scsi
