#include "iscsi/held_requests.h"

#include "iscsi/pdu_scsi.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace targe::iscsi {

namespace {

/// What a PDU costs to keep, its bookkeeping included.
std::size_t cost(const HeldPdu& pdu) {
    return sizeof(HeldPdu) + pdu.additional.size() + pdu.data.size();
}

bool is_command(const HeldPdu& pdu) {
    return opcode_of(HeaderView{pdu.header}) == Opcode::scsi_command;
}
TaskTag tag_of(const HeldPdu& pdu) {
    return TaskTag{wire::get<BasicHeader::kInitiatorTaskTag>(HeaderView{pdu.header})};
}
Lun lun_of(const HeldPdu& pdu) {
    return Lun{wire::get<BasicHeader::kLun>(HeaderView{pdu.header})};
}

}  // namespace

bool HeldRequests::contains(CmdSn number) const {
    return std::ranges::any_of(held_, [&](const Entry& entry) { return entry.number == number; });
}

bool HeldRequests::holds_command(TaskTag tag) const {
    return std::ranges::any_of(held_, [&](const Entry& entry) {
        return !entry.pdus.empty() && is_command(entry.pdus.front()) && tag_of(entry.pdus.front()) == tag;
    });
}

bool HeldRequests::reserve(const HeldPdu& pdu) {
    if (cost(pdu) > limit_bytes_ - bytes_ || (shared_ != nullptr && !shared_->take(cost(pdu)))) {
        return false;
    }
    bytes_ += cost(pdu);
    return true;
}

void HeldRequests::give_back(std::size_t bytes) {
    bytes_ -= bytes;
    if (shared_ != nullptr) {
        shared_->give_back(bytes);
    }
}

bool HeldRequests::add(CmdSn number, HeldPdu pdu) {
    if (contains(number) || !reserve(pdu)) {
        return false;
    }
    Entry& entry = held_.emplace_back();
    entry.number = number;
    entry.pdus.push_back(std::move(pdu));
    return true;
}

bool HeldRequests::add_data(TaskTag tag, HeldPdu pdu) {
    for (Entry& entry : held_) {
        if (!entry.pdus.empty() && is_command(entry.pdus.front()) && tag_of(entry.pdus.front()) == tag) {
            if (!reserve(pdu)) {
                return false;
            }
            entry.pdus.push_back(std::move(pdu));
            return true;
        }
    }
    return false;
}

void HeldRequests::forget(Entry& entry) {
    for (const HeldPdu& pdu : entry.pdus) {
        give_back(cost(pdu));
    }
    entry.pdus.clear();
}

void HeldRequests::skip(CmdSn number) {
    for (Entry& entry : held_) {
        if (entry.number == number) {
            forget(entry);
            return;
        }
    }
    held_.emplace_back().number = number;
}

void HeldRequests::skip_commands(const ConcernsLun& concerned, CmdSn before) {
    for (Entry& entry : held_) {
        if (!entry.pdus.empty() && is_command(entry.pdus.front()) && entry.number.before(before) &&
            concerned(lun_of(entry.pdus.front()))) {
            forget(entry);
        }
    }
}

bool HeldRequests::skip_command(TaskTag tag, const ConcernsLun& concerned) {
    for (Entry& entry : held_) {
        if (!entry.pdus.empty() && is_command(entry.pdus.front()) && tag_of(entry.pdus.front()) == tag &&
            concerned(lun_of(entry.pdus.front()))) {
            forget(entry);
            return true;
        }
    }
    return false;
}

std::optional<std::vector<HeldPdu>> HeldRequests::take(CmdSn number) {
    const auto found = std::ranges::find(held_, number, &Entry::number);
    if (found == held_.end()) {
        return std::nullopt;
    }
    std::vector<HeldPdu> pdus = std::move(found->pdus);
    for (const HeldPdu& pdu : pdus) {
        give_back(cost(pdu));
    }
    held_.erase(found);
    return pdus;
}

}  // namespace targe::iscsi
