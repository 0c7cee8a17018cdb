#include "vtl/encryption_pages.h"

#include "scsi/cdb.h"

#include <algorithm>
#include <vector>

namespace targe::vtl {
namespace {

using scsi::field_value;

enum KadType : std::uint8_t { unauthenticated = 0, authenticated = 1 };

/// Set Data Encryption page.
struct SetEncryption {
    static constexpr std::size_t kHeader = 20;
    static constexpr wire::Field kLength = wire::bytes(2, 3);
    static constexpr wire::Field kScope = wire::bits(4, 7, 5);
    static constexpr wire::Field kLock = wire::bit(4, 0);
    static constexpr wire::Field kExternalMode = wire::bits(5, 7, 6);    ///< CEEM
    static constexpr wire::Field kRawMode = wire::bits(5, 5, 4);         ///< RDMC
    static constexpr wire::Field kSupplementalKey = wire::bit(5, 3);     ///< SDK
    static constexpr wire::Field kClearOnDemount = wire::bit(5, 2);      ///< CKOD
    static constexpr wire::Field kClearOnPreempt = wire::bits(5, 1, 0);  ///< CKORP, CKORL
    static constexpr wire::Field kEncryptionMode = wire::bytes(6, 6);
    static constexpr wire::Field kDecryptionMode = wire::bytes(7, 7);
    static constexpr wire::Field kAlgorithm = wire::bytes(8, 8);
    static constexpr wire::Field kKeyFormat = wire::bytes(9, 9);
    static constexpr wire::Field kKeyLength = wire::bytes(18, 19);
};

void put_kad(KadType type, const std::vector<std::byte>& value, scsi::ParameterWriter& out) {
    if (value.empty()) {
        return;
    }
    constexpr std::uint8_t kAuthenticated = 2;  // AUTHENTICATED: it was, and it is right
    constexpr std::uint8_t kNotCovered = 1;
    out.u8(type);
    out.u8(type == authenticated ? kAuthenticated : kNotCovered);
    out.u16(static_cast<std::uint16_t>(value.size()));
    out.bytes(value);
}

/// The list of key-associated data that begins at `offset` of the page.
std::expected<KeyAssociatedData, Sense> read_kad(wire::Bytes list, std::size_t offset) {
    KeyAssociatedData kad;
    while (!list.empty()) {
        if (list.size() < 4) {
            return std::unexpected(parameter_list_length_error());
        }
        const auto type = std::to_integer<std::uint8_t>(list[0]);
        const auto size = static_cast<std::size_t>(field_value(list, wire::bytes(2, 3)));
        const std::size_t most = type == authenticated ? kMaxAuthenticatedKad : kMaxUnauthenticatedKad;
        if (type > authenticated) {
            return std::unexpected(invalid_parameter(offset));
        }
        if (size > most) {
            return std::unexpected(invalid_parameter(offset + 2));
        }
        if (list.size() < 4 + size) {
            return std::unexpected(parameter_list_length_error());
        }
        const wire::Bytes value = list.subspan(4, size);
        (type == authenticated ? kad.authenticated : kad.unauthenticated).assign(value.begin(), value.end());
        list = list.subspan(4 + size);
        offset += 4 + size;
    }
    return kad;
}

bool known_modes(std::uint64_t encrypt, std::uint64_t decrypt) {
    return (encrypt == 0 || encrypt == 2) && (decrypt == 0 || decrypt == 2 || decrypt == 3);
}

/// The fields but for the key and what is beside it.
std::optional<Sense> check_fields(wire::Bytes page) {
    using L = SetEncryption;
    const auto value = [&](wire::Field field) { return field_value(page, field); };
    if (value(L::kScope) > 2) {
        return invalid_parameter(4, 7);
    }
    if (value(L::kLock) != 0) {
        return invalid_parameter(4, 0);
    }
    if (value(L::kExternalMode) > 1 || value(L::kRawMode) > 0 || value(L::kSupplementalKey) != 0 ||
        value(L::kClearOnPreempt) != 0) {
        return invalid_parameter(5);
    }
    const std::uint64_t encrypt = value(L::kEncryptionMode);
    const std::uint64_t decrypt = value(L::kDecryptionMode);
    if (!known_modes(encrypt, decrypt)) {
        return invalid_parameter(encrypt != 0 && encrypt != 2 ? 6 : 7);
    }
    const bool enabled = encrypt != 0 || decrypt != 0;
    if (value(L::kAlgorithm) != kAlgorithmIndex && (enabled || value(L::kAlgorithm) != 0)) {
        return invalid_parameter(8);
    }
    if (value(L::kKeyFormat) != 0) {
        return invalid_parameter(9);
    }
    if (value(L::kKeyLength) != kKeyBytes && (enabled || value(L::kKeyLength) != 0)) {
        return invalid_parameter(18);
    }
    return std::nullopt;
}

}  // namespace

void write_capabilities(bool volume_in, scsi::ParameterWriter& out) {
    out.u16(encryption_page::capabilities);
    out.u16(40);
    out.u8(0x01);  // EXTDECC: no external control; CFG_P: encryption is not configured from outside
    out.zeroes(15);
    out.u8(kAlgorithmIndex);
    out.u8(0);
    out.u16(20);
    // AVFMV; DECRYPT_C and ENCRYPT_C: by the device's own software. AVFCLP: valid at any position.
    out.u8(static_cast<std::uint8_t>((volume_in ? 0x80U : 0U) | 0x10U | 0x04U | 0x01U));
    out.u8(0xc0U | 0x20U | 0x03U);  // a nonce is made by the device; U-KAD and A-KAD may be shorter
    out.u16(kMaxUnauthenticatedKad);
    out.u16(kMaxAuthenticatedKad);
    out.u16(kKeyBytes);
    out.u8(0x40);  // DKAD_C: key-associated data are not needed to decrypt
    out.zeroes(7);
    out.u32(kAlgorithmCode);
}

void write_management_capabilities(scsi::ParameterWriter& out) {
    out.u16(encryption_page::management_capabilities);
    out.u16(12);
    out.u8(0);     // no lock
    out.u8(0x04);  // CKOD
    out.u8(0);
    out.u8(0x07);  // scopes: all I_T nexuses, local, public
    out.zeroes(8);
}

void write_status(const EncryptionParameters& parameters, EncryptionScope of_nexus,
                  scsi::ParameterWriter& out) {
    out.u16(encryption_page::status);
    const std::size_t length_at = out.size();
    out.u16(0);
    const auto scope = static_cast<unsigned>(parameters.scope);
    out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(of_nexus) << 5U | scope));
    out.u8(static_cast<std::uint8_t>(parameters.encrypt));
    out.u8(static_cast<std::uint8_t>(parameters.decrypt));
    out.u8(parameters.enabled() ? kAlgorithmIndex : 0);
    out.u32(parameters.key_instance);
    out.u8(0x10);  // PARAMETERS CONTROL: from the I_T nexus
    out.zeroes(11);
    put_kad(unauthenticated, parameters.kad.unauthenticated, out);
    put_kad(authenticated, parameters.kad.authenticated, out);
    out.patch(length_at, static_cast<std::uint16_t>(out.size() - length_at - 2));
}

