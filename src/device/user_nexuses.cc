// What the queue tells the handler by itself: which nexuses there are, and what is done to their commands.
#include "device/user_memory.h"
#include "device/user_queue.h"

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace targe::device {

namespace {

/// A request that nobody awaits. Ends itself.
struct Notice final : UserRequest {
    Notice() {
        may_be_repeated = false;
        nobody_waits = true;
    }
    /// Data-out: the names, and a NUL after each.
    void say(std::initializer_list<std::string_view> names) {
        for (const std::string_view name : names) {
            const auto bytes = std::as_bytes(std::span{name});
            text.insert(text.end(), bytes.begin(), bytes.end());
            text.push_back(std::byte{0});
        }
        segment = {text.data(), text.size()};
        out = {&segment, 1};
    }

    std::vector<std::byte> text = {};
    base::ConstSegment segment = {};
};

}  // namespace

void UserQueue::forget(UserRequest& notice) {
    delete static_cast<Notice*>(&notice);
}

/// Of what waits and what was begun, all that `goes`, which is told of each whether it was begun.
template <class Goes>
void UserQueue::forget_where(const Goes& goes) {
    for (Requests* const list : {&waiting_, &begun_}) {
        const bool begun = list == &begun_;
        Requests present;
        while (!list->empty()) {
            present.push_back(list->pop_front());
        }
        while (!present.empty()) {
            UserRequest& request = present.pop_front();
            if (!goes(request, begun)) {
                list->push_back(request);
                continue;
            }
            if (begun) {
                slots_[request.slot].request = nullptr;
            }
            forget(request);
        }
    }
}

/// The daemon ends: what nobody waits for keeps it from that no longer, whatever the handler makes of it.
void UserQueue::forget_all_notices() {
    forget_where([&](const UserRequest& request, bool begun) {
        if (request.nobody_waits && begun) {
            static_cast<void>(revoke(request.slot));
        }
        return request.nobody_waits;
    });
}

/// A handler may say that it has filled more of data-in than it has.
void UserQueue::clear_data_of_others(const Slot& slot, const UserRequest& request) {
    if (request.op >= TARGE_OP_EXECUTE) {
        owners_.hand_over(request.session, attachment_->memory->arena(index_),
                          {slot.arena_offset, slot.arena_bytes},
                          {slot.in_offset, static_cast<std::uint32_t>(request.in_bytes())});
    }
}

bool UserQueue::join(const ServerNexus& nexus) {
    nexuses_.push_back(nexus);
    if (attachment_) {
        introduce(nexuses_.back());
    }
    // Of the one that has come and that this queue was not told of yet: it is attached before long.
    const UserPresence::Now now = presence_.look();
    const bool asked = now.attachment && !now.stopping && !now.attachment->given_up() &&
                       (now.attachment->hello.can & TARGE_WANTS_SESSIONS) != 0;
    if (asked && now.attachment != attachment_) {
        promised_.push_back(nexus.nexus);
    }
    return asked;
}

/// What the handler was not told yet, another queue tells it. It must not hear of it here when the nexus has
/// left from there: so what it has not begun is taken back.
void UserQueue::depart(std::uint64_t nexus) {
    std::erase_if(nexuses_, [&](const ServerNexus& one) { return one.nexus == nexus; });
    forget_where([&](const UserRequest& request, bool begun) {
        return request.op == TARGE_OP_SESSION_ATTACH && request.session == nexus &&
               (!begun || revoke(request.slot));
    });
}

void UserQueue::leave(std::uint64_t nexus) {
    const auto gone =
        std::ranges::find_if(nexuses_, [&](const ServerNexus& one) { return one.nexus == nexus; });
    if (gone == nexuses_.end()) {
        return;
    }
    nexuses_.erase(gone);
    if (attachment_ && wants_nexuses()) {
        auto notice = std::make_unique<Notice>();
        notice->op = TARGE_OP_SESSION_DETACH;
        notice->session = nexus;
        send(std::move(notice));
    }
}

bool UserQueue::wants_nexuses() const {
    return (attachment_->hello.can & TARGE_WANTS_SESSIONS) != 0;
}

/// Its commands are offered behind this.
void UserQueue::introduce(const ServerNexus& one) {
    if (!wants_nexuses()) {
        return;
    }
    auto notice = std::make_unique<Notice>();
    notice->op = TARGE_OP_SESSION_ATTACH;
    notice->session = one.nexus;
    notice->lun = one.lun;
    notice->flags = one.read_only ? 1U : 0U;
    notice->say({one.initiator, one.target});
    send(std::move(notice));
}

void UserQueue::introduce_all() {
    for (const ServerNexus& one : nexuses_) {
        introduce(one);
    }
}

void UserQueue::tell_of_management(std::uint8_t function, bool done, std::uint64_t nexus) {
    if (!attachment_) {
        return;
    }
    auto notice = std::make_unique<Notice>();
    notice->op = TARGE_OP_MANAGEMENT;
    notice->offset = function;
    notice->flags = done ? 1U : 0U;
    notice->session = nexus;
    send(std::move(notice));
}

void UserQueue::tell_of_delivery(std::uint64_t nexus, std::uint64_t report, bool arrived) {
    if (!attachment_ || (attachment_->hello.can & TARGE_WANTS_DELIVERY) == 0) {
        return;
    }
    auto notice = std::make_unique<Notice>();
    notice->op = TARGE_OP_DELIVERED;
    notice->session = nexus;
    notice->offset = report;
    notice->flags = arrived ? 1U : 0U;
    send(std::move(notice));
}

void UserQueue::tell_of_reservations(const ReservationFacts& facts) {
    reservations_ = Reservations{.facts = facts, .holder = std::string(facts.holder)};
    introduce_reservations();
}

void UserQueue::introduce_reservations() {
    if (!attachment_ || !reservations_ || (attachment_->hello.can & TARGE_WANTS_RESERVATIONS) == 0) {
        return;
    }
    constexpr std::uint32_t kReserve = 0x100;
    constexpr std::uint32_t kPersistent = 0x200;
    const ReservationFacts& facts = reservations_->facts;
    auto notice = std::make_unique<Notice>();
    notice->op = TARGE_OP_RESERVATIONS;
    notice->session = facts.nexus;
    notice->offset = facts.registrants;
    notice->length = facts.generation;
    notice->flags = facts.kind == ReservationFacts::Kind::none      ? 0
                    : facts.kind == ReservationFacts::Kind::reserve ? kReserve
                                                                    : kPersistent | facts.type;
    notice->say({reservations_->holder});
    send(std::move(notice));
}

void UserQueue::send(std::unique_ptr<UserRequest> notice) {
    if (stop_at_) {
        forget(*notice.release());
        return;
    }
    notice->accepted = reactor_.now();
    enqueue(*notice.release());
}

}  // namespace targe::device
