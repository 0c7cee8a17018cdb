#include "engine/aca.h"
#include "engine/command_path.h"
#include "engine/gates.h"
#include "engine/lane.h"
#include "engine/nexus.h"
#include "engine/rod_tokens.h"
#include "scsi/medium_access.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace targe::engine {

using detail::Stage;

namespace {

bool is_plain_write(scsi::CommandId id) {
    return id == scsi::CommandId::write_6 || id == scsi::CommandId::write_10 ||
           id == scsi::CommandId::write_12 || id == scsi::CommandId::write_16;
}

/// A WRITE whose data came with it, and which executes now, needs no memory of its own for them.
bool takes_in_place(Command& command) {
    auto& life = command.life;
    const wire::Bytes here = life.nexus->data_here(command);
    if (here.empty() || here.size() != life.wants_out || here.size() > life.nexus->limits().transfer_bytes ||
        !is_plain_write(life.info->id)) {
        return false;
    }
    life.in_place = here.data();
    life.data_is_here = true;
    command.data_out = {{}, static_cast<std::uint32_t>(here.size())};
    return true;
}

}  // namespace

void proceed(Command& command) {
    auto& life = command.life;
    Lane& lane = life.unit->lane;
    if (life.aborted.load(std::memory_order_relaxed)) [[unlikely]] {
        drop(command);
        return;
    }
    if (is_blocked(command)) [[unlikely]] {
        block(command);
        return;
    }
    if (!lane.lets_pass(command)) [[unlikely]] {
        if (lane.quarantined()) {
            finish(command, scsi::Status::busy);
        } else {
            lane.park(command);
        }
        return;
    }
    if (const auto refusal = admit(command)) [[unlikely]] {
        if (lane.waits_for_transition(*refusal)) {
            lane.park(command);
        } else {
            finish(command, *refusal);
        }
        return;
    }
    if (life.wants_out > 0 && !life.data_is_here && !takes_in_place(command)) {
        fetch_data_out(command);
        return;
    }
    if (life.info->rules.executed_at_home) {
        life.stage = Stage::at_home;
    } else if (life.info->rules.executed_in_pieces) {
        life.stage = Stage::copying;
    } else {
        lane.begin(command);
    }
    execute(command);
}

/// With an interlock it goes on being reported, until REQUEST SENSE has told of it, [SPC-4 r37 7.5.7].
std::optional<scsi::Sense> unit_attention(Command& command) {
    NexusUnit& unit = *command.life.unit;
    if (unit.lane.state().pages.unit_attention_interlock == scsi::UnitAttentionInterlock::clear) [[likely]] {
        command.life.reported = unit.attentions.take(unit.nexus.inventory());
        return command.life.reported ? std::optional{scsi::unit_attention(*command.life.reported)}
                                     : std::nullopt;
    }
    const auto condition = unit.attentions.peek(unit.nexus.inventory());
    return condition ? std::optional{scsi::unit_attention(*condition)} : std::nullopt;
}

bool write_protected(const NexusUnit& unit, const UnitState& state) {
    return unit.read_only || state.read_only || state.pages.software_write_protect;
}

scsi::Sense write_protected_sense() {
    return {.key = scsi::SenseKey::data_protect, .asc = scsi::Asc::write_protected};
}

std::optional<scsi::Outcome> admit(Command& command) {
    auto& life = command.life;
    NexusUnit& unit = *life.unit;
    const UnitState& state = unit.lane.state();
    const scsi::CommandRules& rules = life.info->rules;
    if (unit.gates != 0) [[unlikely]] {
        if (const auto refusal = refused_at_gate(command, state)) {
            return refusal;
        }
    }
    if (!rules.skips_unit_attention) {
        if (const auto condition = unit_attention(command)) [[unlikely]] {
            return condition;
        }
        if (unit.deferred) [[unlikely]] {
            return *std::exchange(unit.deferred, std::nullopt);
        }
    }
    if (rules.accesses_medium && !state.medium_loaded) {
        return state.no_medium();
    }
    // The unit may have shrunk since the CDB was looked at. UNMAP looks at its list when it is here.
    if (life.info->id != scsi::CommandId::unmap) {
        const auto beyond = scsi::beyond_medium(life.access.lba, life.access.blocks, state.description);
        if (beyond) [[unlikely]] {
            return *beyond;
        }
    }
    if (!rules.writes_medium) {
        return std::nullopt;
    }
    if (write_protected(unit, state)) {
        return write_protected_sense();
    }
    if (unit.gates != 0 && life.info->id != scsi::CommandId::unmap) [[unlikely]] {
        revoke_tokens(unit, {life.access.lba, life.access.blocks});  // UNMAP does when it has its list
    }
    return std::nullopt;
}

void fetch_data_out(Command& command) {
    auto& life = command.life;
    Nexus& nexus = *life.nexus;
    const std::uint64_t take = command.expected.known
                                   ? std::min<std::uint64_t>(life.wants_out, command.expected.out_bytes)
                                   : life.wants_out;
    life.data_is_here = take == 0;
    if (take == 0) {
        proceed(command);
        return;
    }
    if (take > nexus.limits().transfer_bytes ||
        !nexus.take_buffer(life.out_buffer, static_cast<std::size_t>(take))) {
        finish(command, no_room(command));
        return;
    }
    life.out_segment = {life.out_buffer.bytes().data(), static_cast<std::size_t>(take)};
    command.data_out = {{&life.out_segment, 1}, static_cast<std::uint32_t>(take)};
    life.stage = Stage::awaiting_data;
    nexus.port().data_out_wanted(command);
}

scsi::Status no_room(const Command& command) {
    return command.life.unit != nullptr && command.life.unit->commands > 1 ? scsi::Status::task_set_full
                                                                           : scsi::Status::busy;
}

}  // namespace targe::engine
