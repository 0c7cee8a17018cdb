#include "vtl/answer.h"

#include "scsi/sense.h"

#include <cstddef>
#include <span>

namespace targe::vtl {
namespace {

/// Sense-key specific bytes of ILLEGAL REQUEST, [SPC-4 r37 4.5.2.4.2].
void point_at(targe_sense& sense, const scsi::FieldPointer& field) {
    constexpr unsigned kCommandData = 0x40;
    constexpr unsigned kBitPointerValid = 0x08;
    sense.flags |= TARGE_SENSE_SPECIFIC;
    sense.specific[0] =
        static_cast<std::uint8_t>((field.in == scsi::FieldPointer::In::cdb ? kCommandData : 0) |
                                  (field.bit ? kBitPointerValid | *field.bit : 0U));
    sense.specific[1] = static_cast<std::uint8_t>(field.byte >> 8U);
    sense.specific[2] = static_cast<std::uint8_t>(field.byte & 0xffU);
}

}  // namespace

Command command_of(const targe_command& command, std::uint64_t now_ms) {
    return {
        .cdb = std::as_bytes(std::span(command.cdb, command.cdb_length)),
        .data_out = {static_cast<const std::byte*>(command.data_out),
                     static_cast<std::size_t>(command.data_out_length)},
        .data_in = {static_cast<std::byte*>(command.data_in), static_cast<std::size_t>(command.data_in_room)},
        .session = command.session,
        .now_ms = now_ms};
}

void answer(targe_command& command, const Reply& reply) {
    command.data_in_length = reply.data_in_length;
    command.wanted = reply.wanted;
    if (!reply.sense) {
        return;
    }
    const Sense& told = *reply.sense;
    const auto code = static_cast<unsigned>(told.asc);
    targe_fail(&command, static_cast<std::uint8_t>(told.key), static_cast<std::uint8_t>(code >> 8U),
               static_cast<std::uint8_t>(code & 0xffU));
    targe_sense& sense = command.sense;
    if (told.field) {
        point_at(sense, *told.field);
    }
    if (told.information) {
        sense.flags |= TARGE_SENSE_INFORMATION;
        sense.information = *told.information;
    }
    sense.flags |= static_cast<std::uint8_t>((told.filemark ? TARGE_SENSE_FILEMARK : 0) |
                                             (told.end_of_medium ? TARGE_SENSE_EOM : 0) |
                                             (told.incorrect_length ? TARGE_SENSE_ILI : 0));
}

}  // namespace targe::vtl
