// A tape drive: the device server of [SSC-5] over one cartridge at a time.
#pragma once

#include "vtl/block_codec.h"
#include "vtl/cartridge.h"
#include "vtl/command.h"
#include "vtl/drive_state.h"
#include "vtl/generation.h"
#include "vtl/stream_cdbs.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace targe::vtl {

class LogPage;

/// What a drive is.
struct DriveDescription {
    std::string serial;                      ///< 1 to 12 characters of printable ASCII are usual
    const Generation* generation = nullptr;  ///< never null
    std::string manufacturer = "TARGE";      ///< 8 characters at most
    bool operator==(const DriveDescription&) const = default;
};

/// How a cartridge got on with the drive.
enum class Insertion : std::uint8_t { ready, cleaning, incompatible, unreadable };

/// Pure: it knows no clock, thread or socket; what is moved goes through the cartridge's store. One caller at
/// a time. What targed answers by itself (INQUIRY without EVPD, REQUEST SENSE, REPORT LUNS, reservations) is
/// announced by REPORT SUPPORTED OPERATION CODES and refused here.
class Drive {
public:
    explicit Drive(DriveDescription description);

    [[nodiscard]] Reply execute(const Command& command);
    [[nodiscard]] const DriveDescription& description() const { return description_; }

    /// Puts a cartridge in and threads it. The drive must be empty. A unit attention (28/00) is the caller's.
    void insert(std::unique_ptr<Cartridge> cartridge);
    /// Puts one in that could not be opened: the medium is there, and every access is MEDIUM FORMAT
    /// CORRUPTED.
    void insert_unreadable(std::string barcode);
    /// The cartridge was in before this drive was: initiators may take the tape to be where it was then.
    /// Until one of them has said where it is to be, which SPACE from where it is does not, nothing on it is
    /// overwritten (SEQUENTIAL POSITIONING ERROR).
    void distrust_position() { positioned_ = false; }
    /// Whether a cartridge is in, threaded or not.
    [[nodiscard]] bool occupied() const { return inserted_; }
    [[nodiscard]] bool threaded() const { return loaded_; }
    [[nodiscard]] const std::string& barcode() const { return barcode_; }
    /// PREVENT ALLOW MEDIUM REMOVAL of any nexus.
    [[nodiscard]] bool removal_prevented() const { return !preventing_.empty(); }
    /// Takes the tape out of the drive's works and makes everything durable. False when something that was
    /// written may be lost, which is said once: the tape is out all the same. `trouble` also says what else
    /// the host did.
    bool unthread(std::string& trouble);
    /// Unthreads, makes everything durable and gives the cartridge out; nothing when it could not be opened.
    /// The drive is empty afterwards. `trouble` says what the host did, if anything.
    std::unique_ptr<Cartridge> remove(std::string& trouble);
    /// Makes everything durable, without moving.
    Result<> sync();

    /// What belongs to a nexus is forgotten: its PREVENT, its encryption parameters.
    void session_gone(std::uint64_t session);
    /// LOGICAL UNIT RESET: mode parameters, PREVENT and encryption are as after power on.
    void reset();

    /// The VPD pages that execute() answers, ascending.
    [[nodiscard]] static std::span<const std::uint8_t> vpd_pages();
    [[nodiscard]] static std::span<const CommandShape> commands();

private:
    using Ending = std::optional<Sense>;
    friend struct DriveTable;

    [[nodiscard]] Ending ready() const;
    [[nodiscard]] Partition& tape() { return cartridge_->partition(partition_); }
    [[nodiscard]] bool write_protected() const;
    void raise_alert(unsigned flag) { alerts_.at(flag) = true; }
    Ending host_trouble(Call& call, const Fault& fault, bool writing);
    static Ending end_of_write(std::int64_t residue, bool overflow);
    void thread();

    // Reading, drive_read.cc.
    Ending read_6(Call& call);
    Ending read_reverse_6(Call& call);
    Ending verify_6(Call& call);
    Ending read_fault(ReadFault fault, std::int64_t residue);
    std::expected<wire::Bytes, Sense> next_block(Call& call, std::int64_t residue);
    std::expected<wire::Bytes, Sense> block_before(Call& call, std::int64_t residue);
    std::expected<RecordHeader, Sense> look(Call& call, std::int64_t residue);
    Ending read_variable(Call& call, std::uint64_t length, bool sili);
    Ending read_fixed(Call& call, std::uint64_t blocks);
    [[nodiscard]] std::optional<Sense> decryption_refusal(const RecordHeader& header,
                                                          std::uint64_t session) const;

    // Writing, drive_write.cc.
    Ending write_6(Call& call);
    Ending write_filemarks_6(Call& call);
    Ending erase(Call& call);
    Ending may_write();
    Ending note_change(Call& call, std::int64_t residue);
    Ending write_fault(Call& call, const Fault& fault, std::int64_t residue);
    Ending write_block(Call& call, wire::Bytes block, std::int64_t residue);
    [[nodiscard]] std::uint64_t room() const;
    [[nodiscard]] bool early_warning() const;
    [[nodiscard]] bool programmed_warning() const;
    [[nodiscard]] Ending warning(bool was_told) const;

