// READ BUFFER and WRITE BUFFER: what a nexus has echoed, and what the unit remembers of errors.
#include "base/core.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "scsi/data_buffer.h"

namespace targe::engine {

namespace {

using scsi::BufferMode;

/// What the nexus itself has, or nothing to keep.
std::optional<scsi::Sense> read_own_buffer(const Command& command, BufferMode mode,
                                           scsi::ParameterWriter& out) {
    const std::vector<std::byte>& echo = command.life.unit->echo;
    switch (mode) {
        case BufferMode::descriptor:
            scsi::write_buffer_descriptor(out);
            return std::nullopt;
        case BufferMode::echo_descriptor:
            scsi::write_echo_descriptor(out);
            return std::nullopt;
        case BufferMode::echo:
        case BufferMode::error_history:
            break;
    }
    if (echo.empty()) {
        return scsi::illegal_request(scsi::Asc::command_sequence_error);
    }
    out.bytes(echo);
    return std::nullopt;
}

base::Task<std::optional<scsi::Sense>> read_error_history(base::CommandArena& /*arena*/, Command& command,
                                                          scsi::ReadBufferRequest request,
                                                          scsi::ParameterWriter& out) {
    NexusUnit& unit = *command.life.unit;
    base::Core& here = unit.nexus.core();
    UnitHome& home = unit.unit->home();
    unit.reads_error_history = true;
    if (&home.core() != &here) {
        co_await base::hop_to(home.core());
    }
    const auto refusal =
        home.errors().read(request, home.state().description.identity, unit.nexus.id().value, out);
    if (&home.core() != &here) {
        co_await base::hop_to(here);
    }
    co_return refusal;
}

}  // namespace

Execution execute_read_buffer(base::CommandArena& arena, Command& command) {
    const auto request = scsi::plan_read_buffer(command.cdb.first<scsi::ReadBufferCdb::kSize>());
    if (!request) {
        co_return request.error();
    }
    constexpr std::size_t kLongest = scsi::ErrorHistory::kRecords * scsi::ErrorHistory::kRecordBytes;
    static_assert(kLongest >= scsi::kEchoBufferBytes);
    const std::size_t wanted = scsi::allocation_length(*command.life.info, command.cdb.bytes());
    const auto room = parameter_room(command, std::min(wanted, kLongest));
    if (!room) {
        co_return no_room(command);
    }
    scsi::ParameterWriter out{*room};
    std::optional<scsi::Sense> refusal;
    if (request->mode == BufferMode::error_history) {
        refusal = co_await read_error_history(arena, command, *request, out);
    } else {
        refusal = read_own_buffer(command, request->mode, out);
    }
    if (refusal) {
        co_return *refusal;
    }
    send_parameters(command, out.written());
    co_return scsi::Status::good;
}

Execution execute_write_buffer(base::CommandArena& /*arena*/, Command& command) {
    const auto refusal = scsi::refuse_write_buffer(command.cdb.first<scsi::WriteBufferCdb::kSize>());
    if (refusal) {
        co_return *refusal;
    }
    const base::Segment& sent = command.life.out_segment;
    if (sent.size > 0) {
        command.life.unit->echo.assign(sent.data, sent.data + sent.size);
    }
    co_return scsi::Status::good;
}

}  // namespace targe::engine
