#include "engine/command_path.h"
#include "engine/exceptions.h"
#include "engine/fault.h"
#include "engine/lane.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/run_on.h"
#include "scsi/access_statistics.h"
#include "scsi/handler_commands.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace targe::engine {

using detail::Stage;

namespace {

std::uint32_t clamped(std::uint64_t bytes) {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(bytes, std::numeric_limits<std::uint32_t>::max()));
}

/// `wanted` is what the CDB asks for, `moved` what it comes to, [SAM-5 r21] and [RFC 7143 11.4.5].
Residual residual(std::uint64_t wanted, std::uint64_t moved, std::uint32_t expected) {
    if (wanted > expected) {
        return {Residual::Kind::overflow, clamped(wanted - expected)};
    }
    if (moved < expected) {
        return {Residual::Kind::underflow, clamped(expected - moved)};
    }
    return {};
}

bool succeeded(const scsi::Outcome& outcome) {
    const auto* const status = std::get_if<scsi::Status>(&outcome);
    return status != nullptr && (*status == scsi::Status::good || *status == scsi::Status::condition_met);
}

/// Also with sense data that tell of something beside: the command was executed.
bool delivers_data(const scsi::Outcome& outcome) {
    const auto* const sense = std::get_if<scsi::Sense>(&outcome);
    return succeeded(outcome) || (sense != nullptr && (sense->key == scsi::SenseKey::recovered_error ||
                                                       sense->key == scsi::SenseKey::no_sense));
}

scsi::SenseFormat sense_format(const Command& command) {
    const NexusUnit* const unit = command.life.unit;
    return unit != nullptr ? unit->lane.state().pages.sense_format() : scsi::SenseFormat::fixed;
}

void set_status(Command& command, const scsi::Outcome& outcome) {
    if (const auto* const sense = std::get_if<scsi::Sense>(&outcome)) {
        command.status = scsi::kCheckCondition;
        command.sense_size =
            static_cast<std::uint8_t>(scsi::encode(*sense, sense_format(command), command.sense_bytes));
        if (command.life.has_stream_bits) {
            add_stream_bits(command);
        }
        return;
    }
    command.status = static_cast<std::uint8_t>(std::get<scsi::Status>(outcome));
}

std::uint64_t data_in_size(const Command& command) {
    return base::total_size(command.data_in) + command.data_in_piped.size;
}

void set_data_in(Command& command, bool good) {
    auto& life = command.life;
    if (good) {
        command.data_in_piped = life.pages.piped();
    }
    if (good && life.in_segment.size > 0) {
        if (command.expected.known) {
            life.in_segment.size = std::min<std::size_t>(life.in_segment.size, command.expected.in_bytes);
        }
        command.data_in = {&life.in_segment, life.in_segment.size > 0 ? 1U : 0U};
    }
    if (command.expected.known) {
        command.residual_in = residual(life.wants_in, data_in_size(command), command.expected.in_bytes);
        command.residual_out = residual(life.wants_out, life.wants_out, command.expected.out_bytes);
    }
}

void count(Command& command, const scsi::Outcome& outcome, Counters& counters) {
    ++counters.commands;
    if (std::holds_alternative<scsi::Sense>(outcome)) {
        ++counters.check_conditions;
        return;
    }
    if (!succeeded(outcome)) {
        ++counters.refused;
        return;
    }
    if (command.life.info == nullptr) {
        return;
    }
    if (command.life.access.data_in_bytes > 0) {
        ++counters.reads;
        counters.read_bytes += data_in_size(command);
    } else if (command.life.info->rules.writes_medium) {
        ++counters.writes;
        counters.written_bytes += command.data_out.size;
    }
}

/// For log pages, of which the time between arrival and status is one number.
void count_access(const Command& command, const scsi::Outcome& outcome, base::Time now) {
    const auto& life = command.life;
    const scsi::AccessKind kind =
        life.info != nullptr ? scsi::access_kind(life.info->id) : scsi::AccessKind::neither;
    if (kind == scsi::AccessKind::neither) {
        return;
    }
    std::uint64_t bytes = 0;
    if (succeeded(outcome)) {
        bytes = life.access.data_in_bytes > 0    ? data_in_size(command)
                : life.access.data_out_bytes > 0 ? command.data_out.size
                                                 : 0;
    }
    life.unit->lane.count(command, kind, bytes, now - life.began);
}

/// The unit remembers what its medium did, for READ BUFFER.
void remember_error(const Command& command, const scsi::Sense& sense) {
    NexusUnit* const unit = command.life.unit;
    if (unit == nullptr ||
        (sense.key != scsi::SenseKey::medium_error && sense.key != scsi::SenseKey::hardware_error)) {
        return;
    }
    const scsi::ErrorRecord record{.unix_ms = unit->nexus.core().unix_ms(),
                                   .lba = sense.information.value_or(command.life.access.lba),
                                   .opcode = std::to_integer<std::uint8_t>(command.cdb.bytes()[0]),
                                   .key = sense.key,
                                   .asc = sense.asc};
    run_on(unit->nexus.core(), unit->unit->home().core(),
           [kept = unit->unit, record] { kept->home().errors().remember(record); });
}

/// Nobody was told of the unit attention that this command took: the next command is.
void return_attention(Command& command) {
    auto& life = command.life;
    if (life.reported && life.unit != nullptr) {
        life.unit->attentions.undelivered(*life.reported, life.nexus->inventory());
    }
    life.reported.reset();
}

void tell_dropped(Command& command) {
    return_attention(command);
    ++command.life.nexus->counters().aborted;
    command.life.stage = Stage::dropped;
    command.life.nexus->port().dropped(command);
}

