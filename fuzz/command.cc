// CDBs, each after a byte that chooses the unit and one that says how long it is: found, planned and read.
#include "base/assert.h"
#include "fuzz/input.h"
#include "fuzz/units.h"
#include "scsi/command_table.h"
#include "scsi/disc.h"
#include "scsi/medium_access.h"
#include "scsi/parameter_requests.h"
#include "scsi/report_supported_operation_codes.h"

namespace targe::fuzz {
namespace {

using scsi::CommandId;

void plan(CommandId id, wire::Bytes cdb, const scsi::UnitDescription& unit) {
    const auto access = scsi::plan_medium_access(id, cdb, unit);
    if (!access) {
        return;
    }
    TARGE_ASSERT(access->lba <= unit.blocks && access->blocks <= unit.blocks - access->lba);
    // COMPARE AND WRITE brings twice what it names, nothing brings more.
    const std::uint64_t most = access->blocks * unit.block_size;
    TARGE_ASSERT(access->data_in_bytes <= most);
    TARGE_ASSERT(access->data_out_bytes <= 2 * most || access->data_out_bytes == unit.block_size);
}

void read_request(CommandId id, wire::Bytes cdb, const scsi::UnitDescription& unit) {
    std::array<std::byte, 200> room{};
    scsi::ParameterWriter out(room);
    switch (id) {
        case CommandId::inquiry:
            (void)scsi::inquiry_request(cdb);
            break;
        case CommandId::mode_sense_6:
        case CommandId::mode_sense_10:
            (void)scsi::mode_sense(scsi::mode_sense_request(id, cdb), unit,
                                   {.current = scsi::default_mode_pages(unit), .defaults = {}, .saved = {}},
                                   scsi::Access::read_write, out);
            break;
        case CommandId::report_supported_operation_codes: {
            using L = scsi::ReportSupportedOperationCodesCdb;
            (void)scsi::report_supported_operation_codes(scsi::layout_of<L::kSize>(cdb),
                                                         scsi::traits_of(unit), out);
            break;
        }
        case CommandId::mode_select_6:
        case CommandId::mode_select_10:
            (void)scsi::mode_select_request(id, cdb);
            break;
        case CommandId::request_sense:
            (void)scsi::request_sense_format(cdb);
            break;
        case CommandId::report_luns:
            (void)scsi::select_report(cdb);
            break;
        case CommandId::get_lba_status: {
            const auto lba = scsi::starting_lba(cdb, unit);
            TARGE_ASSERT(!lba || *lba < unit.blocks);
            break;
        }
        default:
            break;
    }
}

void decode(wire::Bytes cdb, const scsi::UnitDescription& unit) {
    const auto found = scsi::find_command(scsi::traits_of(unit), cdb);
    if (!found) {
        return;
    }
    const scsi::CommandInfo& command = **found;
    TARGE_ASSERT(cdb.size() >= command.cdb_length());
    (void)scsi::allowed(command.rules.under_reserve, cdb);
    (void)scsi::allocation_length(command, cdb);
    (void)scsi::parameter_list_length(command, cdb);
    if (command.length_unit == scsi::LengthUnit::blocks) {
        plan(command.id, cdb, unit);
    } else {
        read_request(command.id, cdb, unit);
    }
}

/// The same CDB at a drive of CDs and DVDs.
void decode_for_drive(wire::Bytes cdb, scsi::UnitDescription unit) {
    unit.type = scsi::DeviceType::cdrom;
    unit.block_size = scsi::kDiscBlockSize;
    const auto found = scsi::find_multimedia_command(scsi::traits_of(unit), cdb);
    if (found && scsi::accesses_disc((*found)->id)) {
        const auto access = scsi::plan_disc_access((*found)->id, cdb, unit, true);
        TARGE_ASSERT(!access || !scsi::beyond_medium(access->lba, access->blocks, unit));
    }
}

}  // namespace
}  // namespace targe::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    targe::fuzz::Input input(data, size);
    while (!input.empty()) {
        const auto& unit = targe::fuzz::some_unit(input.byte());
        const std::size_t length = input.byte();
        const auto cdb = input.take(length);
        targe::fuzz::decode(cdb, unit);
        targe::fuzz::decode_for_drive(cdb, unit);
    }
    return 0;
}
