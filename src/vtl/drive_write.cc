#include "vtl/drive.h"
#include "vtl/limits.h"
#include "vtl/stream_cdbs.h"

#include <algorithm>

namespace targe::vtl {
namespace {

using scsi::Asc;
using scsi::SenseKey;

/// What encryption adds to a record at most.
constexpr std::uint64_t kMostExtraBytes = 96;

/// WRITE MODE of the Device Configuration Extension page.
constexpr std::uint8_t kAppendOnly = 1;

/// Behind the position are nothing but filemarks, and one before it: applications that end what they write
/// with two of them append behind the first. What the WORM mode filemark restrictions of the Medium
/// Configuration page, 02h, let be overwritten.
Result<bool> ends_in_filemarks(Partition& tape) {
    const std::uint64_t object = tape.object();
    const std::uint64_t before = tape.filemarks();
    if (before == 0 || tape.end_object() - object != tape.end_filemarks() - before) {
        return false;
    }
    if (auto found = tape.seek_filemark(before - 1); !found) {
        return std::unexpected(found.error());
    }
    const bool follows = tape.object() + 1 == object;
    if (auto back = tape.seek_object(object); !back) {
        return std::unexpected(back.error());
    }
    return follows;
}

}  // namespace

std::uint64_t Drive::room() const {
    const std::uint64_t used = cartridge_->partition(partition_).used_before_position();
    return cartridge_->capacity(partition_) - std::min(cartridge_->capacity(partition_), used);
}

bool Drive::early_warning() const {
    return room() < early_warning_bytes(cartridge_->capacity(partition_));
}

/// In the zone that PEWS of the Device Configuration Extension page has put in front of early warning, or
/// behind.
bool Drive::programmed_warning() const {
    constexpr std::uint64_t kMegabyte = 1'000'000;
    const std::uint64_t megabytes = mode_.byte(0x10, 6, 1) * 256U + mode_.byte(0x10, 7, 1);
    return megabytes > 0 &&
           room() < early_warning_bytes(cartridge_->capacity(partition_)) + megabytes * kMegabyte;
}

/// What follows a write that is done. Early warning is told of by each, the zone before it by the one that
/// has come into it.
Drive::Ending Drive::warning(bool was_told) const {
    if (early_warning()) {
        return end_of_write(0, false);
    }
    return was_told || !programmed_warning() ? std::nullopt
                                             : Ending(Sense{.key = SenseKey::no_sense,
                                                            .asc = asc::programmable_early_warning_detected,
                                                            .information = 0,
                                                            .end_of_medium = true});
}

/// Before something is written: applications take what they know of a volume for right as long as its VOLUME
/// CHANGE REFERENCE is the one that they have read.
Drive::Ending Drive::note_change(Call& call, std::int64_t residue) {
    if (change_noted_) {
        return std::nullopt;
    }
    Label label = cartridge_->label();
    label.count_change();
    auto noted = cartridge_->change(label);
    if (!noted && noted.error().kind == FaultKind::full && !tape().at_end()) {
        // What is overwritten gives its space back, of which this needs a little.
        const auto cut = tape().cut();
        noted = cut ? cartridge_->change(label) : cut;
    }
    change_noted_ = noted.has_value();
    return noted ? std::nullopt : write_fault(call, noted.error(), residue);
}

bool Drive::write_protected() const {
    constexpr std::uint8_t kSwp = 0x04;
    return (cartridge_ != nullptr && cartridge_->label().write_protected) ||
           (mode_.byte(0x10, 10) & kSwp) != 0;
}

/// Whether something may be written at the position.
Drive::Ending Drive::may_write() {
    if (cartridge_->label().generation < description_.generation->oldest_written) {
        return data_protect(asc::cannot_write_medium_incompatible_format);
    }
    if (write_protected()) {
        raise_alert(alert::write_protected);
        return data_protect(Asc::write_protected);
    }
    if (tape().at_end()) {
        return std::nullopt;
    }
    if (!positioned_) {
        return medium_error(asc::sequential_positioning_error);
    }
    if (cartridge_->label().worm) {
        const auto only_filemarks = ends_in_filemarks(tape());
        if (only_filemarks && *only_filemarks) {
            return std::nullopt;
        }
        raise_alert(alert::worm_overwrite_attempted);
        return data_protect(asc::worm_medium_overwrite_attempted);
    }
    const bool append_only = mode_.byte(0x10, 5, 1) >> 4U == kAppendOnly;
    const bool let = overwrite_ && !overwrite_->format && overwrite_->partition == partition_ &&
                     overwrite_->object == tape().object();
    return append_only && !let ? Ending(data_protect(asc::conditional_write_protect)) : std::nullopt;
}

Drive::Ending Drive::end_of_write(std::int64_t residue, bool overflow) {
    return Sense{.key = overflow ? SenseKey::volume_overflow : SenseKey::no_sense,
                 .asc = asc::end_of_partition_or_medium_detected,
                 .information = residue,
                 .end_of_medium = true};
}

/// What the store said when it was told to write: a full host is the end of the tape.
Drive::Ending Drive::write_fault(Call& call, const Fault& fault, std::int64_t residue) {
    if (fault.kind == FaultKind::full) {
        call.out().trouble = fault.what;
        return end_of_write(residue, true);
    }
    Sense sense = *host_trouble(call, fault, true);
    sense.information = residue;
    return sense;
}

Drive::Ending Drive::write_block(Call& call, wire::Bytes block, std::int64_t residue) {
    if (RecordHeader::kBytes + kMostExtraBytes + block.size() > room()) {
        return end_of_write(residue, true);
    }
    constexpr std::uint8_t kDce = 0x80;
    const EncryptionParameters& parameters = encryption(call.in().session);
    WriteMode mode{.compress = (mode_.byte(0x0f, 2) & kDce) != 0};
    if (parameters.encrypt == EncryptionMode::encrypt) {
        mode.key = &parameters.key;
        mode.kad = parameters.kad;
    }
    const std::uint64_t before = tape().used_before_position();
    if (const auto wrote = codec_.write(tape(), block, mode); !wrote) {
        return write_fault(call, wrote.error(), residue);
    }
    overwrite_.reset();
    since_load_.from_initiator += block.size();
    since_load_.to_medium += tape().used_before_position() - before;
    return std::nullopt;
}

Drive::Ending Drive::write_6(Call& call) {
    using L = Write6Cdb;
    const bool fixed = call.flag(L::kFixed);
    const std::uint64_t length = call.get(L::kLength);
    if (fixed && block_length_ == 0) {
        return invalid_field(L::kFixed);
    }
    if (!fixed && length > kMaxBlockBytes) {
        return invalid_field(L::kLength);
    }
    if (length == 0) {
        return std::nullopt;
    }
    if (auto refused = may_write()) {
        return refused;
    }
    const bool told = programmed_warning();
    const std::size_t block_bytes = fixed ? block_length_ : static_cast<std::size_t>(length);
    const auto data = call.parameter_list(fixed ? length * block_bytes : length);
    if (!data) {
        return Sense{.key = SenseKey::aborted_command, .asc = asc::data_phase_error};
    }
    if (auto failed = note_change(call, static_cast<std::int64_t>(length))) {
        return failed;
    }
    wire::Bytes left = *data;
    while (!left.empty()) {
        const auto residue = static_cast<std::int64_t>(fixed ? left.size() / block_bytes : left.size());
        if (auto failed = write_block(call, left.first(block_bytes), residue)) {
            return failed;
        }
        left = left.subspan(block_bytes);
    }
    return warning(told);
}

Drive::Ending Drive::write_filemarks_6(Call& call) {
    using L = WriteFilemarks6Cdb;
    const std::uint64_t count = call.get(L::kCount);
    if (count > 0) {
        if (auto refused = may_write()) {
            return refused;
        }
        if (auto failed = note_change(call, static_cast<std::int64_t>(count))) {
            return failed;
        }
    }
    const bool told = programmed_warning();
    std::uint64_t at_once = count;
    for (std::uint64_t left = count; left > 0;) {
        const std::uint64_t room_for = room() / RecordHeader::kBytes;
        if (room_for == 0) {
            return end_of_write(static_cast<std::int64_t>(left), true);
        }
        const auto wrote = tape().append_filemarks(std::min({left, at_once, room_for}));
        if (!wrote && wrote.error().kind == FaultKind::full && at_once > 1) {
            at_once = 1;  // until the host has no space for a single one: so many are told of, and no less
            continue;
        }
        if (!wrote) {
            return write_fault(call, wrote.error(), static_cast<std::int64_t>(left));
        }
        left -= *wrote;
        overwrite_.reset();
        since_load_.to_medium += *wrote * RecordHeader::kBytes;
    }
    // IMMED would allow to answer before; then nobody would know what is safe.
    const auto synced = cartridge_->sync();
    sync_failed_ = !synced;
    if (!synced) {
        return host_trouble(call, synced.error(), true);
    }
    return count > 0 ? warning(told) : std::nullopt;
}

Drive::Ending Drive::erase(Call& call) {
    if (auto refused = may_write()) {
        return refused;
    }
    if (auto failed = note_change(call, 0)) {
        return failed;
    }
    if (const auto done = tape().cut(); !done) {
        return host_trouble(call, done.error(), true);
    }
    overwrite_.reset();
    return std::nullopt;
}

}  // namespace targe::vtl
