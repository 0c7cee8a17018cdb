#include "engine/command_path.h"
#include "engine/lane.h"
#include "engine/nexus.h"
#include "scsi/command_table.h"
#include "scsi/disc.h"
#include "scsi/handler_commands.h"
#include "scsi/medium_access.h"
#include "scsi/medium_erasure.h"
#include "scsi/parameter_cdbs.h"
#include "scsi/persistent_reserve_out.h"
#include "scsi/reassign_blocks.h"
#include "scsi/third_party_copy.h"
#include "scsi/write_same.h"

#include <algorithm>
#include <limits>

namespace targe::engine {

using scsi::CommandId;

namespace {

bool accesses_blocks(CommandId id) {
    switch (id) {
        case CommandId::read_6:
        case CommandId::read_10:
        case CommandId::read_12:
        case CommandId::read_16:
        case CommandId::write_6:
        case CommandId::write_10:
        case CommandId::write_12:
        case CommandId::write_16:
        case CommandId::write_and_verify_10:
        case CommandId::write_and_verify_12:
        case CommandId::write_and_verify_16:
        case CommandId::verify_10:
        case CommandId::verify_12:
        case CommandId::verify_16:
        case CommandId::pre_fetch_10:
        case CommandId::pre_fetch_16:
        case CommandId::synchronize_cache_10:
        case CommandId::synchronize_cache_16:
        case CommandId::write_same_10:
        case CommandId::write_same_16:
        case CommandId::compare_and_write:
        case CommandId::or_write_16:
        case CommandId::write_atomic_16:
            return true;
        default:
            return false;
    }
}

scsi::Outcome refused(scsi::Asc asc) {
    return scsi::illegal_request(asc);
}

/// What arrives instead of what the CDB asks for, and whether that can be worked with.
std::optional<scsi::Outcome> refuse_short_data(const Command& command) {
    const auto& life = command.life;
    if (!command.expected.known || life.wants_out == command.expected.out_bytes) {
        return std::nullopt;
    }
    const bool shorter = command.expected.out_bytes < life.wants_out;
    switch (life.info->id) {
        case CommandId::write_6:
        case CommandId::write_10:
        case CommandId::write_12:
        case CommandId::write_16: {
            // A part of a block is the sign of an initiator that believes in another block size.
            const std::uint32_t block = life.unit->lane.state().description.block_size;
            const bool part = shorter && command.expected.out_bytes > 0 && command.expected.out_bytes < block;
            return part ? std::optional{refused(scsi::Asc::invalid_field_in_command_information_unit)}
                        : std::nullopt;
        }
        case CommandId::or_write_16:
        case CommandId::write_and_verify_10:
        case CommandId::write_and_verify_12:
        case CommandId::write_and_verify_16:
            return std::nullopt;  // the whole blocks among it; the residual tells the rest
        case CommandId::write_same_10:
        case CommandId::write_same_16:
        case CommandId::compare_and_write:
            return life.wants_out == 0
                       ? std::nullopt
                       : std::optional{refused(scsi::Asc::invalid_field_in_command_information_unit)};
        case CommandId::mode_select_6:
        case CommandId::mode_select_10:
        case CommandId::persistent_reserve_out:
        case CommandId::unmap:
        case CommandId::extended_copy_lid1:
        case CommandId::extended_copy_lid4:
        case CommandId::populate_token:
        case CommandId::write_using_token:
            return shorter ? std::optional{refused(scsi::Asc::parameter_list_length_error)} : std::nullopt;
        default:
            return shorter ? std::optional{refused(scsi::Asc::invalid_field_in_command_information_unit)}
                           : std::nullopt;
    }
}

/// WRITE SAME with the UNMAP bit, which only thin units have.
bool asks_to_unmap(const Command& command) {
    const wire::Bytes cdb = command.cdb.bytes();
    const auto opcode = cdb.empty() ? 0U : std::to_integer<unsigned>(cdb[0]);
    const bool is_write_same = opcode == 0x41U || opcode == 0x93U;
    return is_write_same && scsi::field_value(cdb, scsi::WriteSame10Cdb::kUnmap) != 0;
}

/// Of parameter lists that are as long as their CDB says, and make no sense when they are longer than this.
std::uint64_t longest_list(const scsi::CommandInfo& info) {
    if (info.id == CommandId::persistent_reserve_out) {
        return scsi::kMaxReservationParameters;
    }
    return info.rules.executed_in_pieces || info.id == CommandId::populate_token
               ? scsi::kMaxCopyParameters
               : std::numeric_limits<std::uint64_t>::max();
}

/// Two commands say in the list itself how long it is.
std::uint64_t list_bytes(const Command& command) {
    switch (command.life.info->id) {
        case CommandId::format_unit:
            return scsi::format_list_bytes(command.cdb.bytes());
        case CommandId::reassign_blocks:
            return command.expected.known
                       ? std::min<std::uint64_t>(command.expected.out_bytes, scsi::kMaxReassignBytes)
                       : scsi::kMaxReassignBytes;
        default:
            return scsi::parameter_list_length(*command.life.info, command.cdb.bytes());
    }
}

const device::CommandRule* rule_for(const device::ServerFacts& facts, wire::Bytes cdb) {
    constexpr unsigned kServiceAction = 0x1f;
    for (const device::CommandRule& rule : facts.rules) {
        const bool same_action =
            !rule.service_action ||
            (cdb.size() > 1 && (std::to_integer<unsigned>(cdb[1]) & kServiceAction) == *rule.service_action);
        if (std::to_integer<std::uint8_t>(cdb[0]) == rule.opcode && same_action) {
            return &rule;
        }
    }
    return nullptr;
}

/// Bytes that the CDB asks for; nothing where it is too short to say.
std::optional<std::uint64_t> length_by_rule(const device::CommandRule& rule, wire::Bytes cdb) {
    if (rule.length_at + std::size_t{rule.length_bytes} > cdb.size()) {
        return std::nullopt;
    }
    std::uint64_t length = rule.length_bytes == 0 ? 1 : 0;
    for (const std::byte each : cdb.subspan(rule.length_at, rule.length_bytes)) {
        length = length << 8U | std::to_integer<std::uint64_t>(each);
    }
    return length * rule.unit;
}

/// What the device has said of a command goes before what the transport expects of it.
std::optional<scsi::Outcome> decode_by_rule(Command& command, const device::CommandRule& rule,
                                            std::uint64_t most) {
    auto& life = command.life;
    life.info = &scsi::row_of({.writes_medium = rule.writes_medium,
                               .passes_write_exclusive = rule.passes_write_exclusive,
                               .passes_every_reservation = rule.passes_every_reservation});
    const auto length = length_by_rule(rule, command.cdb.bytes());
    if (!length || *length > most) {
        return refused(scsi::Asc::invalid_field_in_cdb);
    }
    life.wants_out = rule.direction == device::CommandRule::Direction::out ? *length : 0;
    life.wants_in = rule.direction == device::CommandRule::Direction::in ? *length : 0;
    return std::nullopt;
}

/// Of a unit whose device executes what the engine does not keep for itself. How much is to be moved is what
/// the transport expects: the device alone knows what the CDB means.
std::optional<scsi::Outcome> decode_for_device(Command& command, const UnitState& state) {
    auto& life = command.life;
    const auto found = scsi::find_handler_command(state.description.type, state.traits, state.facts.vpd_pages,
                                                  command.cdb.bytes());
    if (!found) {
        return found.error();
    }
    life.info = *found;
    if (!scsi::is_for_handler(*life.info)) {
        life.wants_out = list_bytes(command);
        return life.wants_out > longest_list(*life.info)
                   ? std::optional{refused(scsi::Asc::parameter_list_length_error)}
                   : refuse_short_data(command);
    }
    const std::uint64_t most = life.nexus->limits().transfer_bytes;
    if (!command.expected.known || command.expected.out_bytes > most || command.expected.in_bytes > most) {
        return refused(scsi::Asc::invalid_field_in_cdb);
    }
    life.wants_out = command.expected.out_bytes;
    life.wants_in = command.expected.in_bytes;
    const device::CommandRule* const rule = rule_for(state.facts, command.cdb.bytes());
    return rule == nullptr ? std::nullopt : decode_by_rule(command, *rule, most);
}

/// Of a drive of CDs and DVDs. A range is not looked at while there is no disc: that there is none comes
/// first, and whoever admits the command looks again.
std::optional<scsi::Outcome> decode_for_drive(Command& command, const UnitState& state) {
    auto& life = command.life;
    const auto found = scsi::find_multimedia_command(state.traits, command.cdb.bytes());
    if (!found) {
        return found.error();
    }
    life.info = *found;
    if (!scsi::accesses_disc(life.info->id)) {
        life.wants_out = list_bytes(command);
        return life.wants_out > longest_list(*life.info)
                   ? std::optional{refused(scsi::Asc::parameter_list_length_error)}
                   : refuse_short_data(command);
    }
    const auto plan =
        scsi::plan_disc_access(life.info->id, command.cdb.bytes(), state.description, state.medium_loaded);
    if (!plan) {
        return plan.error();
    }
    life.access = *plan;
    life.wants_in = plan->data_in_bytes;
    return std::nullopt;
}

std::optional<scsi::Outcome> decode_fields(Command& command) {
    auto& life = command.life;
    const UnitState& state = life.unit->lane.state();
    if (!state.is_disk) [[unlikely]] {
        return state.server != nullptr ? decode_for_device(command, state) : decode_for_drive(command, state);
    }
    const auto found = scsi::find_command(state.traits, command.cdb.bytes());
    if (!found) {
        return found.error();
    }
    life.info = *found;
    life.moves_range = life.info->id == CommandId::compare_and_write ||
                       life.info->id == CommandId::or_write_16 || life.info->id == CommandId::write_atomic_16;
    if (accesses_blocks(life.info->id)) {
        const auto plan = scsi::plan_medium_access(life.info->id, command.cdb.bytes(), state.description);
        if (!plan) {
            return plan.error();
        }
        life.access = *plan;
        life.wants_out = plan->data_out_bytes;
        life.wants_in = plan->data_in_bytes;
    } else {
        life.wants_out = list_bytes(command);
        if (life.wants_out > longest_list(*life.info)) {
            return refused(scsi::Asc::parameter_list_length_error);
        }
        if (life.info->id == CommandId::reassign_blocks) {
            life.moves_range = true;  // a block at a time, which it holds
        }
        if (life.info->id == CommandId::unmap) {
            life.access.blocks = state.description.blocks;  // its list is not here yet: any block, then
            life.access.group =
                static_cast<std::uint8_t>(scsi::field_value(command.cdb.bytes(), scsi::UnmapCdb::kGroup));
        }
        if (life.info->id == CommandId::populate_token || life.info->id == CommandId::write_using_token) {
            life.access.group =
                static_cast<std::uint8_t>(scsi::field_value(command.cdb.bytes(), scsi::TokenCdb::kGroup));
        }
    }
    return refuse_short_data(command);
}

}  // namespace

std::optional<scsi::Outcome> decode(Command& command) {
    const NexusUnit& unit = *command.life.unit;
    const UnitState& state = unit.lane.state();
    if (auto refusal = decode_fields(command)) [[unlikely]] {
        // A store that may not be written unmaps nothing, so its unit is not thin; who asks all the same is
        // told the cause.
        if (asks_to_unmap(command) && write_protected(unit, state)) {
            return write_protected_sense();
        }
        return refusal;
    }
    return std::nullopt;
}

}  // namespace targe::engine
