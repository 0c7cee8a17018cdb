// Commands that the unit's device executes by itself: tapes, changers and other types, in another program.
#include "device/command_server.h"
#include "engine/command_path.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/serve_remap.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <limits>

namespace targe::engine {

namespace {

constexpr unsigned kFilemark = 0x80;
constexpr unsigned kEndOfMedium = 0x40;
constexpr unsigned kIncorrectLength = 0x20;

/// A residue may be negative: fixed format has the lower half of it.
std::uint64_t in_format(std::int64_t information, scsi::SenseFormat format) {
    const bool narrow = format == scsi::SenseFormat::fixed && information < 0 &&
                        information >= std::numeric_limits<std::int32_t>::min();
    return narrow ? static_cast<std::uint32_t>(information) : static_cast<std::uint64_t>(information);
}

scsi::Sense sense_of(const device::ServerAnswer& answer, scsi::SenseFormat format) {
    scsi::Sense sense{.key = scsi::SenseKey{answer.key}, .asc = scsi::Asc{answer.condition}};
    sense.deferred = answer.deferred;
    if (answer.information) {
        sense.information = in_format(*answer.information, format);
    }
    sense.command_specific = answer.command_specific;
    return sense;
}

}  // namespace

scsi::Outcome outcome_of(const device::ServerAnswer& answer, scsi::SenseFormat format) {
    switch (answer.end) {
        case device::ServerAnswer::End::answered:
            break;
        case device::ServerAnswer::End::away:
            return scsi::Sense{.key = scsi::SenseKey::not_ready,
                               .asc = scsi::Asc::logical_unit_not_ready_cause_not_reportable};
        case device::ServerAnswer::End::busy:
            return scsi::Status::busy;
        case device::ServerAnswer::End::refused:
            return scsi::illegal_request(scsi::Asc::logical_unit_not_supported);
        case device::ServerAnswer::End::reset:
        case device::ServerAnswer::End::lost:
            // It may have been executed, or not, or in part: nothing that is to be repeated blindly.
            return scsi::Sense{.key = scsi::SenseKey::aborted_command,
                               .asc = scsi::Asc::internal_target_failure};
    }
    return answer.status == scsi::kCheckCondition ? scsi::Outcome{sense_of(answer, format)}
                                                  : scsi::Outcome{scsi::Status{answer.status}};
}

namespace {

/// The descriptor of stream commands, which has FILEMARK, EOM and ILI, and the sense key specific one.
void add_descriptors(Command& command) {
    constexpr std::size_t kAdditionalLength = 7;
    std::size_t at = command.sense_size;
    const auto put = [&](std::initializer_list<std::uint8_t> bytes) {
        for (const std::uint8_t byte : bytes) {
            command.sense_bytes.at(at++) = std::byte{byte};
        }
    };
    if (command.life.stream_bits != 0) {
        put({0x04, 0x02, 0x00, command.life.stream_bits});
    }
    if (const auto& specific = command.life.sense_specific) {
        constexpr std::uint8_t kValid = 0x80;
        put({0x02, 0x06, 0, 0, static_cast<std::uint8_t>(specific->at(0) | kValid), specific->at(1),
             specific->at(2), 0});
    }
    command.sense_bytes.at(kAdditionalLength) = static_cast<std::byte>(at - kAdditionalLength - 1);
    command.sense_size = static_cast<std::uint8_t>(at);
}

/// It was let in before the unit began anew: it is told of that now, as if it came now. Where another command
/// of the nexus was told meanwhile, this one goes as a reset makes commands go.
scsi::Outcome reset_of(Command& command) {
    if (const auto condition = unit_attention(command)) {
        return *condition;
    }
    return scsi::Sense{.key = scsi::SenseKey::aborted_command, .asc = scsi::Asc::internal_target_failure};
}

scsi::Outcome take(Command& command, const device::ServerAnswer& answer, const base::Segment& in) {
    auto& life = command.life;
    life.report = answer.report;
    const std::size_t moved = answer.in_bytes;
    life.in_segment = {in.data, moved};
    if (in.size > 0) {
        life.wants_in = answer.wanted != 0 ? answer.wanted : moved;
    } else if (answer.wanted != 0) {
        life.wants_out = answer.wanted;
    }
    life.stream_bits = static_cast<std::uint8_t>((answer.filemark ? kFilemark : 0U) |
                                                 (answer.end_of_medium ? kEndOfMedium : 0U) |
                                                 (answer.incorrect_length ? kIncorrectLength : 0U));
    life.sense_specific = answer.specific;
    life.has_stream_bits = life.stream_bits != 0 || life.sense_specific;
    return outcome_of(answer, life.unit->lane.state().pages.sense_format());
}

/// READ(16) and WRITE(16), which a remap becomes, are the commands of disks; and as a remap must be, only
/// what writes was let in.
bool may_remap(const Command& command) {
    return command.life.info->rules.writes_medium &&
           command.life.unit->lane.state().description.type == scsi::DeviceType::disk;
}

}  // namespace

Execution execute_of_handler(base::CommandArena& arena, Command& command) {
    auto& life = command.life;
    const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(
        life.wants_in, command.expected.known ? command.expected.in_bytes : life.wants_in));
    if (room > 0 && !life.nexus->take_buffer(life.in_buffer, room)) {
        co_return no_room(command);
    }
    const base::Segment in{room > 0 ? life.in_buffer.bytes().data() : nullptr, room};
    const base::ConstSegment out{life.out_segment.data, command.data_out.size};
    device::ServerRequest request{.cdb = command.cdb.bytes(),
                                  .attribute = static_cast<std::uint8_t>(command.attribute),
                                  .nexus = life.nexus->id().value,
                                  .tag = command.tag.value,
                                  .out = {&out, out.size > 0 ? 1U : 0U},
                                  .in = {&in, room > 0 ? 1U : 0U},
                                  .may_remap = may_remap(command)};
    for (;;) {
        life.at_server = &request;
        const device::ServerAnswer answer =
            co_await life.unit->unit->device().server()->execute(arena, request);
        life.at_server = nullptr;
        if (answer.end != device::ServerAnswer::End::reset) {
            const scsi::Outcome outcome = take(command, answer, in);
            if (!answer.remap || outcome != scsi::Outcome{scsi::Status::good}) {
                co_return outcome;
            }
            const scsi::Outcome carried_out = co_await carry_out_remap(arena, command, *answer.remap);
            co_return carried_out;
        }
        if (!life.info->rules.skips_unit_attention) {
            co_return reset_of(command);
        }
    }
}

void add_stream_bits(Command& command) {
    constexpr std::uint8_t kFixed = 0x70;
    constexpr std::uint8_t kResponseCode = 0x7e;  // current and deferred alike
    constexpr std::size_t kBits = 2;
    constexpr std::size_t kSpecific = 15;
    constexpr std::byte kValid{0x80};  // SKSV
    const auto& life = command.life;
    if ((std::to_integer<std::uint8_t>(command.sense_bytes[0]) & kResponseCode) != kFixed) {
        add_descriptors(command);
        return;
    }
    command.sense_bytes[kBits] |= std::byte{life.stream_bits};
    if (life.sense_specific) {
        std::ranges::transform(*life.sense_specific, command.sense_bytes.begin() + kSpecific,
                               [](std::uint8_t each) { return std::byte{each}; });
        command.sense_bytes[kSpecific] |= kValid;
    }
}

}  // namespace targe::engine
