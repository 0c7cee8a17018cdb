#include "scsi/unit_attention.h"

#include "base/assert.h"

#include <algorithm>

namespace targe::scsi {
namespace {

/// Zero for what is not of the 29h family; otherwise the stronger condition has the higher rank,
/// [SAM-5 r21 5.14].
constexpr int reset_rank(Asc condition) {
    switch (condition) {
        case Asc::power_on_reset_or_bus_device_reset_occurred:
        case Asc::power_on_occurred:
            return 3;
        case Asc::bus_device_reset_function_occurred:
            return 2;
        case Asc::i_t_nexus_loss_occurred:
            return 1;
        default:
            return 0;
    }
}

}  // namespace

bool UnitAttentionQueue::absorbed(Asc condition) {
    const int rank = reset_rank(condition);
    for (std::size_t i = 0; i < size_; ++i) {
        Asc& waiting = waiting_.at(i);
        if (waiting == condition) {
            return true;
        }
        if (rank != 0 && reset_rank(waiting) != 0) {
            waiting = rank > reset_rank(waiting) ? condition : waiting;
            return true;
        }
    }
    return false;
}

void UnitAttentionQueue::insert(std::size_t at, Asc condition) {
    if (size_ == kCapacity) {
        waiting_.front() = Asc::power_on_reset_or_bus_device_reset_occurred;
        size_ = 1;
        return;
    }
    std::copy_backward(waiting_.begin() + static_cast<std::ptrdiff_t>(at),
                       waiting_.begin() + static_cast<std::ptrdiff_t>(size_),
                       waiting_.begin() + static_cast<std::ptrdiff_t>(size_ + 1));
    waiting_.at(at) = condition;
    ++size_;
}

void UnitAttentionQueue::erase(std::size_t at) {
    std::copy(waiting_.begin() + static_cast<std::ptrdiff_t>(at + 1),
              waiting_.begin() + static_cast<std::ptrdiff_t>(size_),
              waiting_.begin() + static_cast<std::ptrdiff_t>(at));
    --size_;
}

void UnitAttentionQueue::raise(Asc condition) {
    TARGE_ASSERT(condition != Asc::reported_luns_data_has_changed);
    if (!absorbed(condition)) {
        insert(size_, condition);
    }
}

void UnitAttentionQueue::raise_first(Asc condition) {
    if (!absorbed(condition)) {
        insert(0, condition);
        return;
    }
    // Whatever speaks for it now must be at the head.
    for (std::size_t i = 1; i < size_; ++i) {
        const Asc waiting = waiting_.at(i);
        if (waiting == condition || (reset_rank(condition) != 0 && reset_rank(waiting) != 0)) {
            erase(i);
            insert(0, waiting);
            return;
        }
    }
}

std::optional<Asc> UnitAttentionQueue::peek(const InventoryAttention& inventory) const {
    if (size_ != 0) {
        return waiting_.front();
    }
    return inventory.pending() ? std::optional{Asc::reported_luns_data_has_changed} : std::nullopt;
}

std::optional<Asc> UnitAttentionQueue::take(InventoryAttention& inventory) {
    const std::optional<Asc> next = peek(inventory);
    if (size_ != 0) {
        erase(0);
    } else {
        inventory.clear();
    }
    return next;
}

void UnitAttentionQueue::undelivered(Asc condition, InventoryAttention& inventory) {
    if (condition == Asc::reported_luns_data_has_changed) {
        inventory.raise();
        return;
    }
    raise_first(condition);
}

}  // namespace targe::scsi