/// What UA_INTLCK_CTRL 11b makes of a status that refuses, [SPC-4 r37 7.5.7].
void establish_attention(Command& command, const scsi::Outcome& outcome) {
    const auto* const status = std::get_if<scsi::Status>(&outcome);
    NexusUnit* const unit = command.life.unit;
    if (status == nullptr || unit == nullptr ||
        unit->lane.state().pages.unit_attention_interlock !=
            scsi::UnitAttentionInterlock::keep_and_establish) {
        return;
    }
    if (*status == scsi::Status::busy) {
        unit->attentions.raise(scsi::Asc::previous_busy_status);
    } else if (*status == scsi::Status::task_set_full) {
        unit->attentions.raise(scsi::Asc::previous_task_set_full_status);
    } else if (*status == scsi::Status::reservation_conflict) {
        unit->attentions.raise(scsi::Asc::previous_reservation_conflict_status);
    }
}

void respond(Command& command, const scsi::Outcome& outcome, base::Time now) {
    auto& life = command.life;
    set_status(command, outcome);
    establish_attention(command, outcome);
    if (const auto* const sense = std::get_if<scsi::Sense>(&outcome)) {
        remember_error(command, *sense);
    }
    // A device that executes commands itself says how much there is, whatever the status.
    const bool by_device = life.info != nullptr && scsi::is_for_handler(*life.info);
    set_data_in(command, by_device || delivers_data(outcome));
    count(command, outcome, life.nexus->counters());
    if (life.unit != nullptr) {
        count(command, outcome, life.unit->lane.counters());
        count_access(command, outcome, now);
    }
    life.stage = Stage::responding;
    life.nexus->port().completed(command);
}

/// The end of every command: its outcome, or none when it was aborted and nobody is to be told.
void tell(Command& command, const scsi::Outcome& outcome, base::Time now) {
    if (command.life.answered) [[unlikely]] {
        command.life.stage = Stage::responding;
        if (command.life.retired) {
            command.life.nexus->let_go(command);
        }
        return;
    }
    if (!command.life.aborted.load(std::memory_order_relaxed)) [[likely]] {
        respond(command, outcome, now);
        return;
    }
    if (command.life.told_when_aborted) {
        return_attention(command);
        ++command.life.nexus->counters().aborted;
        respond(command, scsi::Status::task_aborted, now);
        return;
    }
    tell_dropped(command);
}

/// The store is full: whoever set a threshold is told of it now.
bool found_no_space(const Lane& lane, const scsi::Outcome& outcome) {
    const auto* const sense = std::get_if<scsi::Sense>(&outcome);
    return lane.watches_fill() && sense != nullptr &&
           sense->asc == scsi::Asc::space_allocation_failed_write_protect;
}

void end(Command& command, const scsi::Outcome& outcome) {
    const bool fault = std::holds_alternative<scsi::Sense>(outcome) && command.life.unit != nullptr &&
                       !command.life.aborted.load(std::memory_order_relaxed);
    if (fault) [[unlikely]] {
        end_in_fault(command, outcome);
        return;
    }
    conclude(command, outcome);
}

}  // namespace

void finish(Command& command, const scsi::Outcome& outcome) {
    const NexusUnit* const unit = command.life.unit;
    if (unit != nullptr && unit->lane.state().exception) [[unlikely]] {
        end(command, with_exception(command, outcome));
        return;
    }
    end(command, outcome);
}

void conclude(Command& command, const scsi::Outcome& outcome) {
    // Kept, because the command may be another one once its port was told. Its unit stays: whoever takes
    // it out of the nexus does so in a later turn.
    NexusUnit* const unit = command.life.unit;
    if (unit == nullptr) {
        tell(command, outcome, {});
        return;
    }
    const base::Time now = unit->nexus.core().clock();
    const TurnId turn = command.life.turn;
    if (command.life.ending != nullptr) [[unlikely]] {
        std::exchange(command.life.ending, nullptr)->command = nullptr;
    }
    unit->lane.remove(command, now);
    leave_order(command);
    if (unit->lane.look_is_due() || found_no_space(unit->lane, outcome)) [[unlikely]] {
        unit->lane.ask_for_look();
    }
    tell(command, outcome, now);
    unit->lane.settle();
    if (turn != 0) [[unlikely]] {
        give_up_turn(unit->task_set, turn);
    }
    next_in_order(unit->task_set);
}

void answer_before_end(Command& command, const scsi::Sense& sense) {
    // Its coroutine goes on, perhaps on another core: nothing is looked at that it may be writing.
    set_status(command, sense);
    if (command.expected.known) {
        command.residual_in = residual(0, 0, command.expected.in_bytes);
    }
    count(command, sense, command.life.nexus->counters());
    count(command, sense, command.life.unit->lane.counters());
    command.life.answered = true;
    command.life.nexus->port().completed(command);
}

void drop(Command& command) {
    TARGE_ASSERT(command.life.aborted.load(std::memory_order_relaxed));
    finish(command, scsi::Status::task_aborted);
}

void undelivered(Command& command) {
    return_attention(command);
}

std::optional<std::span<std::byte>> parameter_room(Command& command, std::size_t limit) {
    if (limit == 0) {
        return std::span<std::byte>{};
    }
    if (!command.life.nexus->take_buffer(command.life.in_buffer, limit)) {
        return std::nullopt;
    }
    return command.life.in_buffer.bytes();
}

void send_parameters(Command& command, std::span<const std::byte> data) {
    command.life.in_segment = {data.data(), data.size()};
    command.life.wants_in = data.size();
}

}  // namespace targe::engine
