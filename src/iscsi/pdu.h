// What every iSCSI PDU shares: the basic header segment, opcodes, additional headers, padding.
#pragma once

#include "base/id.h"
#include "wire/field.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::iscsi {

/// [RFC 7143 11.2.1.2]
enum class Opcode : std::uint8_t {
    nop_out = 0x00,
    scsi_command = 0x01,
    task_management_request = 0x02,
    login_request = 0x03,
    text_request = 0x04,
    data_out = 0x05,
    logout_request = 0x06,
    snack_request = 0x10,
    nop_in = 0x20,
    scsi_response = 0x21,
    task_management_response = 0x22,
    login_response = 0x23,
    text_response = 0x24,
    data_in = 0x25,
    logout_response = 0x26,
    ready_to_transfer = 0x31,
    async_message = 0x32,
    reject = 0x3f,
};

/// Length of the basic header segment; additional headers, header digest and data follow it.
inline constexpr std::size_t kHeaderSize = 48;
inline constexpr std::size_t kDigestSize = 4;
/// Tags that refer to no task and no transfer.
inline constexpr std::uint32_t kReservedTag = 0xffff'ffff;
/// DataSegmentLength is a 24-bit number.
inline constexpr std::uint32_t kMaxDataSegmentLength = 0xff'ffff;

using Header = std::array<std::byte, kHeaderSize>;
using HeaderView = std::span<const std::byte, kHeaderSize>;
using HeaderSpan = std::span<std::byte, kHeaderSize>;

/// Bytes after `size` bytes up to the next four-byte word, [RFC 7143 11.1].
[[nodiscard]] constexpr std::size_t padding(std::size_t size) {
    return (0U - size) & 3U;
}

/// Common part of the basic header segment, [RFC 7143 11.2.1].
struct BasicHeader {
    static constexpr wire::Field kImmediate = wire::bit(0, 6);
    static constexpr wire::Field kOpcode = wire::bits(0, 5, 0);
    static constexpr wire::Field kFinal = wire::bit(1, 7);
    static constexpr wire::Field kTotalAhsLength = wire::bytes(4, 4);  ///< in four-byte words
    static constexpr wire::Field kDataSegmentLength = wire::bytes(5, 7);
    static constexpr wire::Field kLun = wire::bytes(8, 15);
    static constexpr wire::Field kInitiatorTaskTag = wire::bytes(16, 19);
};

/// Sequence numbers of requests, where a request has them.
struct RequestHeader {
    static constexpr wire::Field kTargetTransferTag = wire::bytes(20, 23);
    static constexpr wire::Field kCmdSn = wire::bytes(24, 27);
    static constexpr wire::Field kExpStatSn = wire::bytes(28, 31);
};

/// Sequence numbers of responses.
struct ResponseHeader {
    static constexpr wire::Field kTargetTransferTag = wire::bytes(20, 23);
    static constexpr wire::Field kStatSn = wire::bytes(24, 27);
    static constexpr wire::Field kExpCmdSn = wire::bytes(28, 31);
    static constexpr wire::Field kMaxCmdSn = wire::bytes(32, 35);
};

/// [RFC 7143 11.2.2]. The length counts what follows the type, without padding.
struct AdditionalHeader {
    static constexpr std::size_t kSize = 4;
    static constexpr wire::Field kLength = wire::bytes(0, 1);
    static constexpr wire::Field kType = wire::bytes(2, 2);
    static constexpr std::size_t kUncounted = 3;  ///< the length and the type themselves
};
enum class AdditionalHeaderType : std::uint8_t {
    extended_cdb = 1,
    bidirectional_read_length = 2,
};

[[nodiscard]] constexpr Opcode opcode_of(HeaderView header) {
    return static_cast<Opcode>(wire::get<BasicHeader::kOpcode>(header));
}

/// A 32-bit sequence number with the serial arithmetic of [RFC 1982], which [RFC 7143 4.2.2] asks for.
template <class Tag>
struct Serial {
    std::uint32_t value = 0;

    constexpr Serial() = default;
    constexpr explicit Serial(std::uint32_t v) : value(v) {}
    bool operator==(const Serial&) const = default;
    constexpr Serial& operator++() {
        ++value;
        return *this;
    }
    [[nodiscard]] constexpr Serial plus(std::uint32_t n) const { return Serial(value + n); }
    /// How far this is past `other`; negative when it is before it.
    [[nodiscard]] constexpr std::int32_t since(Serial other) const {
        return static_cast<std::int32_t>(value - other.value);
    }
    [[nodiscard]] constexpr bool before(Serial other) const { return since(other) < 0; }
    [[nodiscard]] constexpr bool after(Serial other) const { return since(other) > 0; }
};

using CmdSn = Serial<struct CmdSnTag>;
using StatSn = Serial<struct StatSnTag>;
/// Chosen by the initiator; unique among its tasks in flight.
using TaskTag = base::Id<struct TaskTagTag, std::uint32_t>;
/// Chosen by the target; names one transfer.
using TransferTag = base::Id<struct TransferTagTag, std::uint32_t>;
/// Eight bytes as they are on the wire, [SAM-5 r21 4.7].
using Lun = base::Id<struct LunTag, std::uint64_t>;

}  // namespace targe::iscsi
