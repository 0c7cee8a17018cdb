#include "iscsi/data_out.h"

#include "base/assert.h"

#include <algorithm>

namespace targe::iscsi {

void DataOut::begin(const DataOutRules& rules, std::uint32_t expected, std::uint32_t immediate, bool final) {
    rules_ = rules;
    expected_ = expected;
    wanted_ = 0;
    arrived_ = solicited_from_ = immediate;
    if (outstanding_ != 0) {
        solicited_.fill({});
        outstanding_ = 0;
    }
    accepted_ = stopped_ = settled_ = false;
    immediate_open_ = immediate > 0;
    failure_.reset();
    unsolicited_ = {};
    const std::uint32_t may_come = std::min(expected, rules.first_burst_length);
    if (immediate > 0 && !rules.immediate_data) {
        unexpected();
    } else if (immediate > may_come) {
        fail(DataOutFailure::incorrect_amount);
    }
    // An initiator that announces unsolicited data and may send no more of them has nothing to send.
    if (!final && !rules.initial_r2t && immediate < may_come) {
        unsolicited_.offset = immediate;
        unsolicited_.length = may_come - immediate;
        unsolicited_.open = true;
    }
}

DataSequence* DataOut::find(TransferTag tag) {
    if (tag.value == kReservedTag) {
        return unsolicited_.open ? &unsolicited_ : nullptr;
    }
    const auto found = std::ranges::find_if(
        solicited_, [&](const DataSequence& sequence) { return sequence.open && sequence.tag == tag; });
    return found == solicited_.end() ? nullptr : &*found;
}

bool DataOut::check(const DataSequence& sequence, const DataOutSegment& segment) {
    const std::uint32_t left = sequence.length - sequence.received;
    if (segment.data_sn != sequence.next_data_sn || segment.offset != sequence.offset + sequence.received) {
        fail(DataOutFailure::digest_error);
    } else if (segment.length > left || (segment.length == left && !segment.final) ||
               (segment.length < left && segment.final && sequence.tag.value != kReservedTag)) {
        fail(DataOutFailure::incorrect_amount);
    }
    return !failure_;
}

void DataOut::received(DataSequence& sequence, const DataOutSegment& segment) {
    const std::uint32_t length = std::min(segment.length, sequence.length - sequence.received);
    sequence.received += length;
    ++sequence.next_data_sn;
    arrived_ += length;
    const bool solicited = sequence.tag.value != kReservedTag;
    if (!solicited) {
        solicited_from_ += length;
    }
    // A sequence that is full ends even without its F bit, or a response would wait for it for ever.
    if (segment.final || sequence.received == sequence.length) {
        sequence.open = false;
        outstanding_ = static_cast<std::uint16_t>(outstanding_ - (solicited ? 1 : 0));
    }
}

void DataOut::fail(DataOutFailure reason) {
    if (!failure_) {
        failure_ = reason;
    }
}

void DataOut::accept(std::uint32_t wanted) {
    TARGE_ASSERT(!accepted_ && wanted <= expected_);
    accepted_ = true;
    wanted_ = wanted;
}

bool DataOut::wants_r2t() const {
    const auto limit = std::min<std::size_t>(rules_.max_outstanding_r2t, kMaxOutstanding);
    return accepted_ && !stopped_ && !failure_ && !immediate_open_ && !unsolicited_.open &&
           outstanding_ < limit && solicited_from_ < wanted_;
}

ReadyToTransfer DataOut::next_r2t(TransferTag tag) {
    TARGE_ASSERT(wants_r2t() && tag.value != kReservedTag);
    const auto free = std::ranges::find(solicited_, false, &DataSequence::open);
    TARGE_ASSERT(free != solicited_.end());
    *free = {.tag = tag,
             .offset = solicited_from_,
             .length = std::min(rules_.max_burst_length, wanted_ - solicited_from_),
             .open = true};
    solicited_from_ += free->length;
    ++outstanding_;
    return {tag, free->offset, free->length};
}

DataOut::Verdict DataOut::settle() {
    if (settled_ || stopped_ || !accepted_ || open()) {
        return Verdict::pending;
    }
    if (failure_) {
        settled_ = true;
        return Verdict::failed;
    }
    if (arrived_ < wanted_) {
        return Verdict::pending;
    }
    settled_ = true;
    return Verdict::complete;
}

}  // namespace targe::iscsi