void write_next_block(std::uint64_t object, NextBlock status, bool compressed, const KeyAssociatedData& kad,
                      scsi::ParameterWriter& out) {
    out.u16(encryption_page::next_block);
    const std::size_t length_at = out.size();
    out.u16(0);
    out.u64(object);
    const unsigned compression = status == NextBlock::not_a_block ? 2U : compressed ? 4U : 3U;
    out.u8(static_cast<std::uint8_t>(compression << 4U | static_cast<unsigned>(status)));
    out.u8(status == NextBlock::readable || status == NextBlock::not_readable ? kAlgorithmIndex : 0);
    out.u16(0);
    put_kad(unauthenticated, kad.unauthenticated, out);
    put_kad(authenticated, kad.authenticated, out);
    out.patch(length_at, static_cast<std::uint16_t>(out.size() - length_at - 2));
}

std::expected<EncryptionParameters, Sense> read_set_encryption(wire::Bytes page) {
    using L = SetEncryption;
    if (page.size() < L::kHeader || field_value(page, L::kLength) != page.size() - 4) {
        return std::unexpected(parameter_list_length_error());
    }
    if (auto refused = check_fields(page)) {
        return std::unexpected(*refused);
    }
    const auto key_bytes = static_cast<std::size_t>(field_value(page, L::kKeyLength));
    if (page.size() < L::kHeader + key_bytes) {
        return std::unexpected(parameter_list_length_error());
    }
    const std::size_t kad_at = L::kHeader + key_bytes;
    auto kad = read_kad(page.subspan(kad_at), kad_at);
    if (!kad) {
        return std::unexpected(kad.error());
    }
    EncryptionParameters parameters{
        .scope = static_cast<EncryptionScope>(field_value(page, L::kScope)),
        .encrypt = static_cast<EncryptionMode>(field_value(page, L::kEncryptionMode)),
        .decrypt = static_cast<DecryptionMode>(field_value(page, L::kDecryptionMode)),
        .kad = std::move(*kad),
        .clear_on_demount = field_value(page, L::kClearOnDemount) != 0,
    };
    std::ranges::copy(page.subspan(L::kHeader, key_bytes), parameters.key.begin());
    return parameters;
}

}  // namespace targe::vtl
