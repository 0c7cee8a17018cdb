#include "scsi/data_buffer.h"

namespace targe::scsi {
namespace {

std::optional<BufferMode> mode_of(std::uint8_t mode) {
    switch (static_cast<BufferMode>(mode)) {
        case BufferMode::descriptor:
        case BufferMode::echo:
        case BufferMode::echo_descriptor:
        case BufferMode::error_history:
            return static_cast<BufferMode>(mode);
    }
    return std::nullopt;
}

}  // namespace

std::expected<ReadBufferRequest, Sense> plan_read_buffer(
    std::span<const std::byte, ReadBufferCdb::kSize> cdb) {
    using L = ReadBufferCdb;
    const auto mode = mode_of(wire::get<L::kMode>(cdb));
    if (!mode) {
        return std::unexpected(invalid_field(L::kMode));
    }
    // Of MODE SPECIFIC only error history has a use, and there only the data of our own making are offered.
    if (wire::get<L::kModeSpecific>(cdb) != 0) {
        return std::unexpected(invalid_field(L::kModeSpecific));
    }
    const ReadBufferRequest request{
        .mode = *mode, .buffer_id = wire::get<L::kBufferId>(cdb), .offset = wire::get<L::kBufferOffset>(cdb)};
    // The echo buffer has no number and no offset: both are ignored.
    return request;
}

std::optional<Sense> refuse_write_buffer(std::span<const std::byte, WriteBufferCdb::kSize> cdb) {
    using L = WriteBufferCdb;
    if (wire::get<L::kMode>(cdb) != static_cast<std::uint8_t>(BufferMode::echo)) {
        return invalid_field(L::kMode);
    }
    if (wire::get<L::kModeSpecific>(cdb) != 0) {
        return invalid_field(L::kModeSpecific);
    }
    if (wire::get<L::kParameterListLength>(cdb) > kEchoBufferBytes) {
        return invalid_field(L::kParameterListLength);
    }
    return std::nullopt;
}

void write_buffer_descriptor(ParameterWriter& out) {
    out.u32(0);  // OFFSET BOUNDARY 0 and BUFFER CAPACITY 0
}

void write_echo_descriptor(ParameterWriter& out) {
    out.u16(0);
    out.u16(static_cast<std::uint16_t>(kEchoBufferBytes));
}

}  // namespace targe::scsi
