#include "vtl/drive.h"

#include "base/assert.h"
#include "vtl/drive_table.h"

#include <fmt/format.h>

#include <utility>

namespace targe::vtl {

using scsi::Asc;
using scsi::SenseKey;

Drive::Drive(DriveDescription description) : description_(std::move(description)) {
    TARGE_ASSERT(description_.generation != nullptr);
    fill_mode_pages(mode_);
}

std::span<const CommandShape> Drive::commands() {
    return DriveTable::shapes();
}

Reply Drive::execute(const Command& command) {
    Reply reply;
    Call call(command, reply);
    const Found found = find_command(commands(), command.cdb, LunBits::refused);
    if (found.refused) {
        reply.sense = found.refused;
        return reply;
    }
    const DriveTable::Row& row = DriveTable::row(found.row);
    if (row.needs == DriveTable::Needs::medium) {
        if (auto refused = ready()) {
            reply.sense = refused;
            return reply;
        }
    }
    reply.sense = (this->*row.handler)(call);
    return reply;
}

/// Whether the tape can be moved.
Drive::Ending Drive::ready() const {
    if (!inserted_) {
        return not_ready(Asc::medium_not_present);
    }
    switch (insertion_) {
        case Insertion::cleaning:
            return not_ready(asc::cleaning_cartridge_installed);
        case Insertion::incompatible:
            return not_ready(asc::incompatible_medium_installed);
        case Insertion::unreadable:
            return medium_error(asc::medium_format_corrupted);
        case Insertion::ready:
            break;
    }
    return loaded_ ? std::nullopt
                   : Ending(not_ready(Asc::logical_unit_not_ready_initializing_command_required));
}

void Drive::insert(std::unique_ptr<Cartridge> cartridge) {
    TARGE_ASSERT(!inserted_);
    cartridge_ = std::move(cartridge);
    const Label& label = cartridge_->label();
    inserted_ = true;
    barcode_ = label.barcode;
    const Generation& generation = *description_.generation;
    if (label.cleaning) {
        insertion_ = Insertion::cleaning;
        raise_alert(alert::cleaning_medium);
        return;
    }
    if (label.generation > generation.number || label.generation < generation.oldest_read) {
        insertion_ = Insertion::incompatible;
        raise_alert(alert::unsupported_format);
        return;
    }
    insertion_ = Insertion::ready;
    thread();
}

void Drive::insert_unreadable(std::string barcode) {
    TARGE_ASSERT(!inserted_);
    inserted_ = true;
    loaded_ = false;
    barcode_ = std::move(barcode);
    insertion_ = Insertion::unreadable;
    raise_alert(alert::medium_error);
}

void Drive::thread() {
    loaded_ = true;
    partition_ = 0;
    positioned_ = true;
    sync_failed_ = false;
    change_noted_ = false;
    overwrite_.reset();
    since_load_ = {};
    before_anew_ = {};
    alerts_ = {};
    note_partitions();
    for (std::size_t i = 0; i < cartridge_->partitions(); ++i) {
        cartridge_->partition(i).rewind();
    }
}

/// Of the cartridge, with this load.
UsageCounters Drive::usage() const {
    UsageCounters all = cartridge_->label().usage;
    all.loads += 1;
    all.bytes_written += before_anew_.bytes_written + since_load_.from_initiator;
    all.bytes_read += before_anew_.bytes_read + since_load_.to_initiator;
    return all;
}

bool Drive::unthread(std::string& trouble) {
    if (!loaded_) {
        return true;
    }
    loaded_ = false;
    const auto synced = cartridge_->sync();
    if (!synced) {
        trouble = synced.error().what;
    }
    Label label = cartridge_->label();
    label.usage = usage();
    if (const auto noted = cartridge_->change(label); !noted && trouble.empty()) {
        trouble = noted.error().what;
    }
    std::erase_if(encryption_.local, [](const auto& each) { return each.second.clear_on_demount; });
    if (encryption_.shared.clear_on_demount) {
        encryption_.shared = {};
        encryption_.of_all.reset();
    }
    return synced.has_value();
}

std::unique_ptr<Cartridge> Drive::remove(std::string& trouble) {
    TARGE_ASSERT(inserted_);
    unthread(trouble);
    inserted_ = false;
    barcode_.clear();
    return std::exchange(cartridge_, nullptr);
}

Result<> Drive::sync() {
    return cartridge_ == nullptr ? Result<>{} : cartridge_->sync();
}

void Drive::session_gone(std::uint64_t session) {
    preventing_.erase(session);
    encryption_.local.erase(session);
    if (encryption_.of_all == session) {
        encryption_.of_all.reset();
    }
}

void Drive::reset() {
    preventing_.clear();
    encryption_.local.clear();
    encryption_.shared = {};
    encryption_.of_all.reset();
    overwrite_.reset();
    mode_.reset();
    block_length_ = 0;
    buffered_ = true;
    if (loaded_) {
        note_partitions();
    }
}

/// What the host did to us, as the initiator hears of it.
Drive::Ending Drive::host_trouble(Call& call, const Fault& fault, bool writing) {
    call.out().trouble = fault.what;
    if (fault.kind == FaultKind::damaged) {
        ++since_load_.read_errors;
        raise_alert(alert::read_failure);
        return medium_error(Asc::unrecovered_read_error);
    }
    if (writing) {
        ++since_load_.write_errors;
        raise_alert(alert::write_failure);
        return medium_error(Asc::write_error);
    }
    raise_alert(alert::hard_error);
    return Sense{.key = SenseKey::hardware_error, .asc = Asc::internal_target_failure};
}

}  // namespace targe::vtl
