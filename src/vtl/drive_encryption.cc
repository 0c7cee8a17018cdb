#include "vtl/drive.h"
#include "vtl/encryption_pages.h"
#include "vtl/unit_cdbs.h"

namespace targe::vtl {
namespace {

constexpr std::uint8_t kSecurityProtocolInformation = 0x00;

void put_page_list(std::uint16_t page, std::initializer_list<std::uint16_t> pages,
                   scsi::ParameterWriter& out) {
    out.u16(page);
    out.u16(static_cast<std::uint16_t>(2 * pages.size()));
    for (const std::uint16_t each : pages) {
        out.u16(each);
    }
}

}  // namespace

const EncryptionParameters& Drive::encryption(std::uint64_t session) const {
    const auto own = encryption_.local.find(session);
    return own == encryption_.local.end() ? encryption_.shared : own->second;
}

/// Of the nexus, which is not that of the parameters where another nexus has set them for all.
EncryptionScope Drive::encryption_scope(std::uint64_t session) const {
    if (encryption_.local.contains(session)) {
        return EncryptionScope::local;
    }
    return encryption_.of_all == session ? EncryptionScope::all_nexuses : EncryptionScope::shared_default;
}

/// What is behind the position, as far as encryption goes.
Drive::Ending Drive::next_block_status(Call& call, std::uint64_t allocation) {
    if (auto refused = ready()) {
        return refused;
    }
    NextBlock status = NextBlock::not_a_block;
    KeyAssociatedData kad;
    bool compressed = false;
    const auto header = tape().peek();
    if (!header) {
        return host_trouble(call, header.error(), false);
    }
    if (*header && (*header)->type == ObjectType::block) {
        compressed = (*header)->compressed;
        status = NextBlock::plain;
    }
    if (*header && (*header)->encrypted) {
        const auto beside = codec_.inspect(tape(), **header);
        if (!beside) {
            return read_fault(beside.error(), 0);
        }
        kad = (*beside)->kad;
        const EncryptionParameters& parameters = encryption(call.in().session);
        const bool opens = parameters.decrypt != DecryptionMode::disable &&
                           codec_.read(tape(), **header, &parameters.key).has_value();
        status = opens ? NextBlock::readable : NextBlock::not_readable;
    }
    call.reply(allocation, [&](scsi::ParameterWriter& out) {
        write_next_block(tape().object(), status, compressed, kad, out);
    });
    return std::nullopt;
}

Drive::Ending Drive::security_protocol_in(Call& call) {
    using L = SecurityProtocolCdb;
    constexpr std::uint64_t kUnit = 512;
    const std::uint64_t protocol = call.get(L::kProtocol);
    const std::uint64_t page = call.get(L::kSpecific);
    const std::uint64_t allocation = call.get(L::kLength) * (call.flag(L::kIn512) ? kUnit : 1);
    if (protocol == kSecurityProtocolInformation && page == 0) {
        call.reply(allocation, [](scsi::ParameterWriter& out) {
            out.zeroes(6);
            out.u16(2);
            out.u8(kSecurityProtocolInformation);
            out.u8(kTapeEncryptionProtocol);
        });
        return std::nullopt;
    }
    if (protocol != kTapeEncryptionProtocol) {
        return protocol == kSecurityProtocolInformation ? invalid_field(L::kSpecific)
                                                        : invalid_field(L::kProtocol);
    }
    namespace pages = encryption_page;
    switch (page) {
        case pages::in_support:
            call.reply(allocation, [](scsi::ParameterWriter& out) {
                put_page_list(pages::in_support,
                              {pages::in_support, pages::out_support, pages::capabilities, pages::key_formats,
                               pages::management_capabilities, pages::status, pages::next_block},
                              out);
            });
            return std::nullopt;
        case pages::out_support:
            call.reply(allocation, [](scsi::ParameterWriter& out) {
                put_page_list(pages::out_support, {pages::set_encryption}, out);
            });
            return std::nullopt;
        case pages::capabilities:
            call.reply(allocation, [&](scsi::ParameterWriter& out) { write_capabilities(loaded_, out); });
            return std::nullopt;
        case pages::key_formats:
            call.reply(allocation, [](scsi::ParameterWriter& out) {
                out.u16(pages::key_formats);
                out.u16(1);
                out.u8(0);  // the key itself
            });
            return std::nullopt;
        case pages::management_capabilities:
            call.reply(allocation, write_management_capabilities);
            return std::nullopt;
        case pages::status:
            call.reply(allocation, [&](scsi::ParameterWriter& out) {
                const std::uint64_t session = call.in().session;
                write_status(encryption(session), encryption_scope(session), out);
            });
            return std::nullopt;
        case pages::next_block:
            return next_block_status(call, allocation);
        default:
            return invalid_field(L::kSpecific);
    }
}

Drive::Ending Drive::security_protocol_out(Call& call) {
    using L = SecurityProtocolCdb;
    if (call.get(L::kProtocol) != kTapeEncryptionProtocol) {
        return invalid_field(L::kProtocol);
    }
    if (call.get(L::kSpecific) != encryption_page::set_encryption) {
        return invalid_field(L::kSpecific);
    }
    if (call.flag(L::kIn512)) {
        return invalid_field(L::kIn512);
    }
    const auto list = call.parameter_list(call.get(L::kLength));
    if (!list) {
        return parameter_list_length_error();
    }
    if (list->empty()) {
        return std::nullopt;
    }
    auto parameters = read_set_encryption(*list);
    if (!parameters) {
        return parameters.error();
    }
    if (parameters->clear_on_demount && !loaded_) {
        return invalid_parameter(5, 2);
    }
    parameters->key_instance = ++encryption_.key_instances;
    const std::uint64_t session = call.in().session;
    if (encryption_.of_all == session) {
        encryption_.of_all.reset();
    }
    switch (parameters->scope) {
        case EncryptionScope::shared_default:
            encryption_.local.erase(session);
            break;
        case EncryptionScope::local:
            encryption_.local[session] = std::move(*parameters);
            break;
        case EncryptionScope::all_nexuses:
            encryption_.local.erase(session);
            encryption_.shared = std::move(*parameters);
            encryption_.of_all = session;
            call.attention(Attention::To::others, asc::data_encryption_parameters_changed);
            break;
    }
    return std::nullopt;
}

}  // namespace targe::vtl
