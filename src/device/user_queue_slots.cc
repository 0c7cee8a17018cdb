// Offering requests to the handler, and believing what it says of them.
#include "device/user_events.h"
#include "device/user_memory.h"
#include "device/user_queue.h"
#include "device/user_remap.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace targe::device {

namespace {

/// In place of a slot's, in the number of a loan that is no slot.
constexpr std::uint32_t kOfHandler = UINT32_MAX;

constexpr std::uint32_t claim_of(std::uint32_t generation, std::uint32_t state) {
    return generation << TARGE_CLAIM_BITS | state;
}

std::uint64_t monotonic_ns(base::Time time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

std::uint32_t gather(base::ConstSegments from, std::byte* to) {
    std::uint32_t size = 0;
    for (const base::ConstSegment& segment : from) {
        std::memcpy(to + size, segment.data, segment.size);
        size += static_cast<std::uint32_t>(segment.size);
    }
    return size;
}

void scatter(const std::byte* from, std::size_t size, base::Segments into) {
    for (const base::Segment& segment : into) {
        const std::size_t part = std::min(size, segment.size);
        std::memcpy(segment.data, from, part);
        from += part;
        size -= part;
    }
}

bool is_status(std::uint8_t status) {
    constexpr std::array<std::uint8_t, 6> kStatuses{0x00, 0x02, 0x04, 0x08, 0x18, 0x28};
    return std::ranges::find(kStatuses, status) != kStatuses.end();
}

}  // namespace

targe_slot& UserQueue::shared_slot(std::uint32_t number) const {
    return shared_->slots[number];
}

void UserQueue::offer_waiting() {
    while (attachment_ && !waiting_.empty()) {
        UserRequest& request = waiting_.front();
        if (request.op == 0) {
            request.unlink();
            end(request, UserRequest::End::answered);
            continue;
        }
        if (request.server != nullptr && request.server->aborted) {
            request.unlink();
            end(request, UserRequest::End::away);
            continue;
        }
        if (!offer(request)) {
            return;
        }
    }
}

bool UserQueue::offer(UserRequest& request) {
    if (free_slots_.empty() || slots_.size() - free_slots_.size() - going_on_ >=
                                   attachment_->slot_limit.load(std::memory_order_relaxed)) {
        return false;
    }
    const std::uint32_t number = free_slots_.back();
    const std::size_t cdb = request.cdb.size() > sizeof(targe_slot::cdb) ? in_lines(request.cdb.size()) : 0;
    const bool may_remap = this->may_remap(request);
    const std::uint64_t bytes = cdb + in_lines(base::total_size(request.out)) + request.in_bytes() +
                                (may_remap ? TARGE_REMAP_BYTES : 0);
    const auto offset = arena_->take(number, bytes);
    if (!offset) {
        return false;
    }
    free_slots_.pop_back();
    slots_[number] = {.request = &request,
                      .generation = ++generation_,
                      .arena_offset = *offset,
                      .arena_bytes = static_cast<std::uint32_t>(bytes),
                      .in_use = true,
                      .may_remap = may_remap};
    fill(number, request);
    request.slot = number;
    request.unlink();
    begun_.push_back(request);
    std::atomic_ref(shared_->offered_slots[offered_ % TARGE_MAX_SLOTS])
        .store(static_cast<std::uint8_t>(number), std::memory_order_relaxed);
    std::atomic_ref(shared_->offered).store(++offered_, std::memory_order_release);
    reactor_.at_turn_end(*this);
    return true;
}

void UserQueue::fill(std::uint32_t number, const UserRequest& request) {
    Slot& slot = slots_[number];
    std::byte* const arena = attachment_->memory->arena(index_).data();
    targe_slot& shared = shared_slot(number);
    std::uint32_t at = slot.arena_offset;
    if (request.cdb.size() <= sizeof shared.cdb) {
        std::ranges::copy(request.cdb, reinterpret_cast<std::byte*>(shared.cdb));
    } else {
        std::ranges::copy(request.cdb, arena + at);
        shared.long_cdb_offset = at;
        at += in_lines(request.cdb.size());
    }
    shared.cdb_length = static_cast<std::uint32_t>(request.cdb.size());
    shared.out_offset = at;
    const std::uint32_t out_length = gather(request.out, arena + at);
    shared.out_length = out_length;  // not read again: the handler may change it at any time
    at += in_lines(out_length);
    slot.in_offset = at;
    shared.in_offset = at;
    shared.in_length = static_cast<std::uint32_t>(request.in_bytes());
    clear_data_of_others(slot, request);
    shared.generation = slot.generation;
    shared.op = request.op;
    shared.attribute = request.attribute;
    shared.lun = request.lun;
    shared.flags =
        request.flags | (request.begun ? std::uint32_t{TARGE_SLOT_REPLAYED} : 0) |
        (request.op == TARGE_OP_READ && attachment_->lent ? std::uint32_t{TARGE_SLOT_MAY_LEND} : 0) |
        (slot.may_remap ? std::uint32_t{TARGE_SLOT_MAY_REMAP} : 0) |
        (is_part_of_remap(request) ? std::uint32_t{TARGE_SLOT_GENERATED} : 0);
    shared.session = request.session;
    shared.tag = request.tag;
    shared.deadline_ns = monotonic_ns(reactor::RunningTime::instance().on_host(deadline_of(request)));
    shared.offset = request.offset;
    shared.length = request.length;
    std::atomic_ref(shared.aborted).store(0, std::memory_order_relaxed);
    if (request.server != nullptr) {
        request.server->told = &shared.aborted;
    }
    std::atomic_ref(shared.claim)
        .store(claim_of(slot.generation, TARGE_CLAIM_OFFERED), std::memory_order_relaxed);
}

bool UserQueue::revoke(std::uint32_t number) {
    std::uint32_t offered = claim_of(slots_[number].generation, TARGE_CLAIM_OFFERED);
    return std::atomic_ref(shared_slot(number).claim)
        .compare_exchange_strong(offered, claim_of(slots_[number].generation, TARGE_CLAIM_REVOKED));
}

bool UserQueue::reap() {
    const std::uint32_t completed = std::atomic_ref(shared_->completed).load(std::memory_order_acquire);
    const std::uint32_t count = completed - reaped_;
    if (count == 0) {
        return false;
    }
    wakes_for_nothing_ = 0;
    // However many it claims to have completed: take() takes no more than it was asked for.
    for (std::uint32_t i = 0; i < count; ++i) {
        if (const char* const wrong = take(completion_at(*shared_, reaped_))) {
            attachment_->give_up(wrong);
            return true;
        }
        ++reaped_;
    }
    attachment_->heard[index_].at.store(reactor_.now(), std::memory_order_relaxed);
    return true;
}

const char* UserQueue::take(const targe_completion& completion) {
    if (completion.slot >= slots_.size() || !slots_[completion.slot].in_use || slots_[completion.slot].lent ||
        slots_[completion.slot].generation != completion.generation) {
        return "it completed what it was not asked for, or twice";
    }
    const Slot& slot = slots_[completion.slot];
    if (slot.goes_on) {
        return end_what_went_on(completion.slot, completion);
    }
    UserRequest* const request = slot.request;
    if ((completion.flags & TARGE_COMPLETION_GOES_ON) != 0) {
        return let_go_on(completion.slot, completion);
    }
    if (request != nullptr) {
        if (const char* const wrong = check(*request, completion)) {
            return wrong;
        }
        if (is_remap(completion)) {
            request->remap = remap_of(slot, completion);
            if (!request->remap) {
                return "it asks for what it may not, or what cannot be done";
            }
        }
        request->answer = completion;
        if (completion.error == 0 && request->lends) {
            lend(completion.slot, *request);
            return nullptr;
        }
        if (completion.error == 0 && !request->in.empty()) {
            const std::size_t size =
                request->op == TARGE_OP_EXECUTE ? completion.in_length : base::total_size(request->in);
            const std::byte* const from =
                (completion.flags & TARGE_COMPLETION_LENT) != 0
                    ? attachment_->lent->part(completion.command_specific, size).data
                    : attachment_->memory->arena(index_).data() + slot.in_offset;
            scatter(from, size, request->in);
        }
        request->unlink();
        end(*request, UserRequest::End::answered);
    }
    free_slot(completion.slot);
    return nullptr;
}

bool UserQueue::may_lend(std::uint64_t bytes) const {
    if (!attachment_) {
        return false;
    }
    const auto slots =
        std::min<std::size_t>(slots_.size(), attachment_->slot_limit.load(std::memory_order_relaxed));
    if (std::size_t{2} * (lending_ + 1) > slots) {
        return false;
    }
    return bytes <= TARGE_SLOT_BYTES ||
           (attachment_->lent && bytes <= kMostBytes && lending_bytes_ + bytes <= arena_->largest() / 4);
}

/// What was answered may be so, see check().
bool UserQueue::is_of_handler(const UserRequest& request, const targe_completion& completion) const {
    return request.op == TARGE_OP_READ && completion.error == 0 && attachment_->lent &&
           attachment_->lent->holds(completion.command_specific, request.length);
}

void UserQueue::lend(std::uint32_t number, UserRequest& request) {
    Slot& slot = slots_[number];
    const std::uint64_t of = std::uint64_t{attachments_} << 32U;
    if ((request.answer.flags & TARGE_COMPLETION_LENT) != 0) {
        request.loan = {.data = attachment_->lent->part(request.answer.command_specific, request.in_bytes()),
                        .number = of | kOfHandler};
        ++lent_by_handler_;
        free_slot(number);
    } else {
        request.loan = {
            .data = {attachment_->memory->arena(index_).data() + slot.in_offset, request.in_bytes()},
            .number = of | number};
        slot.lent = true;
        slot.request = nullptr;
        count_loan(slot.arena_bytes, 1);
    }
    request.unlink();
    end(request, UserRequest::End::answered);
}

void UserQueue::give_back(std::uint64_t loan) {
    const auto of = static_cast<std::uint32_t>(loan >> 32U);
    if (attachment_ && of == attachments_ && static_cast<std::uint32_t>(loan) == kOfHandler) {
        --lent_by_handler_;
        return;
    }
    if (attachment_ && of == attachments_) {
        free_slot(static_cast<std::uint32_t>(loan));
        if (!waiting_.empty()) {
            activate();  // one may wait for that slot
        }
        return;
    }
    const auto old = std::ranges::find(old_loans_, of, &OldLoans::number);
    TARGE_ASSERT(old != old_loans_.end());
    if (--old->count == 0) {
        old_loans_.erase(old);
    }
}

void UserQueue::count_loan(std::uint64_t bytes, int by) {
    lending_ += static_cast<std::uint32_t>(by);
    if (bytes > TARGE_SLOT_BYTES) {
        lending_bytes_ += static_cast<std::uint64_t>(by) * bytes;
    }
}

void UserQueue::keep_loans() {
    std::uint32_t count = lent_by_handler_;
    for (const Slot& slot : slots_) {
        if (slot.lent) {
            ++count;
            count_loan(slot.arena_bytes, -1);
        }
    }
    if (count > 0) {
        old_loans_.push_back({.number = attachments_, .attachment = attachment_, .count = count});
    }
}

const char* UserQueue::let_go_on(std::uint32_t number, const targe_completion& completion) {
    Slot& slot = slots_[number];
    UserRequest* const request = slot.request;
    const bool may = (attachment_->hello.can & TARGE_MAY_GO_ON) != 0 && request != nullptr &&
                     request->op == TARGE_OP_EXECUTE && request->in.empty();
    if (!may || completion.flags != TARGE_COMPLETION_GOES_ON || completion.error != 0 ||
        completion.status != 0 || completion.in_length != 0) {
        return "it goes on with a command that has to end";
    }
    slot.goes_on = true;
    slot.nexus = request->session;
    ++going_on_;
    request->answer = completion;
    request->unlink();
    end(*request, UserRequest::End::answered);
    slot.request = nullptr;
    return nullptr;
}

const char* UserQueue::end_what_went_on(std::uint32_t number, const targe_completion& completion) {
    constexpr std::uint8_t kSenseKeys = 16;
    constexpr std::uint8_t kCheckCondition = 0x02;
    constexpr std::uint8_t kHasInformation = 1;
    if (completion.error != 0 || completion.flags != 0 || !is_status(completion.status) ||
        completion.key >= kSenseKeys) {
        return "it ended what went on in a way that there is not";
    }
    if (completion.status == kCheckCondition) {
        DeferredError error{.nexus = slots_[number].nexus,
                            .key = completion.key,
                            .condition = static_cast<std::uint16_t>(completion.asc << 8U | completion.ascq)};
        if ((completion.sense_flags & kHasInformation) != 0) {
            error.information = completion.information;
        }
        host_.defer(error);
    }
    --going_on_;
    free_slot(number);
    return nullptr;
}

void UserQueue::lose_what_went_on() {
    constexpr std::uint8_t kAbortedCommand = 0x0b;
    constexpr std::uint16_t kInternalTargetFailure = 0x4400;
    for (Slot& slot : slots_) {
        if (std::exchange(slot.goes_on, false)) {
            host_.defer({.nexus = slot.nexus, .key = kAbortedCommand, .condition = kInternalTargetFailure});
        }
    }
    going_on_ = 0;
}

const char* UserQueue::check(const UserRequest& request, const targe_completion& completion) const {
    constexpr std::int32_t kLargestErrno = 4095;
    if (completion.error < 0 || completion.error > kLargestErrno) {
        return "it completed a command with an error that there is not";
    }
    if ((completion.flags & TARGE_COMPLETION_LENT) != 0 && !is_of_handler(request, completion)) {
        return "it lends what it has not, or was not asked for";
    }
    if (request.op == TARGE_OP_EXECUTE && completion.error != 0) {
        constexpr std::int32_t kRefused = EACCES;
        return completion.error == kRefused || completion.error == ECANCELED
                   ? nullptr
                   : "it completed a command with an error that no command has";
    }
    if (request.op == TARGE_OP_EXECUTE) {
        if (completion.in_length > base::total_size(request.in)) {
            return "it claims more data-in than there is room for";
        }
        constexpr std::uint8_t kSenseKeys = 16;
        if (!is_status(completion.status) || completion.key >= kSenseKeys) {
            return "it completed a command with a status or sense key that there is not";
        }
    }
    if (request.op == TARGE_OP_BLOCK_STATUS && completion.error == 0) {
        const auto length = static_cast<std::uint64_t>(completion.information);
        if (completion.information <= 0 || length > request.length || length % settings_.block_size != 0) {
            return "it told of an extent that cannot be";
        }
    }
    return nullptr;
}

void UserQueue::free_slot(std::uint32_t number) {
    Slot& slot = slots_[number];
    arena_->give_back(slot.arena_offset, slot.arena_bytes);
    if (slot.lent) {
        count_loan(slot.arena_bytes, -1);
    }
    slot = {};
    free_slots_.push_back(number);
}

}  // namespace targe::device
