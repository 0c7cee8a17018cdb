// READ BUFFER and WRITE BUFFER: the echo buffer and the error history, [SPC-4 r37].
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace targe::scsi {

struct ReadBufferCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kModeSpecific = wire::bits(1, 7, 5);
    static constexpr wire::Field kMode = wire::bits(1, 4, 0);
    static constexpr wire::Field kBufferId = wire::bytes(2, 2);
    static constexpr wire::Field kBufferOffset = wire::bytes(3, 5);
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kModeSpecific, kMode, kBufferId, kBufferOffset, kAllocationLength});
};

struct WriteBufferCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kModeSpecific = wire::bits(1, 7, 5);
    static constexpr wire::Field kMode = wire::bits(1, 4, 0);
    static constexpr wire::Field kBufferId = wire::bytes(2, 2);
    static constexpr wire::Field kBufferOffset = wire::bytes(3, 5);
    static constexpr wire::Field kParameterListLength = wire::bytes(6, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kModeSpecific, kMode, kBufferId, kBufferOffset, kParameterListLength});
};

/// MODE. Only the echo buffer can be written.
enum class BufferMode : std::uint8_t {
    descriptor = 0x03,  ///< of a data buffer: there is none
    echo = 0x0a,
    echo_descriptor = 0x0b,
    error_history = 0x1c,
};

/// What one nexus may have echoed by one unit.
inline constexpr std::size_t kEchoBufferBytes = 512;

struct ReadBufferRequest {
    BufferMode mode;
    std::uint8_t buffer_id;
    std::uint32_t offset;
};

[[nodiscard]] std::expected<ReadBufferRequest, Sense> plan_read_buffer(
    std::span<const std::byte, ReadBufferCdb::kSize> cdb);
/// Why the echo buffer cannot be written so.
[[nodiscard]] std::optional<Sense> refuse_write_buffer(std::span<const std::byte, WriteBufferCdb::kSize> cdb);

/// The READ BUFFER descriptor of a buffer that is not there.
void write_buffer_descriptor(ParameterWriter& out);
/// The echo buffer descriptor. EBOS is clear: each nexus has an echo buffer of its own.
void write_echo_descriptor(ParameterWriter& out);

}  // namespace targe::scsi
