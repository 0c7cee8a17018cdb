// Pages of the tape data encryption security protocol (20h), [SSC-5], as bytes.
#pragma once

#include "scsi/parameter_writer.h"
#include "vtl/drive_state.h"
#include "vtl/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

namespace targe::vtl {

inline constexpr std::uint8_t kTapeEncryptionProtocol = 0x20;
/// The one algorithm: its index, and its code for AES-256-GCM.
inline constexpr std::uint8_t kAlgorithmIndex = 1;
inline constexpr std::uint32_t kAlgorithmCode = 0x0001'0014;

namespace encryption_page {
inline constexpr std::uint16_t in_support = 0x0000;
inline constexpr std::uint16_t out_support = 0x0001;
inline constexpr std::uint16_t capabilities = 0x0010;
inline constexpr std::uint16_t key_formats = 0x0011;
inline constexpr std::uint16_t management_capabilities = 0x0012;
inline constexpr std::uint16_t status = 0x0020;
inline constexpr std::uint16_t next_block = 0x0021;
inline constexpr std::uint16_t set_encryption = 0x0010;  ///< of SECURITY PROTOCOL OUT
}  // namespace encryption_page

/// ENCRYPTION STATUS of the Next Block page.
enum class NextBlock : std::uint8_t {
    not_a_block = 2,
    plain = 3,
    readable = 5,
    not_readable = 6,  ///< for want of a key, or of the right one
};

void write_capabilities(bool volume_in, scsi::ParameterWriter& out);
void write_management_capabilities(scsi::ParameterWriter& out);
/// `parameters` are those that the nexus uses, of whose own scope `of_nexus` is.
void write_status(const EncryptionParameters& parameters, EncryptionScope of_nexus,
                  scsi::ParameterWriter& out);
void write_next_block(std::uint64_t object, NextBlock status, bool compressed, const KeyAssociatedData& kad,
                      scsi::ParameterWriter& out);

/// The Set Data Encryption page, whole, as parameters; or why not.
[[nodiscard]] std::expected<EncryptionParameters, Sense> read_set_encryption(wire::Bytes page);

}  // namespace targe::vtl