    // Positioning, drive_position.cc.
    Ending rewind(Call& call);
    Ending space_6(Call& call);
    Ending space_16(Call& call);
    Ending space(Call& call, SpaceCode code, std::int64_t count);
    Ending space_over_blocks(Call& call, std::uint64_t count);
    Ending space_back_blocks(Call& call, std::uint64_t count);
    Ending space_filemarks(Call& call, std::int64_t count);
    Ending space_sequential_filemarks(Call& call, std::int64_t count);
    Ending locate_10(Call& call);
    Ending locate_16(Call& call);
    Ending locate_object(Call& call, std::uint64_t object);
    Ending locate_file(Call& call, std::uint64_t file);
    Ending change_partition(std::uint64_t partition, wire::Field field);
    Ending moved(Call& call, const Result<>& result);
    Ending placed(Call& call, const Result<>& result);
    Ending pass_filemark(Call& call);
    Ending read_position(Call& call);
    Ending sync_before_moving(Call& call);

    // Medium, drive_medium.cc.
    Ending test_unit_ready(Call& call);
    Ending load_unload(Call& call);
    Ending prevent_allow(Call& call);
    Ending may_format(Call& call);
    Ending format_into(Call& call, std::vector<std::uint64_t> capacities);
    Ending format_medium(Call& call);
    Ending set_capacity(Call& call);
    Ending allow_overwrite(Call& call);
    Ending read_block_limits(Call& call);
    Ending report_density_support(Call& call);
    Ending read_media_serial_number(Call& call);

    // Mode pages, drive_mode.cc.
    struct ModeSenseRequest {
        std::size_t header_bytes;
        bool descriptor;
        PageControl control;
        std::uint8_t page;
        std::uint8_t subpage;
        std::uint64_t allocation_length;
    };
    Ending mode_sense_6(Call& call);
    Ending mode_sense_10(Call& call);
    Ending mode_select_6(Call& call);
    Ending mode_select_10(Call& call);
    Ending sense_pages(Call& call, const ModeSenseRequest& request);
    Ending select(Call& call, wire::Bytes list, std::size_t header_bytes);
    Ending settle_pages(const ModePages& before);
    [[nodiscard]] std::expected<std::uint32_t, Sense> selected_block_length(wire::Bytes descriptor,
                                                                            std::size_t offset) const;
    [[nodiscard]] std::uint8_t medium_type() const;
    [[nodiscard]] std::uint8_t density() const;
    void write_mode_header(scsi::ParameterWriter& out, std::size_t header_bytes, bool descriptor) const;
    void fill_mode_pages(ModePages& pages) const;
    void bring_pages_up_to_date();
    void note_partitions();
    [[nodiscard]] UsageCounters usage() const;

    // Log pages, drive_log.cc.
    Ending log_sense(Call& call);
    Ending log_select(Call& call);
    void forget_alerts(std::uint64_t first, std::size_t delivered_bytes);
    void write_log_page(std::uint8_t code, LogPage& page) const;
    void write_sequential_page(LogPage& page) const;
    void write_device_status_page(LogPage& page) const;
    void write_volume_page(LogPage& page) const;
    void write_usage_page(LogPage& page) const;
    void write_capacity_page(LogPage& page) const;
    void write_compression_page(LogPage& page) const;

    // MAM, drive_attributes.cc.
    Ending read_attribute(Call& call);
    Ending write_attribute(Call& call);
    [[nodiscard]] std::map<std::uint16_t, Attribute> attributes(std::uint8_t partition) const;

    // Encryption, drive_encryption.cc.
    Ending security_protocol_in(Call& call);
    Ending security_protocol_out(Call& call);
    Ending next_block_status(Call& call, std::uint64_t allocation);
    [[nodiscard]] const EncryptionParameters& encryption(std::uint64_t session) const;
    [[nodiscard]] EncryptionScope encryption_scope(std::uint64_t session) const;

    // What it says of itself, drive_report.cc.
    Ending inquiry(Call& call);
    Ending report_operation_codes(Call& call);
    Ending report_timestamp(Call& call);
    Ending set_timestamp(Call& call);
    Ending send_diagnostic(Call& call);
    Ending receive_diagnostic_results(Call& call);
    Ending read_buffer(Call& call);
    Ending by_targed(Call& call);

    DriveDescription description_;
    std::unique_ptr<Cartridge> cartridge_;
    std::string barcode_;
    bool inserted_ = false;
    bool loaded_ = false;  ///< threaded: the tape can be moved
    Insertion insertion_ = Insertion::ready;
    std::size_t partition_ = 0;
    bool positioned_ = true;
    bool sync_failed_ = false;   ///< and an initiator was told
    bool change_noted_ = false;  ///< VOLUME CHANGE REFERENCE is another than any that was told

    ModePages mode_;
    std::uint32_t block_length_ = 0;  ///< of the block descriptor; 0: variable
    bool buffered_ = true;            ///< BUFFERED MODE, which is kept and changes nothing
    std::set<std::uint64_t> preventing_;
    std::optional<Overwrite> overwrite_;
    EncryptionState encryption_;
    scsi::UnitClock clock_;

    DriveCounters since_load_;   ///< or since an initiator had them begin anew
    UsageCounters before_anew_;  ///< since the load, until then
    AlertFlags alerts_{};
    BlockCodec codec_;
};

}  // namespace targe::vtl
