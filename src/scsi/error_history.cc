#include "scsi/error_history.h"

#include <array>
#include <span>

namespace targe::scsi {
namespace {

// BUFFER ID with MODE error history.
constexpr std::uint8_t kDirectory = 0x00;
constexpr std::uint8_t kDirectoryOfNewSnapshot = 0x01;
constexpr std::uint8_t kTakeOver = 0x02;
constexpr std::uint8_t kTakeOverWithNewSnapshot = 0x03;
constexpr std::uint8_t kClearNexus = 0xfe;
constexpr std::uint8_t kClearNexusAndSnapshot = 0xff;

bool asks_for_directory(std::uint8_t id) {
    return id <= kTakeOverWithNewSnapshot;
}

bool is_constrained(std::uint8_t id) {
    return id != kTakeOver && id != kTakeOverWithNewSnapshot;
}

}  // namespace

void ErrorHistory::remember(const ErrorRecord& record) {
    if (records_.size() == kRecords) {
        records_.pop_front();
    }
    records_.push_back(record);
}

void ErrorHistory::release(Nexus nexus) {
    if (nexus_ == nexus) {
        nexus_.reset();
    }
}

void ErrorHistory::release() {
    nexus_.reset();
}

void ErrorHistory::take_snapshot() {
    snapshot_ = Snapshot{.records = {records_.begin(), records_.end()}};
}

std::optional<Sense> ErrorHistory::read(const ReadBufferRequest& request, const UnitIdentity& identity,
                                        Nexus nexus, ParameterWriter& out) {
    const std::uint8_t id = request.buffer_id;
    const bool is_records = id == kRecordsBuffer;
    if (!asks_for_directory(id) && !is_records && id != kClearNexus && id != kClearNexusAndSnapshot) {
        return invalid_field(ReadBufferCdb::kBufferId);
    }
    if (!is_records && request.offset != 0) {
        return invalid_field(ReadBufferCdb::kBufferOffset);
    }
    if (is_constrained(id) && snapshot_ && nexus_ && nexus_ != nexus) {
        return illegal_request(Asc::operation_in_progress);
    }
    if (id == kClearNexus || id == kClearNexusAndSnapshot) {
        if (snapshot_) {
            snapshot_->retrieved = true;
        }
        nexus_.reset();
        if (id == kClearNexusAndSnapshot) {
            snapshot_.reset();
        }
        return std::nullopt;
    }
    if (is_records) {
        // A directory was read before, by this nexus: there it learned of the buffer.
        return nexus_ == nexus && snapshot_ ? write_records(request.offset, out)
                                            : std::optional{illegal_request(Asc::command_sequence_error)};
    }
    if (!is_constrained(id) || !nexus_) {
        nexus_ = nexus;
    }
    const bool fresh = !snapshot_ || id == kDirectoryOfNewSnapshot || id == kTakeOverWithNewSnapshot;
    if (fresh) {
        take_snapshot();
    }
    write_directory(identity, fresh ? Source::this_command : Source::earlier_command, out);
    return std::nullopt;
}

void ErrorHistory::write_directory(const UnitIdentity& identity, Source source, ParameterWriter& out) const {
    constexpr std::size_t kVendorBytes = 8;
    constexpr std::uint8_t kVersion = 1;
    constexpr unsigned kRetrieved = 0x1;
    constexpr unsigned kNotRetrieved = 0x2;
    constexpr std::size_t kHeaderBytes = 32;
    constexpr std::uint16_t kEntryBytes = 8;
    const std::size_t begin = out.size();
    out.ascii(identity.vendor, kVendorBytes);
    out.u8(kVersion);
    out.u8(static_cast<std::uint8_t>((snapshot_->retrieved ? kRetrieved : kNotRetrieved) << 3U |
                                     static_cast<unsigned>(source) << 1U));
    out.zeroes(kHeaderBytes - 2 - (out.size() - begin));
    out.u16(2 * kEntryBytes);
    const auto entry = [&out](std::uint8_t id, std::size_t bytes) {
        out.u8(id);
        out.zeroes(3);
        out.u32(static_cast<std::uint32_t>(bytes));
    };
    entry(kDirectory, kHeaderBytes + 2 * std::size_t{kEntryBytes});
    entry(kRecordsBuffer, snapshot_->records.size() * kRecordBytes);
}

std::optional<Sense> ErrorHistory::write_records(std::uint32_t offset, ParameterWriter& out) const {
    std::array<std::byte, kRecords * kRecordBytes> bytes{};
    ParameterWriter all(bytes);
    for (const ErrorRecord& record : snapshot_->records) {
        all.u64(record.unix_ms);
        all.u64(record.lba);
        all.u8(record.opcode);
        all.u8(static_cast<std::uint8_t>(record.key));
        all.u16(static_cast<std::uint16_t>(record.asc));
        all.zeroes(4);
    }
    if (offset > all.size()) {
        return invalid_field(ReadBufferCdb::kBufferOffset);
    }
    out.bytes(all.written().subspan(offset));
    return std::nullopt;
}

}  // namespace targe::scsi
