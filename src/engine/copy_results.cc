// RECEIVE COPY STATUS, FAILURE DETAILS and OPERATING PARAMETERS, [SPC-4 r37 6.4].
#include "engine/command_path.h"
#include "engine/copy_manager.h"
#include "engine/lane.h"
#include "engine/nexus.h"
#include "scsi/third_party_copy.h"

#include <algorithm>

namespace targe::engine {

namespace {

using scsi::CommandId;

std::shared_ptr<CopyRecord> find(const Command& command, scsi::CopyListId id) {
    const NexusUnit& unit = *command.life.unit;
    return unit.copies ? unit.copies->find(id, unit.nexus.core().now()) : nullptr;
}

std::optional<scsi::Sense> write_lid1(const Command& command, scsi::ParameterWriter& out) {
    using L = scsi::ReceiveCopyLid1Cdb;
    const auto record =
        find(command, {.kind = scsi::ListIdKind::lid1,
                       .value = wire::get<L::kListIdentifier>(command.cdb.first<L::kSize>())});
    if (!record) {
        return scsi::invalid_field(L::kListIdentifier);
    }
    if (command.life.info->id == CommandId::receive_copy_status_lid1) {
        scsi::copy_status_lid1(record->progress, out);
        return std::nullopt;
    }
    scsi::copy_failure_details(record->progress, command.life.unit->lane.state().pages.sense_format(), out);
    return std::nullopt;
}

/// POPULATE TOKEN and WRITE USING TOKEN count blocks, [SBC-3 r36].
bool uses_tokens(const CopyRecord& record) {
    constexpr std::uint8_t kPopulateToken = 0x10;
    constexpr std::uint8_t kWriteUsingToken = 0x11;
    return record.service_action == kPopulateToken || record.service_action == kWriteUsingToken;
}

std::optional<scsi::Sense> write_lid4(const Command& command, scsi::ParameterWriter& out) {
    using L = scsi::ReceiveCopyLid4Cdb;
    const auto record =
        find(command, {.kind = scsi::ListIdKind::lid4,
                       .value = wire::get<L::kListIdentifier>(command.cdb.first<L::kSize>())});
    if (!record) {
        return scsi::invalid_field(L::kListIdentifier);
    }
    const UnitState& state = command.life.unit->lane.state();
    const std::uint32_t count_unit = uses_tokens(*record) ? state.description.block_size : 1;
    const scsi::SenseFormat format = state.pages.sense_format();
    if (command.life.info->id == CommandId::receive_copy_status_lid4) {
        scsi::copy_status_lid4(record->progress, record->service_action, count_unit, format, out);
    } else {
        scsi::rod_token_information(record->progress, record->service_action, count_unit, format,
                                    record->token ? &*record->token : nullptr, out);
    }
    return std::nullopt;
}

std::optional<scsi::Sense> write_results(const Command& command, scsi::ParameterWriter& out) {
    switch (command.life.info->id) {
        case CommandId::receive_copy_operating_parameters:
            scsi::copy_operating_parameters(command.life.unit->lane.state().description, out);
            return std::nullopt;
        case CommandId::receive_copy_status_lid4:
        case CommandId::receive_rod_token_information:
            return write_lid4(command, out);
        default:
            return write_lid1(command, out);
    }
}

}  // namespace

scsi::Outcome answer_copy_results(Command& command) {
    constexpr std::size_t kEnough = 1024;
    const std::size_t wanted = scsi::allocation_length(*command.life.info, command.cdb.bytes());
    const auto room = parameter_room(command, std::min(wanted, kEnough));
    if (!room) {
        return no_room(command);
    }
    scsi::ParameterWriter out{*room};
    if (const auto refusal = write_results(command, out)) {
        return *refusal;
    }
    send_parameters(command, out.written());
    return scsi::Status::good;
}

}  // namespace targe::engine
