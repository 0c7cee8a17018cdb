#include "vtl/drive.h"
#include "vtl/limits.h"
#include "vtl/stream_cdbs.h"

#include <algorithm>
#include <span>

namespace targe::vtl {
namespace {

using scsi::Asc;
using scsi::SenseKey;

/// Where the next bytes of data-in go; what finds no room is counted and dropped.
void deliver(Call& call, wire::Bytes bytes) {
    Reply& out = call.out();
    const std::span<std::byte> room = call.in().data_in.subspan(out.data_in_length);
    const std::size_t size = std::min(room.size(), bytes.size());
    std::ranges::copy(bytes.first(size), room.begin());
    out.data_in_length += size;
    out.wanted += bytes.size();
}

/// What no direction of reading can do: FIXED with SILI, or without a block length, or a block that is too
/// long.
template <class L>
std::optional<Sense> refused_read(const Call& call, std::uint32_t block_length) {
    const bool fixed = call.flag(L::kFixed);
    if (fixed && call.flag(L::kSili)) {
        return invalid_field(L::kSili);
    }
    if (fixed && block_length == 0) {
        return invalid_field(L::kFixed);
    }
    return !fixed && call.get(L::kLength) > kMaxBlockBytes ? std::optional{invalid_field(L::kLength)}
                                                           : std::nullopt;
}

Sense wrong_length(std::int64_t information) {
    return {.key = SenseKey::no_sense, .information = information, .incorrect_length = true};
}

}  // namespace

/// Whether the block may be read as encryption is set, [SSC-5].
std::optional<Sense> Drive::decryption_refusal(const RecordHeader& header, std::uint64_t session) const {
    const DecryptionMode mode = encryption(session).decrypt;
    if (header.encrypted && mode == DecryptionMode::disable) {
        return data_protect(asc::unable_to_decrypt_data);
    }
    if (!header.encrypted && mode == DecryptionMode::decrypt) {
        return data_protect(asc::unencrypted_data_encountered_while_decrypting);
    }
    return std::nullopt;
}

/// The block behind the position. What is there else ends the command: a filemark is passed over.
std::expected<RecordHeader, Sense> Drive::look(Call& call, std::int64_t residue) {
    const auto header = tape().peek();
    if (!header) {
        Sense sense = *host_trouble(call, header.error(), false);
        sense.information = residue;
        if (header.error().kind == FaultKind::damaged) {
            // What follows can be had, as behind a damaged block. Where nothing is found, it stays.
            static_cast<void>(tape().pass_damaged());
        }
        return std::unexpected(sense);
    }
    if (!*header) {
        return std::unexpected(
            Sense{.key = SenseKey::blank_check, .asc = asc::end_of_data_detected, .information = residue});
    }
    if ((*header)->type == ObjectType::filemark) {
        tape().step(**header);
        return std::unexpected(Sense{.key = SenseKey::no_sense,
                                     .asc = asc::filemark_detected,
                                     .information = residue,
                                     .filemark = true});
    }
    return **header;
}

Drive::Ending Drive::read_fault(ReadFault fault, std::int64_t residue) {
    switch (fault) {
        case ReadFault::unreadable:
            ++since_load_.read_errors;
            raise_alert(alert::read_failure);
            return medium_error(Asc::unrecovered_read_error, residue);
        case ReadFault::host:
            raise_alert(alert::hard_error);
            return Sense{
                .key = SenseKey::hardware_error, .asc = Asc::internal_target_failure, .information = residue};
        case ReadFault::no_key:
            return data_protect(asc::unable_to_decrypt_data);
        case ReadFault::wrong_key:
            return data_protect(asc::incorrect_data_encryption_key);
    }
    return std::nullopt;
}

/// Reads the block behind the position, and passes over it. A block that is damaged is passed over as well,
/// so that what follows can be had; one that lacks its key is not.
std::expected<wire::Bytes, Sense> Drive::next_block(Call& call, std::int64_t residue) {
    const auto header = look(call, residue);
    if (!header) {
        return std::unexpected(header.error());
    }
    if (auto refused = decryption_refusal(*header, call.in().session)) {
        return std::unexpected(*refused);
    }
    const EncryptionParameters& parameters = encryption(call.in().session);
    const Key* const key = parameters.decrypt == DecryptionMode::disable ? nullptr : &parameters.key;
    const auto block = codec_.read(tape(), *header, key);
    if (!block) {
        if (block.error() == ReadFault::unreadable) {
            tape().step(*header);
        }
        return std::unexpected(*read_fault(block.error(), residue));
    }
    tape().step(*header);
    since_load_.from_medium += header->record_bytes();
    since_load_.to_initiator += block->size();
    return *block;
}

Drive::Ending Drive::read_variable(Call& call, std::uint64_t length, bool sili) {
    const auto residue = static_cast<std::int64_t>(length);
    const auto block = next_block(call, residue);
    if (!block) {
        return block.error();
    }
    deliver(call, block->first(static_cast<std::size_t>(std::min<std::uint64_t>(length, block->size()))));
    const bool longer = block->size() > length;
    // A longer block is told of even with SILI where the drive has a block length of its own.
    if (block->size() == length || (sili && (!longer || block_length_ == 0))) {
        return std::nullopt;
    }
    return wrong_length(residue - static_cast<std::int64_t>(block->size()));
}

Drive::Ending Drive::read_fixed(Call& call, std::uint64_t blocks) {
    for (std::uint64_t left = blocks; left > 0; --left) {
        const auto residue = static_cast<std::int64_t>(left);
        const auto block = next_block(call, residue);
        if (!block) {
            return block.error();
        }
        if (block->size() != block_length_) {
            return wrong_length(residue);
        }
        deliver(call, *block);
    }
    return std::nullopt;
}

Drive::Ending Drive::read_6(Call& call) {
    using L = Read6Cdb;
    const bool fixed = call.flag(L::kFixed);
    const bool sili = call.flag(L::kSili);
    const std::uint64_t length = call.get(L::kLength);
    if (const auto refused = refused_read<L>(call, block_length_)) {
        return refused;
    }
    if (length == 0) {
        return std::nullopt;
    }
    return fixed ? read_fixed(call, length) : read_variable(call, length, sili);
}

/// The block before the position, in front of which the position is afterwards. A filemark is not passed
/// over: the position is in front of it too.
std::expected<wire::Bytes, Sense> Drive::block_before(Call& call, std::int64_t residue) {
    if (tape().object() == 0) {
        return std::unexpected(Sense{.key = SenseKey::no_sense,
                                     .asc = asc::beginning_of_partition_or_medium_detected,
                                     .information = residue,
                                     .end_of_medium = true});
    }
    const std::uint64_t before = tape().object() - 1;
    if (const auto moved = tape().seek_object(before); !moved) {
        return std::unexpected(*host_trouble(call, moved.error(), false));
    }
    const auto block = next_block(call, residue);
    if (const auto back = tape().seek_object(before); !back) {
        return std::unexpected(*host_trouble(call, back.error(), false));
    }
    return block;
}

Drive::Ending Drive::read_reverse_6(Call& call) {
    using L = ReadReverse6Cdb;
    const bool fixed = call.flag(L::kFixed);
    const bool sili = call.flag(L::kSili);
    const std::uint64_t length = call.get(L::kLength);
    if (const auto refused = refused_read<L>(call, block_length_)) {
        return refused;
    }
    const std::uint64_t blocks = fixed ? length : std::min<std::uint64_t>(length, 1);
    for (std::uint64_t left = blocks; left > 0; --left) {
        const auto residue = static_cast<std::int64_t>(fixed ? left : length);
        const auto block = block_before(call, residue);
        if (!block) {
            return block.error();
        }
        if (fixed && block->size() != block_length_) {
            return wrong_length(residue);
        }
        const auto size =
            static_cast<std::size_t>(fixed ? block->size() : std::min<std::uint64_t>(length, block->size()));
        std::vector<std::byte> bytes(block->begin(), block->begin() + static_cast<std::ptrdiff_t>(size));
        if (!call.flag(L::kByteOrder)) {
            std::ranges::reverse(bytes);
        }
        deliver(call, bytes);
        const bool longer = block->size() > length;
        if (!fixed && block->size() != length && !(sili && (!longer || block_length_ == 0))) {
            return wrong_length(residue - static_cast<std::int64_t>(block->size()));
        }
    }
    return std::nullopt;
}

Drive::Ending Drive::verify_6(Call& call) {
    using L = Verify6Cdb;
    const bool fixed = call.flag(L::kFixed);
    const bool compare = call.flag(L::kByteCompare);
    const std::uint64_t length = call.get(L::kLength);
    if (fixed && block_length_ == 0) {
        return invalid_field(L::kFixed);
    }
    if (!fixed && length > kMaxBlockBytes) {
        return invalid_field(L::kLength);
    }
    wire::Bytes expected;
    if (compare) {
        const auto list = call.parameter_list(fixed ? length * block_length_ : length);
        if (!list) {
            return Sense{.key = SenseKey::aborted_command, .asc = asc::data_phase_error};
        }
        expected = *list;
    }
    const std::uint64_t blocks = fixed ? length : std::min<std::uint64_t>(length, 1);
    for (std::uint64_t left = blocks; left > 0; --left) {
        const auto residue = static_cast<std::int64_t>(fixed ? left : length);
        // Without data its length has no bound but that of the tape.
        if (call.in().overdue && call.in().overdue()) {
            return Sense{.key = SenseKey::aborted_command,
                         .asc = asc::command_timeout_during_processing,
                         .information = residue};
        }
        const auto block = next_block(call, residue);
        if (!block) {
            return block.error();
        }
        const std::uint64_t wanted = fixed ? block_length_ : length;
        if (block->size() != wanted) {
            return wrong_length(fixed ? residue : residue - static_cast<std::int64_t>(block->size()));
        }
        if (compare) {
            if (!std::ranges::equal(*block, expected.first(block->size()))) {
                return Sense{.key = SenseKey::miscompare,
                             .asc = Asc::miscompare_during_verify_operation,
                             .information = residue};
            }
            expected = expected.subspan(block->size());
        }
    }
    return std::nullopt;
}

}  // namespace targe::vtl
